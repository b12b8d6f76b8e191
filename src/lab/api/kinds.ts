// The kinds that the embedded API serves: a literal table, which a further kind joins by one entry.
// Discovery, routing, storage and selectors all read it; only the columns that kubectl prints are
// elsewhere (table.ts) and have a default. It must not know how anything is stored or transported.

export type Kind = {
  /** API group; '' is the core group, whose paths start with `/api/v1`. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, as in paths. */
  readonly resource: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** Whether there is a status subresource, so that the object itself cannot change its status. */
  readonly hasStatus: boolean;
  /** Whether `metadata.generation` counts changes outside of metadata and status. */
  readonly hasGeneration: boolean;
  /** Whether PUT needs a resourceVersion (AllowUnconditionalUpdate is false). */
  readonly updateNeedsRevision: boolean;
  /** Whether PUT of what is missing creates it (AllowCreateOnUpdate). */
  readonly createsOnUpdate: boolean;
  /** Fields for fieldSelector besides metadata.name and metadata.namespace. */
  readonly selectableFields: readonly string[];
};

const CORE = {
  group: '',
  version: 'v1',
  shortNames: [],
  namespaced: true,
  hasStatus: false,
  hasGeneration: false,
  updateNeedsRevision: false,
  createsOnUpdate: false,
  selectableFields: [],
} as const satisfies Partial<Kind>;

const EVENT_FIELDS = [
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'involvedObject.apiVersion',
  'reason',
  'source',
  'type',
];

const POD_FIELDS = ['spec.nodeName', 'spec.hostNetwork', 'status.phase', 'status.podIP'];

export const NAMESPACES: Kind = {
  ...CORE,
  kind: 'Namespace',
  resource: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  hasStatus: true,
  selectableFields: ['status.phase'],
};

export const NODES: Kind = {
  ...CORE,
  kind: 'Node',
  resource: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  hasStatus: true,
  selectableFields: ['spec.unschedulable'],
};

export const PODS: Kind = {
  ...CORE,
  kind: 'Pod',
  resource: 'pods',
  shortNames: ['po'],
  hasStatus: true,
  hasGeneration: true,
  selectableFields: POD_FIELDS,
};

export const CONFIG_MAPS: Kind = {
  ...CORE,
  kind: 'ConfigMap',
  resource: 'configmaps',
  shortNames: ['cm'],
};

export const EVENTS: Kind = {
  ...CORE,
  kind: 'Event',
  resource: 'events',
  shortNames: ['ev'],
  createsOnUpdate: true,
  selectableFields: EVENT_FIELDS,
};

export const LEASES: Kind = {
  ...CORE,
  group: 'coordination.k8s.io',
  kind: 'Lease',
  resource: 'leases',
  updateNeedsRevision: true,
  createsOnUpdate: true,
};

const NETWORKING = { ...CORE, group: 'networking.k8s.io', hasGeneration: true } as const;

export const KINDS: readonly Kind[] = [
  NAMESPACES,
  NODES,
  PODS,
  CONFIG_MAPS,
  EVENTS,
  LEASES,
  { ...CORE, kind: 'Secret', resource: 'secrets', selectableFields: ['type'] },
  { ...CORE, kind: 'ServiceAccount', resource: 'serviceaccounts', shortNames: ['sa'] },
  { ...NETWORKING, kind: 'NetworkPolicy', resource: 'networkpolicies', shortNames: ['netpol'] },
];

/** `v1`, or `coordination.k8s.io/v1`. */
export const apiVersionOf = (kind: Kind): string =>
  kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;

/** `nodes`, or `leases.coordination.k8s.io`: how error messages name a resource. */
export const qualifiedResource = (kind: Kind): string =>
  kind.group === '' ? kind.resource : `${kind.resource}.${kind.group}`;

export const findKind = (apiVersion: string, resource: string): Kind | undefined =>
  KINDS.find((kind) => apiVersionOf(kind) === apiVersion && kind.resource === resource);
