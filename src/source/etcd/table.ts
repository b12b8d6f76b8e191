// What is known of etcd's keys, kept up to date by lists and changes, and the cluster that follows
// from it. Each change touches the few nodes whose keys it names; what peers would not notice is
// no event. It also answers what a claim has to know. No I/O.

import type { ClusterEvent } from '../../cluster/cluster.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import type { Cidr } from '../../net/cidr.ts';
import { ipv4First } from '../../net/cidr.ts';
import type { Change, KeyValue, Listing } from './api.ts';
import type { Holder } from './holder.ts';
import { parseHolder } from './holder.ts';
import type { KeyLayout } from './keys.ts';
import { nodeKeyName, nodeNameOf, parseSubnetKeyName, subnetKeyName } from './keys.ts';
import type { NodeKeys } from './node-record.ts';
import { FLANNEL_NAME, nodeRecord } from './node-record.ts';

export type HolderEntry = { readonly item: KeyValue; readonly holder: Holder };

export type SubnetEntry = {
  /** The key's last part. */
  readonly name: string;
  readonly item: KeyValue;
  /** IPv4 first; none when the key's name is not one of subnets. */
  readonly subnets: readonly Cidr[];
};

/** A holder, and the first of its subnet keys, unless that is gone. */
export type Replaced = { readonly entry: HolderEntry; readonly subnet: SubnetEntry | undefined };
export type Claimed = { readonly entry: HolderEntry; readonly subnet: SubnetEntry };

export class EtcdTable {
  /** Texts by node name, where they are kept. */
  readonly summaries: Map<string, string> | undefined;
  readonly #layout: KeyLayout;
  readonly #origin: string;
  #config: string | undefined;
  #subnets = new Map<string, SubnetEntry>();
  /** By node name. */
  #holders = new Map<string, HolderEntry>();
  #adverts = new Map<string, KeyValue>();
  /** Names of nodes that say they hold a subnet key. */
  #holderNames = new Map<string, Set<string>>();
  #nodes = new Map<string, ClusterNode>();
  #revision: number | undefined;
  /** Nodes whose keys have changed. */
  #touched = new Set<string>();

  constructor(layout: KeyLayout, { keepsSummaries = false } = {}) {
    this.#layout = layout;
    this.summaries = keepsSummaries ? new Map() : undefined;
    this.#origin = `etcd key ${layout.config}`;
  }

  /** Of the last change or list; undefined before the first. */
  get revision(): number | undefined {
    return this.#revision;
  }

  get hasConfig(): boolean {
    return this.#config !== undefined;
  }

