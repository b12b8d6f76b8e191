// Which subnets a node may claim: those of one length between SubnetMin and SubnetMax that overlap
// nothing that is taken. One is picked evenly among all that are free, so that many nodes which
// start in the same moment and know the same seldom pick the same. Pure; chance is a parameter.

import type { FamilyConfig } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import {
  cidrAddress,
  cidrFamily,
  cidrLengthBits,
  cidrSize,
  containsCidr,
  networkOf,
} from '../net/cidr.ts';
import { ADDRESS_BITS } from '../net/family.ts';
import { ipFromBigInt, ipToBigInt } from '../net/ip.ts';

/** Numbers of subnets, counted from address 0 of the family; both ends belong to it. */
type Interval = { readonly first: bigint; readonly last: bigint };

/** `random` is in [0, 1). `undefined`: none is free. */
export function pickFreeSubnet(
  range: FamilyConfig,
  taken: Iterable<Cidr>,
  random: number,
): Cidr | undefined {
  const gaps = freeGaps(range, taken);
  const count = gaps.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  if (count === 0n) return undefined;
  let index = (count * BigInt(Math.floor(random * RANDOM_STEPS))) / BigInt(RANDOM_STEPS);
  for (const { first, last } of gaps) {
    const size = last - first + 1n;
    if (index < size) return subnetAt(range, first + index);
    index -= size;
  }
  return undefined;
}

/** Finer than any number of subnets that nodes could fill. */
const RANDOM_STEPS = 2 ** 48;

/** How many subnets there are to give out, taken or not. */
export function subnetCount(range: FamilyConfig): bigint {
  const { first, last } = bounds(range);
  return last < first ? 0n : last - first + 1n;
}

/** Whether a node may claim this very subnet, were it free. */
export function isClaimable(range: FamilyConfig, subnet: Cidr): boolean {
  if (cidrFamily(subnet) !== range.family) return false;
  if (cidrLengthBits(subnet) !== range.subnetLengthBits) return false;
  if (!containsCidr(range.network, subnet)) return false;
  const { first, last } = bounds(range);
  const number = ipToBigInt(cidrAddress(subnet)) >> hostBits(range);
  return first <= number && number <= last;
}

function freeGaps(range: FamilyConfig, taken: Iterable<Cidr>): readonly Interval[] {
  const { first, last } = bounds(range);
  const gaps: Interval[] = [];
  let next = first;
  for (const used of takenIntervals(range, taken)) {
    if (used.first > last) break;
    if (used.first > next) gaps.push({ first: next, last: used.first - 1n });
    if (used.last >= next) next = used.last + 1n;
  }
  if (next <= last) gaps.push({ first: next, last });
  return gaps;
}

/** In the order of their first number. */
function takenIntervals(range: FamilyConfig, taken: Iterable<Cidr>): readonly Interval[] {
  const bits = hostBits(range);
  const intervals: Interval[] = [];
  for (const cidr of taken) {
    if (cidrFamily(cidr) !== range.family) continue;
    const start = ipToBigInt(cidrAddress(cidr));
    intervals.push({ first: start >> bits, last: (start + cidrSize(cidr) - 1n) >> bits });
  }
  return intervals.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
}

/** SubnetMin and SubnetMax begin a subnet of the configured length, which may not be this one. */
function bounds(range: FamilyConfig): Interval {
  const bits = hostBits(range);
  const size = 1n << bits;
  return {
    first: (ipToBigInt(range.subnetMin) + size - 1n) >> bits,
    last: ipToBigInt(range.subnetMax) >> bits,
  };
}

const hostBits = ({ family, subnetLengthBits }: FamilyConfig): bigint =>
  BigInt(ADDRESS_BITS[family] - subnetLengthBits);

const subnetAt = (range: FamilyConfig, number: bigint): Cidr =>
  networkOf(ipFromBigInt(number << hostBits(range), range.family), range.subnetLengthBits);
