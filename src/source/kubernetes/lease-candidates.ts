// Which subnets a node has by its Leases, which it may claim, and who stands in the way: what
// assess-leases.ts and assess-further.ts decide by. Pure.

import type { Holding } from '../../cluster/holding.ts';
import type { FamilyConfig } from '../../config/config.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily, overlaps } from '../../net/cidr.ts';
import { isClaimable, pickFreeSubnet, subnetCount } from '../free-subnets.ts';
import type { ClaimMemory, ClaimView, Step } from './claim-view.ts';
import type { LeaseRecord } from './lease-record.ts';

/** What a node has of each family that the configuration wants. */
export type Stock = {
  readonly families: readonly FamilyConfig[];
  /** At most one per family, in the order of the families. */
  readonly kept: readonly LeaseRecord[];
  /** Beside those, in the same families. */
  readonly further: readonly LeaseRecord[];
  readonly missing: readonly FamilyConfig[];
  /** Claimed by this machine, and not needed. */
  readonly surplus: readonly LeaseRecord[];
};

/** Claimed just now, also where the watch is faster than the answer. */
export const isFresh = ({ fresh, pending }: ClaimMemory, subnet: Cidr): boolean =>
  fresh.has(subnet) || pending.get(cidrFamily(subnet)) === subnet;

export const giveBack = ({ subnet, own }: LeaseRecord): Step => ({
  kind: 'give-back',
  subnet,
  uid: own?.uid ?? '',
});

export const keptTold = (told: Holding | undefined): Holding | undefined =>
  told?.authority === 'lease' ? told : undefined;

type Candidate = { readonly subnet: Cidr; readonly isNamed: boolean };

/** A claim without an answer, what was held before, or any that is free. */
export function candidateOf(
  view: ClaimView,
  family: FamilyConfig,
  random: () => number,
): Candidate | undefined {
  const { wish, memory, leases, nodes } = view;
  const pending = memory.pending.get(family.family);
  const before = [...memory.lastHeld, ...wish.previous];
  for (const subnet of pending === undefined ? before : [pending, ...before]) {
    if (isClaimable(family, subnet) && takerOf(view, subnet) === undefined) {
      return { subnet, isNamed: true };
    }
  }
  const taken = [...leases.subnets(), ...memory.refused.keys(), ...nodes.flannelSubnets];
  const subnet = pickFreeSubnet(family, taken, random());
  return subnet === undefined ? undefined : { subnet, isNamed: false };
}

/** Who stands in the way of claiming this subnet, in words. */
export function takerOf(view: ClaimView, subnet: Cidr): string | undefined {
  const { leases, memory, nodes } = view;
  const same = leases.get(subnet);
  const taker = same ?? [...leases.records()].find((other) => overlaps(other.subnet, subnet));
  if (taker !== undefined) return takerText(taker);
  const flannel = nodes.flannelSubnets.find((other) => overlaps(other, subnet));
  if (flannel !== undefined) return `${flannel} of a node of Flannel`;
  return memory.refused.get(subnet);
}

export const takerText = ({ subnet, ownerUid, holder }: LeaseRecord): string =>
  ownerUid === '' ? `reserved by a Lease of ${subnet}` : `held by node ${holder} (${subnet})`;

export function fullText(family: FamilyConfig | undefined): string | undefined {
  if (family === undefined) return undefined;
  const { subnetLengthBits, subnetMin, subnetMax } = family;
  const all = `all ${subnetCount(family)} of /${subnetLengthBits}`;
  return `no free subnet: ${all} from ${subnetMin} to ${subnetMax} are taken`;
}
