// How many subnets of one family a node needs for its pods, and which of them it could do without.
// A further one is wanted before the last address is gone, so that no ADD waits for it. One that
// the others have room for is drained: its pods stay, and no new ones come, until it is empty; what
// becomes of it then is subnet-stock.ts's. The first subnet is never drained. Pure.

import type { SubnetUsage } from '../cni/ipam.ts';
import type { Cidr } from '../net/cidr.ts';

export type SubnetQuestion = {
  /** Of one family, the first one first, without those that are being given back. */
  readonly usage: readonly SubnetUsage[];
  /** As of the last look. */
  readonly draining: ReadonlySet<Cidr>;
};

export type SubnetPlan = {
  readonly draining: ReadonlySet<Cidr>;
  /** So few addresses are free, and have rested long enough, that another subnet is needed. */
  readonly isShort: boolean;
  /** So few addresses are free at all. */
  readonly isNearlyFull: boolean;
};

/** Addresses that are kept free, as a part of a subnet. */
const FREE_SHARE = 32;
const FREE_MIN = 4;

export function planSubnets({ usage, draining: before }: SubnetQuestion): SubnetPlan {
  const further = usage.slice(1);
  const draining = new Set(further.flatMap(({ subnet }) => (before.has(subnet) ? [subnet] : [])));
  const total = usage[0]?.total ?? 0;
  const few = fewOf(total);
  const inUse = (): readonly SubnetUsage[] => usage.filter(({ subnet }) => !draining.has(subnet));
  // The one with the most pods comes back first: it would be the last to be empty.
  while (freeOf(inUse()) < few && draining.size > 0) {
    const [fullest] = usage
      .filter(({ subnet }) => draining.has(subnet))
      .sort((a, b) => b.used - a.used);
    if (fullest !== undefined) draining.delete(fullest.subnet);
  }
  const isShort = freeOf(inUse()) < few;
  const isNearlyFull = unusedOf(inUse()) < few;
  const plan = { draining, isShort, isNearlyFull };
  if (isShort || draining.size > 0) return plan;
  const [emptiest] = [...further].sort((a, b) => a.used - b.used);
  if (emptiest === undefined) return plan;
  // With room to spare once its pods have moved, or it would be claimed again at once.
  const left = freeOf(usage.filter((each) => each !== emptiest)) - emptiest.used;
  if (left >= Math.max(2 * few, total / 4)) draining.add(emptiest.subnet);
  return plan;
}

/** Of a tiny subnet not more than half. */
const fewOf = (total: number): number =>
  Math.max(1, Math.min(Math.max(FREE_MIN, Math.floor(total / FREE_SHARE)), Math.floor(total / 2)));

/** Without those that another pod had a moment ago: new pods should not get them yet. */
const freeOf = (usage: readonly SubnetUsage[]): number =>
  usage.reduce((sum, { cooling }) => sum - cooling, unusedOf(usage));

const unusedOf = (usage: readonly SubnetUsage[]): number =>
  usage.reduce((sum, { total, used }) => sum + total - used, 0);
