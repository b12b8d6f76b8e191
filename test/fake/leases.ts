// Who holds which subnet in the datastore in memory: podCIDRs, or leases that exclude each other by
// the address ranges they cover. Claims are atomic, since there is one thread. The rules are those
// of the real ones: the own subnets first, then those from before, then the first free ones, for
// all families or for none; another machine of the same name gets nothing while the first is there.

import type { Holding, SubnetWish } from '../../src/cluster/holding.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import type { FamilyConfig } from '../../src/config/config.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import {
  cidrFamily,
  cidrLengthBits,
  containsCidr,
  networkOf,
  overlaps,
} from '../../src/net/cidr.ts';
import { ADDRESS_BITS } from '../../src/net/family.ts';
import { ipFromBigInt, ipToBigInt } from '../../src/net/ip.ts';

/** `node` is absent where an operator reserved the subnet. */
type Lease = { readonly node?: string; readonly machine: string; endMs: number };

export type FakeLeasesOptions = {
  readonly clock: Clock;
  readonly rightMs: number | undefined;
  readonly changed: () => void;
};

const EXPLANATION = 'the datastore in memory decides by SubnetSource';

export class FakeLeases {
  readonly podCIDRs = new Map<string, readonly Cidr[]>();
  readonly #leases = new Map<Cidr, Lease>();
  readonly #options: FakeLeasesOptions;

  constructor(options: FakeLeasesOptions) {
    this.#options = options;
  }

  /** How often who holds something renews it. */
  get renewMs(): number {
    return (this.#options.rightMs ?? 180_000) / 3;
  }

  /** What the cluster says that a node has. */
  of(node: string): readonly Cidr[] {
    const leased = [...this.#leases].flatMap(([subnet, lease]) =>
      lease.node === node && !this.#isOver(lease) ? [subnet] : [],
    );
    return leased.length > 0 ? leased : (this.podCIDRs.get(node) ?? []);
  }

  /** Nobody gets it from now on, unless somebody holds it. */
  reserve(subnet: Cidr): void {
    this.#leases.set(subnet, { machine: '', endMs: Number.POSITIVE_INFINITY });
    this.#options.changed();
  }

  /** An operator deletes the lease; the holder may claim it again. `heir` is faster. */
  revoke(subnet: Cidr, heir?: string): void {
    this.#leases.delete(subnet);
    const lease = { machine: `machine of ${heir}`, endMs: Number.POSITIVE_INFINITY };
    if (heir !== undefined) this.#leases.set(subnet, { ...lease, node: heir });
    this.#options.changed();
  }

  /** The node's object is gone, and what it owns with it. */
  forget(node: string): void {
    this.podCIDRs.delete(node);
    for (const [subnet, lease] of this.#leases) {
      if (lease.node === node) this.#leases.delete(subnet);
    }
    this.#options.changed();
  }

  claim(node: string, wish: SubnetWish, nodes: ReadonlyMap<string, ClusterNode>): Holding {
    if (wish.config.subnetSource === 'podCIDR') return this.#podCidr(node);
    const common = { authority: 'lease', explanation: EXPLANATION } as const;
    const none = (reason: string): Holding => ({ ...common, kind: 'none', reason });
    if (!nodes.has(node)) return none(`there is no Node named ${node}`);
    const own = [...this.#leases].filter(([, lease]) => lease.node === node);
    if (own.some(([, lease]) => lease.machine !== wish.machine && !this.#isOver(lease))) {
      return none(`another machine named ${node} holds ${own.map(([subnet]) => subnet).join()}`);
    }
    const subnets: Cidr[] = [];
    for (const family of wish.config.families) {
      const found = this.#find(node, family, wish.previous);
      if (found === undefined) return none(`no subnet of ${family.network} is free`);
      subnets.push(found);
    }
    this.#write(subnets, node, wish.machine);
    return { ...common, kind: 'held', subnets, ...this.#end() };
  }

  #podCidr(node: string): Holding {
    const common = { authority: 'podCIDR', explanation: EXPLANATION } as const;
    const subnets = this.podCIDRs.get(node) ?? [];
    return subnets.length > 0
      ? { ...common, kind: 'held', subnets }
      : { ...common, kind: 'none', reason: `Node ${node} has no podCIDR` };
  }

  #find(node: string, family: FamilyConfig, previous: readonly Cidr[]): Cidr | undefined {
    const own = [...this.#leases].flatMap(([subnet, lease]) =>
      lease.node === node ? [subnet] : [],
    );
    const fits = (subnet: Cidr): boolean =>
      cidrFamily(subnet) === family.family &&
      cidrLengthBits(subnet) === family.subnetLengthBits &&
      containsCidr(family.network, subnet);
    for (const subnet of [...own, ...previous]) {
      if (fits(subnet) && this.#isFree(subnet, node)) return subnet;
    }
    const size = 1n << BigInt(ADDRESS_BITS[family.family] - family.subnetLengthBits);
    const last = ipToBigInt(family.subnetMax);
    for (let at = ipToBigInt(family.subnetMin); at <= last; at += size) {
      const subnet = networkOf(ipFromBigInt(at, family.family), family.subnetLengthBits);
      if (this.#isFree(subnet, node)) return subnet;
    }
    return undefined;
  }

  #isFree(subnet: Cidr, node: string): boolean {
    for (const [other, lease] of this.#leases) {
      if (lease.node !== node && !this.#isOver(lease) && overlaps(subnet, other)) return false;
    }
    return true;
  }

  #write(subnets: readonly Cidr[], node: string, machine: string): void {
    const endMs =
      this.#options.clock.boottimeMs() + (this.#options.rightMs ?? Number.POSITIVE_INFINITY);
    const before = this.of(node).join();
    for (const [subnet, lease] of this.#leases) {
      if (lease.node === node || this.#isOver(lease)) this.#leases.delete(subnet);
    }
    for (const subnet of subnets) this.#leases.set(subnet, { node, machine, endMs });
    if (this.of(node).join() !== before) this.#options.changed();
  }

  #isOver(lease: Lease): boolean {
    return lease.endMs <= this.#options.clock.boottimeMs();
  }

  /** A tenth before the datastore's own. */
  #end(): Pick<Extract<Holding, { kind: 'held' }>, 'end'> {
    const { clock, rightMs } = this.#options;
    if (rightMs === undefined) return {};
    const leftMs = rightMs * 0.9;
    const wallClockMs = clock.now().getTime() + leftMs;
    return { end: { boottimeMs: clock.boottimeMs() + leftMs, wallClockMs } };
  }
}
