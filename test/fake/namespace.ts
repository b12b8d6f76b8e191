// Network namespaces in memory: what they hold, and who is told of changes. A machine has several,
// by path, because a veth pair joins two. The state outlives the kernel objects that were opened on
// it, as the real one outlives the agent's process.

import type { Hint, Kernel } from '../../src/kernel/kernel.ts';
import type { Family } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { Mac } from '../../src/net/mac.ts';
import type {
  Address,
  FdbEntry,
  Link,
  Neighbour,
  Nexthop,
  Qdisc,
  Route,
  Rule,
} from '../../src/state/kernel-state.ts';
import type { RouteLookup } from '../../src/state/route-lookup.ts';

export type LinkEnd = { readonly namespace: FakeNamespace; readonly name: string };
export type FakeWatcher = {
  readonly kernel: Kernel;
  listener(hint: Hint): void;
  /** Neighbours of other links are not told of. */
  ownsLink(name: string): boolean;
};
/** A prefix as numbers. */
export type AddressRange = {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
  readonly lengthBits: number;
};
export type FakeSet = { readonly type: string; readonly elements: Set<string> };

/** A map that tells whether anything in it was changed. */
class CountingMap<Key, Value> extends Map<Key, Value> {
  changes = 0;

  override set(key: Key, value: Value): this {
    this.changes += 1;
    return super.set(key, value);
  }

  override delete(key: Key): boolean {
    this.changes += 1;
    return super.delete(key);
  }

  override clear(): void {
    this.changes += 1;
    super.clear();
  }
}

const LOOPBACK: Link = {
  kind: 'other',
  driver: '',
  name: 'lo',
  up: false,
  mtuBytes: 65536,
  mac: '00:00:00:00:00:00' as Mac,
  group: 0,
  alias: '',
};

export class FakeNamespace {
  readonly machine: FakeMachine;
  readonly path: string;
  /** No other namespace of its machine ever has the same. */
  readonly cookie: number;
  readonly links = new CountingMap<string, Link>([['lo', LOOPBACK]]);
  readonly addresses = new CountingMap<string, Address>();
  readonly nexthops = new CountingMap<string, Nexthop>();
  readonly routes = new CountingMap<string, Route>();
  readonly neighbours = new CountingMap<string, Neighbour>();
  readonly fdb = new CountingMap<string, FdbEntry>();
  readonly rules = new Map<string, Rule>();
  readonly qdiscs = new CountingMap<string, Qdisc>();
  readonly sysctls = new CountingMap<string, string>([['ipv4/ip_forward', '0']]);
  /** Comments of the rules of our table; undefined when there is no table. */
  nftComments: readonly string[] | undefined;
  /** Somebody has switched it off. */
  isNftDormant = false;
  readonly nftSets = new Map<string, FakeSet>();
  /** What links answer for though it is elsewhere. */
  readonly proxies = new Map<string, ReadonlySet<Ip>>();
  /** The other ends of veth pairs. */
  readonly peers = new Map<string, LinkEnd>();
  readonly watchers = new Set<FakeWatcher>();
  /** What lookups computed of prefixes, by their text. */
  readonly ranges = new Map<string, AddressRange>();
  /** What lookups found, as of so many changes of links, addresses and routes. */
  readonly lookups = { changes: 0, found: new Map<Ip, RouteLookup>() };

  constructor(machine: FakeMachine, path: string, cookie: number) {
    this.cookie = cookie;
    this.machine = machine;
    this.path = path;
  }

  hasAddress(ip: Ip): boolean {
    for (const { address } of this.addresses.values()) if (address === ip) return true;
    return false;
  }

  /** Tells everybody but `by`, as the kernel's notifications do. */
  tell(hints: readonly Hint[], by?: Kernel, link?: string): void {
    for (const { kernel, listener, ownsLink } of [...this.watchers]) {
      if (kernel === by || (link !== undefined && !ownsLink(link))) continue;
      for (const hint of hints) listener(hint);
    }
  }
}

export class FakeMachine {
  readonly #namespaces = new Map<string, FakeNamespace>();
  #made = 0;

  /** The namespace of a path, made when it is first asked for. */
  namespace(path: string): FakeNamespace {
    const known = this.#namespaces.get(path);
    if (known !== undefined) return known;
    this.#made += 1;
    const namespace = new FakeNamespace(this, path, this.#made);
    this.#namespaces.set(path, namespace);
    return namespace;
  }

  /** Undefined when nobody holds a namespace of that path. */
  find(path: string): FakeNamespace | undefined {
    return this.#namespaces.get(path);
  }

  /** A pod's namespace goes with all that is in it, and with the other ends of its links. */
  remove(path: string): void {
    const namespace = this.#namespaces.get(path);
    if (namespace === undefined) return;
    this.#namespaces.delete(path);
    for (const end of namespace.peers.values()) {
      end.namespace.links.delete(end.name);
      end.namespace.peers.delete(end.name);
      end.namespace.tell(['link']);
    }
  }
}