  /** What the new list says differently; at first, everything. */
  list({ items, revision }: Listing): readonly ClusterEvent[] {
    const isFirst = this.#revision === undefined;
    this.#subnets = new Map();
    this.#holders = new Map();
    this.#adverts = new Map();
    this.summaries?.clear();
    this.#holderNames = new Map();
    this.#touched = new Set(this.#nodes.keys());
    this.#revision = revision;
    let config: string | undefined;
    for (const item of items) {
      if (item.key === this.#layout.config) config = item.value;
      else if (item.key.startsWith(this.#layout.summaries)) this.#putSummary(item);
      else this.#put(item);
    }
    const configEvents = this.#takeConfig(config, isFirst);
    const nodeEvents = this.#nodeEvents();
    if (!isFirst) return [...configEvents, ...nodeEvents];
    return [...configEvents, { kind: 'nodes-listed', nodes: [...this.#nodes.values()] }];
  }

  change(changes: readonly Change[], revision: number): readonly ClusterEvent[] {
    const configEvents: ClusterEvent[] = [];
    for (const change of changes) {
      const key = change.kind === 'put' ? change.item.key : change.key;
      if (key === this.#layout.config) {
        const text = change.kind === 'put' ? change.item.value : undefined;
        configEvents.push(...this.#takeConfig(text, false));
      } else if (key.startsWith(this.#layout.summaries)) {
        if (change.kind === 'put') this.#putSummary(change.item);
        else this.summaries?.delete(nodeNameOf(key.slice(this.#layout.summaries.length)) ?? '');
      } else if (change.kind === 'put') {
        this.#put(change.item);
      } else {
        this.#delete(key);
      }
    }
    this.#revision = revision;
    return [...configEvents, ...this.#nodeEvents()];
  }

  holder(nodeName: string): HolderEntry | undefined {
    return this.#holders.get(nodeName);
  }

  advert(nodeName: string): KeyValue | undefined {
    return this.#adverts.get(nodeName);
  }

  subnet(name: string): SubnetEntry | undefined {
    return this.#subnets.get(name);
  }

  subnets(): Iterable<SubnetEntry> {
    return this.#subnets.values();
  }

  /** The subnet key that the holder has made, unless somebody else has written it since. */
  held({ item, holder }: HolderEntry): SubnetEntry | undefined {
    const entry = this.#subnets.get(holder.subnetKey);
    return entry?.item.lease === item.lease ? entry : undefined;
  }

  /** The same of its further subnet keys, in its own order. */
  heldFurther({ item, holder }: HolderEntry): readonly SubnetEntry[] {
    return holder.further.flatMap((subnet) => {
      const entry = this.#subnets.get(subnetKeyName([subnet]));
      return entry?.item.lease === item.lease ? [entry] : [];
    });
  }

  /** All that the node holds: IPv4 first, within a family the first one first. */
  ownSubnets(entry: HolderEntry): readonly Cidr[] {
    if (this.held(entry) === undefined) return [];
    const further = this.heldFurther(entry).flatMap(({ subnets }) => subnets);
    return ipv4First([...entry.holder.subnets, ...further]);
  }

  /** The Poplin node that holds a subnet key. */
  holderNameOf({ name, item }: SubnetEntry): string | undefined {
    for (const nodeName of this.#holderNames.get(name) ?? []) {
      if (this.#holders.get(nodeName)?.item.lease === item.lease) return nodeName;
    }
    return undefined;
  }

  #takeConfig(text: string | undefined, isFirst: boolean): readonly ClusterEvent[] {
    if (text === this.#config && !isFirst) return [];
    this.#config = text;
    if (text === undefined) return [{ kind: 'config-gone' }];
    return [{ kind: 'config-put', config: { text, origin: this.#origin } }];
  }

  /** Nobody decides anything by it: no event. */
  #putSummary({ key, value }: KeyValue): void {
    const name = nodeNameOf(key.slice(this.#layout.summaries.length));
    if (name !== undefined) this.summaries?.set(name, value);
  }

  #put(item: KeyValue): void {
    const { subnets, holders, adverts } = this.#layout;
    const { key } = item;
    if (key.startsWith(subnets)) {
      const name = key.slice(subnets.length);
      this.#subnets.set(name, { name, item, subnets: parseSubnetKeyName(name) ?? [] });
      this.#touchSubnet(name);
    } else if (key.startsWith(holders)) {
      const name = nodeNameOf(key.slice(holders.length));
      if (name === undefined) return;
      this.#forgetHolder(name);
      const holder = parseHolder(item.value);
      if (holder !== undefined) this.#setHolder(name, { item, holder });
    } else if (key.startsWith(adverts)) {
      const name = nodeNameOf(key.slice(adverts.length));
      if (name === undefined) return;
      this.#adverts.set(name, item);
      this.#touched.add(name);
    }
  }

  #delete(key: string): void {
    const { subnets, holders, adverts } = this.#layout;
    if (key.startsWith(subnets)) {
      const name = key.slice(subnets.length);
      this.#subnets.delete(name);
      this.#touchSubnet(name);
    } else if (key.startsWith(holders)) {
      const name = nodeNameOf(key.slice(holders.length));
      if (name !== undefined) this.#forgetHolder(name);
    } else if (key.startsWith(adverts)) {
      const name = nodeNameOf(key.slice(adverts.length));
      if (name === undefined) return;
      this.#adverts.delete(name);
      this.#touched.add(name);
    }
  }

  #setHolder(name: string, entry: HolderEntry): void {
    this.#holders.set(name, entry);
    this.#touched.add(name);
    for (const subnetKey of keyNamesOf(entry)) {
      const names = this.#holderNames.get(subnetKey);
      if (names === undefined) this.#holderNames.set(subnetKey, new Set([name]));
      else names.add(name);
      this.#touchSubnet(subnetKey);
    }
  }

  #forgetHolder(name: string): void {
    const entry = this.#holders.get(name);
    this.#touched.add(name);
    if (entry === undefined) return;
    this.#holders.delete(name);
    for (const subnetKey of keyNamesOf(entry)) {
      this.#touchSubnet(subnetKey);
      const names = this.#holderNames.get(subnetKey);
      names?.delete(name);
      if (names?.size === 0) this.#holderNames.delete(subnetKey);
    }
  }

  #touchSubnet(name: string): void {
    this.#touched.add(FLANNEL_NAME + name);
    for (const nodeName of this.#holderNames.get(name) ?? []) this.#touched.add(nodeName);
  }

  #nodeEvents(): readonly ClusterEvent[] {
    const events: ClusterEvent[] = [];
    for (const name of this.#touched) {
      const before = this.#nodes.get(name);
      const node = nodeRecord(this.#keysOf(name));
      if (node === undefined) {
        if (before === undefined) continue;
        this.#nodes.delete(name);
        events.push({ kind: 'node-gone', name, uid: before.uid });
      } else if (JSON.stringify(before) !== JSON.stringify(node)) {
        this.#nodes.set(name, node);
        events.push({ kind: 'node-put', node });
      }
    }
    this.#touched = new Set();
    return events;
  }

  #keysOf(name: string): NodeKeys {
    const holder = this.#holders.get(name);
    if (holder !== undefined) {
      const subnets = this.ownSubnets(holder);
      const keys = { name, holder, subnet: this.held(holder), subnets };
      return { ...keys, advert: this.#adverts.get(name) };
    }
    const alone = name.startsWith(FLANNEL_NAME)
      ? this.#subnets.get(name.slice(FLANNEL_NAME.length))
      : undefined;
    const isAlone = alone !== undefined && this.holderNameOf(alone) === undefined;
    return { name, subnet: isAlone ? alone : undefined, advert: this.#adverts.get(name) };
  }
}

/** Names of the subnet keys that a holder speaks of. */
const keyNamesOf = ({ holder }: HolderEntry): readonly string[] => [
  holder.subnetKey,
  ...holder.further.map((subnet) => subnetKeyName([subnet])),
];

/** Where a node says who it is, and what its peers need. */
export const keysOfNode = (layout: KeyLayout, nodeName: string) => ({
  holder: layout.holders + nodeKeyName(nodeName),
  advert: layout.adverts + nodeKeyName(nodeName),
  summary: layout.summaries + nodeKeyName(nodeName),
});
