// One request of the comparison between Kubernetes APIs, in the form in which the tables list them,
// and the objects that they send. `{a.metadata.uid}` in a path or a body stands for that member of
// the answer that was remembered as `a`. Pure.

export type ApiCaseOptions = {
  /** The name under which the answer is remembered for later requests. */
  readonly as?: string;
  /** Content-Type; JSON without it. */
  readonly type?: string;
  readonly accept?: string;
  /** Asked again until the answer has this code. */
  readonly until?: number;
  /** The message is the server's own (Go's types, a library's words): only its presence counts. */
  readonly words?: 'own';
  /** Items or events that come from a cache, in no order. */
  readonly order?: 'any';
};

/** Title, method and path, body (text is sent as it is), options. */
export type ApiCase =
  | readonly [title: string, request: string, body?: unknown, options?: ApiCaseOptions]
  /** The datastore forgets all history. */
  | 'compaction';

export const NODES = '/api/v1/nodes';
export const NAMESPACES = '/api/v1/namespaces';
export const IN_SAME = '/api/v1/namespaces/same';
export const CONFIG_MAPS = `${IN_SAME}/configmaps`;
export const LEASES = '/apis/coordination.k8s.io/v1/namespaces/same/leases';
export const POLICIES = '/apis/networking.k8s.io/v1/namespaces/same/networkpolicies';

export const MERGE = { type: 'application/merge-patch+json' } as const;
export const STRATEGIC = { type: 'application/strategic-merge-patch+json' } as const;
export const JSON_PATCH = { type: 'application/json-patch+json' } as const;
export const OWN_WORDS = { words: 'own' } as const;
export const ANY_ORDER = { order: 'any' } as const;

/** Of no object. */
export const NO_UID = '00000000-0000-0000-0000-000000000001';
/** The Node that was remembered as `n1`. */
export const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: '{n1.metadata.uid}' };

type Members = Readonly<Record<string, unknown>>;

/** With `metadata` instead of a name, that is the metadata. */
const metadataOf = (name: string | Members): Members =>
  typeof name === 'string' ? { name } : name;

export const node = (name: string | Members, members: Members = {}): Members => ({
  ...{ apiVersion: 'v1', kind: 'Node', metadata: metadataOf(name) },
  ...members,
});

export const configMap = (name: string | Members, data: unknown = { a: '1' }): Members => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: metadataOf(name) },
  data,
});

export const lease = (name: string | Members, spec: Members = {}): Members => ({
  ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: metadataOf(name) },
  spec: { holderIdentity: 'n', ...spec },
});

export const policy = (name: string | Members, spec: Members = { podSelector: {} }): Members => ({
  ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: metadataOf(name) },
  spec,
});

export const namespace = (name: string | Members): Members => ({
  ...{ apiVersion: 'v1', kind: 'Namespace', metadata: metadataOf(name) },
});

export const event = (name: string, members: Members = {}): Members => ({
  ...{ apiVersion: 'v1', kind: 'Event', metadata: { name } },
  involvedObject: { kind: 'Node', name: 'n1', apiVersion: 'v1' },
  ...{ reason: 'Test', message: 'words', type: 'Warning', source: { component: 'poplin' } },
  ...members,
});
