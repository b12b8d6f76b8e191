// Collects the objects of a KernelState under their keys. It lives for one computation; two objects
// of the same key are a broken assumption, unless they are the same object (two backends may need
// one neighbour).

import { assert } from '../lib/assert.ts';
import type {
  Address,
  FdbEntry,
  KernelState,
  Link,
  Neighbour,
  Nexthop,
  NftTable,
  Qdisc,
  Route,
  Rule,
} from '../state/kernel-state.ts';
import {
  keyOfAddress,
  keyOfFdbEntry,
  keyOfNeighbour,
  keyOfNexthop,
  keyOfRoute,
  keyOfRule,
} from '../state/kernel-state.ts';

type JoinedPart = Pick<
  KernelState,
  'links' | 'addresses' | 'routes' | 'neighbours' | 'qdiscs' | 'sysctls'
>;

export class StateBuilder {
  readonly #links = new Map<string, Link>();
  readonly #addresses = new Map<string, Address>();
  readonly #nexthops = new Map<string, Nexthop>();
  readonly #routes = new Map<string, Route>();
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #fdb = new Map<string, FdbEntry>();
  readonly #rules = new Map<string, Rule>();
  readonly #qdiscs = new Map<string, Qdisc>();
  readonly #sysctls = new Map<string, string>();
  readonly #nftSets = new Map<string, ReadonlySet<string>>();

  link(link: Link): void {
    assert(!this.#links.has(link.name), `two links named ${link.name}`);
    this.#links.set(link.name, link);
  }

  vxlanLinkNames(): string[] {
    return [...this.#links.values()].filter(({ kind }) => kind === 'vxlan').map(({ name }) => name);
  }

  address(address: Address): void {
    this.#addresses.set(keyOfAddress(address), address);
  }

  nexthop(nexthop: Nexthop): void {
    this.#nexthops.set(keyOfNexthop(nexthop), nexthop);
  }

  route(route: Route): void {
    const { size } = this.#routes;
    const key = keyOfRoute(route);
    this.#routes.set(key, route);
    // By the size, not by `has`: one look-up less for each of thousands.
    if (this.#routes.size === size) assert(false, `two routes ${key}`);
  }

  neighbour(neighbour: Neighbour): void {
    this.#neighbours.set(keyOfNeighbour(neighbour), neighbour);
  }

  fdb(entry: FdbEntry): void {
    this.#fdb.set(keyOfFdbEntry(entry), entry);
  }

  rule(rule: Rule): void {
    this.#rules.set(keyOfRule(rule), rule);
  }

  sysctl(path: string, value: string): void {
    this.#sysctls.set(path, value);
  }

  /** Takes over what others have built, as the host sides of pods. */
  join(part: JoinedPart): void {
    for (const link of part.links.values()) this.link(link);
    for (const address of part.addresses.values()) this.address(address);
    for (const route of part.routes.values()) this.route(route);
    for (const neighbour of part.neighbours.values()) this.neighbour(neighbour);
    for (const [key, qdisc] of part.qdiscs) this.#qdiscs.set(key, qdisc);
    for (const [path, value] of part.sysctls) this.sysctl(path, value);
  }

  nftSet(name: string, elements: ReadonlySet<string>): void {
    this.#nftSets.set(name, elements);
  }

  build(nftTable: NftTable | undefined): KernelState {
    return {
      links: this.#links,
      addresses: this.#addresses,
      nexthops: this.#nexthops,
      routes: this.#routes,
      birdRoutes: new Map(),
      neighbours: this.#neighbours,
      fdb: this.#fdb,
      rules: this.#rules,
      qdiscs: this.#qdiscs,
      sysctls: this.#sysctls,
      nftSets: this.#nftSets,
      ...(nftTable === undefined ? {} : { nftTable }),
    };
  }
}
