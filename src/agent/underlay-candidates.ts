// The addresses of a node that may be its underlay, and which of several on one link is the best.
// Never those of loopback, of own links, or that are not global: no peer could send to them. Pure.

import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { AddressDrawback, KernelState } from '../state/kernel-state.ts';
import { ownsLink } from '../state/own.ts';

export type Candidate = {
  readonly link: string;
  readonly address: Ip;
  readonly drawback?: AddressDrawback;
  /** Peers send to it by now. */
  readonly isInUse: boolean;
};

export type BestOnLink = {
  readonly candidate: Candidate;
  /** Words about further candidates; '' when there are none. */
  readonly others: string;
};

/** Temporary addresses change every day, dynamic ones when a server says so. */
const RANK = {
  none: 0,
  dynamic: 1,
  secondary: 2,
  deprecated: 3,
  tentative: 4,
  duplicate: 4,
} as const satisfies Record<AddressDrawback | 'none', number>;

const isUnusable = (drawback: AddressDrawback | undefined): boolean =>
  drawback === 'tentative' || drawback === 'duplicate';

/** In the kernel's order, which is that of its links. */
export function underlayCandidates(kernel: KernelState, inUse: ReadonlySet<Ip>): Candidate[] {
  return [...kernel.addresses.values()]
    .filter(
      ({ link, scope, drawback }) =>
        scope === 'global' && link !== 'lo' && !ownsLink(link) && !isUnusable(drawback),
    )
    .map(({ link, address, drawback }) => ({
      ...{ link, address, isInUse: inUse.has(address) },
      ...(drawback === undefined ? {} : { drawback }),
    }));
}

/** One that is in use stays; else a permanent one comes before those that will change. */
export function bestOn(
  candidates: readonly Candidate[],
  link: string,
  family: Family,
): BestOnLink | undefined {
  const onLink = candidates.filter(
    (candidate) => candidate.link === link && familyOf(candidate.address) === family,
  );
  const [best, ...others] = inOrder(onLink);
  if (best === undefined) return undefined;
  const words = others.map(({ address }) => address).join(', ');
  return { candidate: best, others: words === '' ? '' : ` (there is also ${words})` };
}

/** The best first. */
export const inOrder = (candidates: readonly Candidate[]): readonly Candidate[] =>
  candidates.toSorted((a, b) => rankOf(a) - rankOf(b));

const rankOf = ({ isInUse, drawback }: Candidate): number =>
  isInUse && drawback !== 'deprecated' ? -1 : RANK[drawback ?? 'none'];
