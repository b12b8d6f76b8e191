// Which subnets of a cluster range are held by which nodes, and which is next: the arithmetic of
// the controller-manager's node IPAM (pkg/controller/nodeipam/ipam/cidrset). The search goes on
// after the last subnet given, so that a freed one rests as long as possible.

import { assert } from '../../lib/assert.ts';
import type { Cidr } from '../../net/cidr.ts';
import {
  addressAt,
  cidrAddress,
  cidrFamily,
  cidrLengthBits,
  containsCidr,
  networkOf,
} from '../../net/cidr.ts';
import { ADDRESS_BITS } from '../../net/family.ts';
import { ipToBigInt } from '../../net/ip.ts';

export type PodCidrRange = {
  readonly cluster: Cidr;
  /** Prefix length of a node's share: 24, or 64. */
  readonly subnetLengthBits: number;
};

export class PodCidrAllocator {
  readonly #range: PodCidrRange;
  readonly #count: number;
  readonly #shareBits: bigint;
  readonly #holders = new Map<number, Set<string>>();
  #next = 0;

  constructor(range: PodCidrRange) {
    const shareBits = range.subnetLengthBits - cidrLengthBits(range.cluster);
    assert(shareBits >= 0 && shareBits <= 24, `${range.cluster} has too many or no subnets`);
    this.#range = range;
    this.#count = 2 ** shareBits;
    this.#shareBits = BigInt(ADDRESS_BITS[cidrFamily(range.cluster)] - range.subnetLengthBits);
  }

  /** `undefined` when every subnet is held. */
  allocate(holder: string): Cidr | undefined {
    for (let step = 0; step < this.#count; step += 1) {
      const index = (this.#next + step) % this.#count;
      if (this.#holders.has(index)) continue;
      this.#next = (index + 1) % this.#count;
      this.#holders.set(index, new Set([holder]));
      const first = addressAt(this.#range.cluster, BigInt(index) << this.#shareBits);
      return networkOf(first, this.#range.subnetLengthBits);
    }
    return undefined;
  }

  /** Records a subnet that a node has already; others than of this range do not matter. */
  occupy(cidr: Cidr, holder: string): void {
    for (const index of this.#indexesOf(cidr)) {
      const holders = this.#holders.get(index) ?? new Set();
      this.#holders.set(index, holders.add(holder));
    }
  }

  release(cidr: Cidr, holder: string): void {
    for (const index of this.#indexesOf(cidr)) {
      const holders = this.#holders.get(index);
      holders?.delete(holder);
      if (holders?.size === 0) this.#holders.delete(index);
    }
  }

  #indexesOf(cidr: Cidr): readonly number[] {
    const { cluster, subnetLengthBits } = this.#range;
    if (!containsCidr(cluster, cidr)) return [];
    const offset = ipToBigInt(cidrAddress(cidr)) - ipToBigInt(cidrAddress(cluster));
    const first = Number(offset >> this.#shareBits);
    const length = 2 ** Math.max(0, subnetLengthBits - cidrLengthBits(cidr));
    return Array.from({ length }, (_, index) => first + index);
  }
}
