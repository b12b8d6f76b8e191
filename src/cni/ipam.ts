// Which address a new pod gets: one that was never used while there is one, else the free one that
// has rested longest, so that a late packet or a cached name for a pod that went does not reach
// another. One that has not rested long enough is chosen too where there is no other, and said to
// be so: whether to wait for a better one is add.ts's. Both families take this code; a /64 is never
// enumerated. Pure: reserving is the store's.

import type { Cidr } from '../net/cidr.ts';
import { addressAt, cidrFamily, cidrSize, contains } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';

/** Number 0 is the node's own subnet address (in IPv6 also the routers' anycast address), number 1
 *  what other networks use as a gateway: a node that comes from Flannel may still have it. */
const FIRST_INDEX = 2n;

/** So many released addresses of a family are remembered; older ones count as never used. */
export const RESTED_MAX = 4096;

/** Released addresses and when that was (Clock.monotonicMs), longest rested first. */
export type RestedAddresses = Readonly<Record<Family, ReadonlyMap<Ip, number>>>;

export type AddressQuestion = {
  /** The node's subnets in order; those of one family stand in for each other. */
  readonly subnets: readonly Cidr[];
  readonly taken: ReadonlySet<Ip>;
  readonly rested: RestedAddresses;
  /** What was released later than this has not rested enough. */
  readonly coolingSinceMs: number;
  /** By subnet, the index below which all has been used before; a hint that saves a search. */
  readonly searchFrom: ReadonlyMap<Cidr, bigint>;
  /** Asked for and without an objection: those of other families are chosen. */
  readonly requested?: readonly Ip[];
};

export type AddressChoice =
  | {
      readonly kind: 'chosen';
      readonly addresses: readonly Ip[];
      /** Those of them that have not rested enough: no other one of their family is free. */
      readonly cooling: readonly Ip[];
      readonly searchFrom: ReadonlyMap<Cidr, bigint>;
    }
  | { readonly kind: 'exhausted'; readonly subnets: readonly Cidr[] };

export type SubnetUsage = {
  readonly subnet: Cidr;
  /** Addresses that pods can have; in IPv6 more than can be counted exactly. */
  readonly total: number;
  readonly used: number;
  /** Free ones that a pod had before. */
  readonly resting: number;
  /** Those of them that have not rested enough. */
  readonly cooling: number;
};

/** In the order of the subnets. */
export function usageOf(
  subnets: readonly Cidr[],
  { taken, rested, coolingSinceMs }: Pick<AddressQuestion, 'taken' | 'rested' | 'coolingSinceMs'>,
): readonly SubnetUsage[] {
  const counts = subnets.map((subnet) => ({ subnet, used: 0, resting: 0, cooling: 0 }));
  const countOf = (address: Ip) => counts.find(({ subnet }) => contains(subnet, address));
  for (const address of taken) {
    const count = countOf(address);
    if (count !== undefined) count.used += 1;
  }
  for (const family of FAMILIES) {
    for (const [address, releasedMs] of rested[family]) {
      const count = taken.has(address) ? undefined : countOf(address);
      if (count === undefined) continue;
      count.resting += 1;
      if (releasedMs > coolingSinceMs) count.cooling += 1;
    }
  }
  return counts.map((count) => ({ ...count, total: capacityOf(count.subnet) }));
}

/** All but the subnet address, the one after it and the last. */
const capacityOf = (subnet: Cidr): number =>
  Math.max(0, Number(cidrSize(subnet)) - Number(FIRST_INDEX) - 1);

/** One address for each family that the subnets have, all or none. */
export function chooseAddresses(question: AddressQuestion): AddressChoice {
  const addresses: Ip[] = [];
  const cooling: Ip[] = [];
  const searchFrom = new Map(question.searchFrom);
  for (const family of FAMILIES) {
    const subnets = question.subnets.filter((subnet) => cidrFamily(subnet) === family);
    if (subnets.length === 0) continue;
    const asked = question.requested?.find((ip) => familyOf(ip) === family);
    if (asked !== undefined) {
      addresses.push(asked);
      continue;
    }
    const rested = question.rested[family];
    const used = { taken: question.taken, rested };
    const address = neverUsed(used, subnets, searchFrom) ?? longestRested(used, subnets);
    if (address === undefined) return { kind: 'exhausted', subnets };
    addresses.push(address);
    const releasedMs = rested.get(address);
    if (releasedMs !== undefined && releasedMs > question.coolingSinceMs) cooling.push(address);
  }
  return { kind: 'chosen', addresses, cooling, searchFrom };
}

/** Why a pod cannot have the address that it asks for. */
export type AddressObjection = 'foreign' | 'reserved' | 'taken';

export function objectionTo(
  address: Ip,
  { subnets, taken }: Pick<AddressQuestion, 'subnets' | 'taken'>,
): AddressObjection | undefined {
  const subnet = subnets.find((each) => contains(each, address));
  if (subnet === undefined) return 'foreign';
  if (!isUsable(subnet, address)) return 'reserved';
  return taken.has(address) ? 'taken' : undefined;
}

type UsedAddresses = {
  readonly taken: ReadonlySet<Ip>;
  readonly rested: ReadonlyMap<Ip, number>;
};

function neverUsed(
  { taken, rested }: UsedAddresses,
  subnets: readonly Cidr[],
  searchFrom: Map<Cidr, bigint>,
): Ip | undefined {
  // Below the hint only what rested so long that it was forgotten is new again.
  const size = subnets.reduce((sum, subnet) => sum + cidrSize(subnet), 0n);
  const forgets = size > BigInt(RESTED_MAX);
  const isNew = (ip: Ip): boolean => !taken.has(ip) && !rested.has(ip);
  for (const subnet of subnets) {
    const hint = searchFrom.get(subnet) ?? FIRST_INDEX;
    const index = search(subnet, hint, isNew);
    if (index === undefined) continue;
    searchFrom.set(subnet, index + 1n);
    return addressAt(subnet, index);
  }
  for (const subnet of forgets ? subnets : []) {
    const index = search(subnet, FIRST_INDEX, isNew);
    if (index !== undefined) return addressAt(subnet, index);
  }
  return undefined;
}

/** Ends after as many steps as there are taken and rested addresses, however large the subnet. */
function search(
  subnet: Cidr,
  from: bigint,
  isWanted: (address: Ip) => boolean,
): bigint | undefined {
  // The last address is the broadcast address in IPv4; the same one is left out in IPv6.
  const end = cidrSize(subnet) - 1n;
  for (let index = from; index < end; index += 1n) {
    if (isWanted(addressAt(subnet, index))) return index;
  }
  return undefined;
}

function longestRested({ taken, rested }: UsedAddresses, subnets: readonly Cidr[]): Ip | undefined {
  for (const address of rested.keys()) {
    if (!taken.has(address) && subnets.some((subnet) => isUsable(subnet, address))) return address;
  }
  return undefined;
}

/** A rested address may come from a subnet of other bounds, where it was an ordinary one. */
function isUsable(subnet: Cidr, address: Ip): boolean {
  if (!contains(subnet, address)) return false;
  if (cidrSize(subnet) <= FIRST_INDEX + 1n) return false;
  const reserved = [0n, 1n, cidrSize(subnet) - 1n];
  return !reserved.some((index) => addressAt(subnet, index) === address);
}
