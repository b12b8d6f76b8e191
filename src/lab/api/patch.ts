// JSON merge patch (RFC 7386): members of the patch replace those of the target, null removes, and
// anything that is not an object replaces as a whole. The target is not changed. Results are built
// with Object.fromEntries, so that a member called `__proto__` stays an ordinary member.

import { isJsonObject } from './object.ts';

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const members = new Map(Object.entries(isJsonObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, mergePatch(members.get(name), value));
  }
  return Object.fromEntries(members);
}
