// A Lease object that holds a subnet: what is kept of it, and how one is written. It belongs to the
// Node that owns it and says in holderIdentity which machine claimed it. It is never renewed, since
// each renewal would reach every watcher; one without a Node as owner is a reservation. Pure.

import type { Cidr } from '../../net/cidr.ts';
import type { LeaseJson, ObjectJson } from './json-types.ts';
import { leaseName, parseLeaseName } from './lease-name.ts';

/** Five thousand of them are in the memory of each node. */
export type LeaseRecord = {
  readonly subnet: Cidr;
  /** uid of the Node that owns it; '': a reservation. */
  readonly ownerUid: string;
  /** Name of the node that claimed it, or whatever holderIdentity says. */
  readonly holder: string;
  /** Its node had one of the family already; absent of all others. */
  readonly isFurther?: true;
  /** Of Leases in the own node's name alone. */
  readonly own?: OwnLease;
};

export type OwnLease = {
  /** Identity of the machine that claimed it. */
  readonly machine: string;
  readonly uid: string;
};

/** A subnet as it is to be claimed. */
export type LeaseClaim = { readonly subnet: Cidr; readonly isFurther: boolean };

export type Claimant = {
  readonly nodeName: string;
  readonly nodeUid: string;
  readonly machine: string;
};

/** A node's name holds no underscore. */
const SEPARATOR = '_';

/** Peers send to a node by the first of its subnets, which so must not change with the others. */
const FURTHER_ANNOTATION = 'poplin.dev/further';

/** `undefined`: it is no Lease of a subnet. */
export function leaseRecord(object: ObjectJson, ownName: string): LeaseRecord | undefined {
  const { metadata, spec } = object as LeaseJson;
  const subnet = parseLeaseName(textOf(metadata?.name));
  if (subnet === undefined) return undefined;
  const identity = textOf(spec?.holderIdentity);
  const [holder = '', ...machine] = identity.split(SEPARATOR);
  const record = {
    subnet,
    ownerUid: ownerUidOf(metadata?.ownerReferences),
    holder,
    ...(metadata?.annotations?.[FURTHER_ANNOTATION] === 'true' ? { isFurther: true } : {}),
    ...(holder === ownName
      ? { own: { machine: machine.join(SEPARATOR), uid: textOf(metadata?.uid) } }
      : {}),
  };
  // Shares no memory with the page that it was parsed from.
  return JSON.parse(JSON.stringify(record)) as LeaseRecord;
}

function ownerUidOf(references: unknown): string {
  for (const reference of Array.isArray(references) ? references : []) {
    const { kind, apiVersion, uid } = (reference ?? {}) as Record<string, unknown>;
    if (kind === 'Node' && apiVersion === 'v1') return textOf(uid);
  }
  return '';
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export const ownerReferences = ({ nodeName, nodeUid }: Claimant): readonly object[] => [
  { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeUid },
];

export const newLease = ({ subnet, isFurther }: LeaseClaim, claimant: Claimant): object => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: {
    name: leaseName(subnet),
    ...(isFurther ? { annotations: { [FURTHER_ANNOTATION]: 'true' } } : {}),
    ownerReferences: ownerReferences(claimant),
  },
  spec: { holderIdentity: `${claimant.nodeName}${SEPARATOR}${claimant.machine}` },
});
