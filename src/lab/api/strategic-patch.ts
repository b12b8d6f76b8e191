// Strategic merge patch, as far as `kubectl apply`, kubectl label, kubelets and Flannel need it:
// like a merge patch, but lists of objects are merged by a key member, lists of plain values in
// metadata.finalizers are joined, and `$patch`, `$deleteFromPrimitiveList` and `$retainKeys` are
// obeyed (apimachinery/pkg/util/strategicpatch). Which list has which key is in Go struct tags
// there; here a table names those of the kinds we serve. Other lists are replaced.

import type { JsonObject } from './object.ts';
import { isJsonObject } from './object.ts';

/** The member that identifies an element, by the name of the list. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  addresses: 'type',
  conditions: 'type',
  taints: 'key',
  ownerReferences: 'uid',
  containers: 'name',
  initContainers: 'name',
  containerStatuses: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  ports: 'containerPort',
  podIPs: 'ip',
  hostIPs: 'ip',
  secrets: 'name',
  imagePullSecrets: 'name',
};

/** Lists of plain values that are sets. */
const MERGED_SETS: readonly string[] = ['finalizers', 'podCIDRs'];

const DELETE_FROM = '$deleteFromPrimitiveList/';

export function strategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
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
    } else if (name.startsWith('$')) {
      // Order directives: elements keep their order, new ones come last.
    } else if (value === null) {
      members.delete(name);
    } else if (Array.isArray(value)) {
      members.set(name, mergeList(name, members.get(name), value));
    } else {
      members.set(name, strategicMergePatch(members.get(name), value));
    }
  }
  return Object.fromEntries(members);
}

function mergeList(name: string, target: unknown, patch: readonly unknown[]): readonly unknown[] {
  const present: readonly unknown[] = Array.isArray(target) ? target : [];
  if (MERGED_SETS.includes(name)) return [...new Set([...present, ...patch])];
  const key = MERGE_KEYS[name];
  const elements = patch.filter(isJsonObject);
  if (key === undefined || elements.length < patch.length) return patch;
  const isReplaced = elements.some(
    (element) => element.$patch === 'replace' && element[key] === undefined,
  );
  if (isReplaced) return elements.filter((element) => element.$patch === undefined);
  let merged = [...present];
  for (const element of elements) {
    const index = merged.findIndex((each) => isJsonObject(each) && each[key] === element[key]);
    if (element.$patch === 'delete') merged = merged.filter((_, at) => at !== index);
    else if (index < 0) merged.push(strategicMergePatch({}, element));
    else merged[index] = strategicMergePatch(merged[index], element);
  }
  return merged;
}

const without = (target: unknown, removed: unknown): readonly unknown[] => {
  const present: readonly unknown[] = Array.isArray(target) ? target : [];
  return Array.isArray(removed) ? present.filter((each) => !removed.includes(each)) : present;
};

const withoutDirectives = (patch: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith('$')));
