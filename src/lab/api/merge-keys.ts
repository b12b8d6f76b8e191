// Which lists a strategic merge patch merges, and by which member of their elements: a table of the
// struct tags of k8s.io/api for the kinds that we serve. A list that is not here is replaced.

/** `set`: a list of plain values without order, joined. */
export type ListMerge = { readonly key: string } | 'set';

const ANY_KIND: Readonly<Record<string, ListMerge>> = {
  'metadata.ownerReferences': { key: 'uid' },
  'metadata.finalizers': 'set',
};

const CONTAINERS = ['containers', 'initContainers', 'ephemeralContainers'].map(
  (list) => `spec.${list}`,
);

const POD: Readonly<Record<string, ListMerge>> = {
  ...Object.fromEntries(
    CONTAINERS.flatMap((path): [string, ListMerge][] => [
      [path, { key: 'name' }],
      [`${path}.ports`, { key: 'containerPort' }],
      [`${path}.env`, { key: 'name' }],
      [`${path}.volumeMounts`, { key: 'mountPath' }],
      [`${path}.volumeDevices`, { key: 'devicePath' }],
    ]),
  ),
  'spec.volumes': { key: 'name' },
  'spec.imagePullSecrets': { key: 'name' },
  'spec.hostAliases': { key: 'ip' },
  'spec.topologySpreadConstraints': { key: 'topologyKey' },
  'status.conditions': { key: 'type' },
  'status.podIPs': { key: 'ip' },
  'status.hostIPs': { key: 'ip' },
};

const BY_KIND: Readonly<Record<string, Readonly<Record<string, ListMerge>>>> = {
  Node: {
    'spec.podCIDRs': 'set',
    'status.conditions': { key: 'type' },
    'status.addresses': { key: 'type' },
  },
  Namespace: { 'status.conditions': { key: 'type' } },
  Pod: POD,
  ServiceAccount: { secrets: { key: 'name' } },
};

/** `path` has the names of members alone: `spec.containers.env`. */
export const listMergeOf = (kind: string, path: string): ListMerge | undefined =>
  ANY_KIND[path] ?? BY_KIND[kind]?.[path];
