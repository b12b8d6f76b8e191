// Strategic merge patch (apimachinery/pkg/util/strategicpatch): like a merge patch, but the lists
// of merge-keys.ts are merged, and the directives that kubectl sends are obeyed: `$patch`,
// `$retainKeys`, `$deleteFromPrimitiveList/LIST` and `$setElementOrder/LIST`. The target is not
// changed. What has no meaning here is a member like any other, and then refused by validation.

import type { ListMerge } from './merge-keys.ts';
import { listMergeOf } from './merge-keys.ts';
import type { JsonObject } from './object.ts';
import { isJsonObject } from './object.ts';
import { StatusError } from './status.ts';

const DELETE_FROM = '$deleteFromPrimitiveList/';
const SET_ORDER = '$setElementOrder/';

/** Where in an object of which kind. */
type Place = { readonly kind: string; readonly path: string };

export const strategicMergePatch = (kind: string, target: unknown, patch: JsonObject): unknown =>
  mergeObject({ kind, path: '' }, target, patch);

function mergeObject(place: Place, target: unknown, patch: JsonObject): unknown {
  if (patch.$patch === 'replace') return withoutDirectives(patch);
  if (patch.$patch === 'delete') return {};
  const members = new Map(Object.entries(isJsonObject(target) ? target : {}));
  const retained = patch.$retainKeys;
  if (Array.isArray(retained)) {
    for (const name of [...members.keys()]) if (!retained.includes(name)) members.delete(name);
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith(DELETE_FROM)) {
      const list = name.slice(DELETE_FROM.length);
      members.set(list, without(members.get(list), value));
    } else if (name.startsWith(SET_ORDER) || name === '$retainKeys') {
      // Obeyed before and after.
    } else if (value === null) {
      members.delete(name);
    } else {
      members.set(name, mergeMember(within(place, name), members.get(name), value));
    }
  }
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(SET_ORDER)) continue;
    const list = name.slice(SET_ORDER.length);
    const before = isJsonObject(target) ? target[list] : undefined;
    const merged = { before, after: members.get(list), order };
    if (members.has(list)) members.set(list, ordered(within(place, list), merged));
  }
  return Object.fromEntries(members);
}

const within = ({ kind, path }: Place, name: string): Place => ({
  kind,
  path: path === '' ? name : `${path}.${name}`,
});

function mergeMember(place: Place, target: unknown, patch: unknown): unknown {
  if (Array.isArray(patch)) return mergeList(place, target, patch);
  return isJsonObject(patch) ? mergeObject(place, target, patch) : patch;
}

function mergeList(place: Place, target: unknown, patch: readonly unknown[]): readonly unknown[] {
  const present: readonly unknown[] = Array.isArray(target) ? target : [];
  const merge = listMergeOf(place.kind, place.path);
  if (merge === 'set') return [...new Set([...present, ...patch])];
  const elements = patch.filter(isJsonObject);
  if (merge === undefined || elements.length < patch.length) {
    return patch.map((value) => (isJsonObject(value) ? withoutDirectives(value) : value));
  }
  const { key } = merge;
  if (elements.some((each) => each.$patch === 'replace' && each[key] === undefined)) {
    return elements.filter((element) => element.$patch === undefined);
  }
  let merged = [...present];
  for (const element of elements) {
    if (element[key] === undefined) throw withoutKey(element, key);
    const index = merged.findIndex((each) => isJsonObject(each) && each[key] === element[key]);
    if (element.$patch === 'delete') merged = merged.filter((_, at) => at !== index);
    else if (index < 0) merged.push(mergeObject(place, {}, element));
    else merged[index] = mergeObject(place, merged[index], element);
  }
  return merged;
}

type Merged = { readonly before: unknown; readonly after: unknown; readonly order: unknown };

/**
 * The elements that the patch names stand in its order, the others in that of the object; where
 * the two meet, the object's order decides (mergeSortedSlice).
 */
function ordered(place: Place, { before, after, order }: Merged): unknown {
  const merge = listMergeOf(place.kind, place.path);
  if (merge === undefined || !Array.isArray(after) || !Array.isArray(order)) return after;
  const identity = (element: unknown): unknown => identityOf(element, merge);
  const wanted = order.map(identity);
  const live = (Array.isArray(before) ? before : []).map(identity);
  const named = after
    .filter((element) => wanted.includes(identity(element)))
    .sort((a, b) => wanted.indexOf(identity(a)) - wanted.indexOf(identity(b)));
  const others = after.filter((element) => !wanted.includes(identity(element)));
  const result: unknown[] = [];
  for (const element of named) {
    const place = live.indexOf(identity(element));
    while (place >= 0 && others.length > 0 && live.indexOf(identity(others[0])) < place) {
      result.push(others.shift());
    }
    result.push(element);
  }
  return [...result, ...others];
}

const identityOf = (element: unknown, merge: ListMerge): unknown =>
  merge !== 'set' && isJsonObject(element) ? element[merge.key] : element;

const without = (target: unknown, removed: unknown): readonly unknown[] => {
  const present: readonly unknown[] = Array.isArray(target) ? target : [];
  return Array.isArray(removed) ? present.filter((each) => !removed.includes(each)) : present;
};

const withoutDirectives = (patch: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith('$')));

const withoutKey = (element: JsonObject, key: string): StatusError =>
  new StatusError({
    code: 500,
    message: `map: ${JSON.stringify(element)} does not contain declared merge key: ${key}`,
  });
