// Which subnets a node may claim by what is known of etcd's keys, and the transactions that claim
// and say what is published. All of it is decided from one table, without asking anybody: etcd
// carries a transaction out only if the table was right in what it depends on. Pure.

import type { SubnetWish } from '../../cluster/holding.ts';
import type { Config } from '../../config/config.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily, cidrLengthBits, containsCidr, overlaps } from '../../net/cidr.ts';
import type { Ip } from '../../net/ip.ts';
import { isClaimable, pickFreeSubnet } from '../free-subnets.ts';
import type { Condition, LeaseId, Transaction, Write } from './api.ts';
import { NO_LEASE } from './api.ts';
import { renderHolder } from './holder.ts';
import type { KeyLayout } from './keys.ts';
import { firstPartRange, subnetKeyName } from './keys.ts';
import { parseSubnetValue } from './subnet-value.ts';
import type { EtcdTable, HolderEntry, SubnetEntry } from './table.ts';
import { keysOfNode } from './table.ts';

/** Whether these are what the configuration would give out; SubnetMin and SubnetMax bind claims. */
export function fits({ families }: Config, subnets: readonly Cidr[]): boolean {
  return (
    families.length === subnets.length &&
    families.every(({ family, network, subnetLengthBits }, index) => {
      const subnet = subnets[index];
      if (subnet === undefined || cidrFamily(subnet) !== family) return false;
      return cidrLengthBits(subnet) === subnetLengthBits && containsCidr(network, subnet);
    })
  );
}

/** Whether one of them is what the configuration would give out in its family. */
export const isWished = (config: Config, subnet: Cidr): boolean =>
  config.families.some((family) => fits({ ...config, families: [family] }, [subnet]));

/** One of each family that is free, what was held before first; undefined when there is none. */
export function pickSubnets(
  { config, previous }: Pick<SubnetWish, 'config' | 'previous'>,
  table: EtcdTable,
  { own, random }: { readonly own: string | undefined; readonly random: () => number },
): readonly Cidr[] | undefined {
  const taken: Cidr[] = [];
  for (const { name, subnets } of table.subnets()) if (name !== own) taken.push(...subnets);
  const picked: Cidr[] = [];
  for (const family of config.families) {
    const before = previous.find(
      (subnet) => isClaimable(family, subnet) && !taken.some((other) => overlaps(other, subnet)),
    );
    const subnet = before ?? pickFreeSubnet(family, taken, random());
    if (subnet === undefined) return undefined;
    picked.push(subnet);
  }
  return picked;
}

/**
 * A key of before this one that overlaps it. Two claims at once may both be carried out when their
 * keys differ (another length, the same IPv6 subnet): then the later one gives way.
 */
export function olderOverlap(
  { name, item, subnets }: SubnetEntry,
  table: EtcdTable,
): SubnetEntry | undefined {
  for (const other of table.subnets()) {
    if (other.name === name || other.item.createRevision > item.createRevision) continue;
    // Of one transaction there is but one subnet key.
    if (other.subnets.some((theirs) => subnets.some((ours) => overlaps(theirs, ours)))) {
      return other;
    }
  }
  return undefined;
}

export function overlapping(subnets: readonly Cidr[], table: EtcdTable): SubnetEntry | undefined {
  for (const entry of table.subnets()) if (overlapsAny(entry, subnets)) return entry;
  return undefined;
}

export const overlapsAny = (entry: SubnetEntry, subnets: readonly Cidr[]): boolean =>
  entry.subnets.some((theirs) => subnets.some((one) => overlaps(theirs, one)));

/** Who has a subnet key, in words. */
export function ownerWords(entry: SubnetEntry, table: EtcdTable): string {
  const nodeName = table.holderNameOf(entry);
  if (nodeName !== undefined) return `the node ${nodeName}`;
  const address = parseSubnetValue(entry.item.value).flannel?.publicIps[0];
  if (address !== undefined) return `the Flannel node ${address}`;
  return entry.item.lease === NO_LEASE ? 'a reservation' : `the key ${entry.name}`;
}

/** What is written of a node: by whom, under which lease, and the values. */
export type OwnKeys = {
  readonly layout: KeyLayout;
  readonly nodeName: string;
  readonly lease: LeaseId;
  readonly subnets: readonly Cidr[];
  /** Beside those, each by a key of its own. */
  readonly further: readonly Cidr[];
  /** Of the subnet keys. */
  readonly value: string;
  /** Undefined until something was published. */
  readonly advert: string | undefined;
};

export function claimTransaction(
  own: OwnKeys,
  identity: { readonly machine: string; readonly addresses: readonly Ip[] },
  replaced: { readonly entry: HolderEntry; readonly subnet: SubnetEntry | undefined } | undefined,
): Transaction {
  const { layout, nodeName, lease, subnets, further } = own;
  const keys = keysOfNode(layout, nodeName);
  const subnetKey = layout.subnets + subnetKeyName(subnets);
  const holder = renderHolder({ ...identity, subnets, further });
  const writes: Write[] = [
    { kind: 'put', key: subnetKey, value: own.value, lease },
    { kind: 'put', key: keys.holder, value: holder, lease },
  ];
  if (own.advert !== undefined) {
    writes.push({ kind: 'put', key: keys.advert, value: own.advert, lease });
  }
  const absent: Condition = { ...firstPartRange(layout, subnets), is: 'absent' };
  if (replaced === undefined) {
    return { conditions: [absent, { from: keys.holder, is: 'absent' }], writes };
  }
  const { entry, subnet } = replaced;
  const unchanged: Condition = {
    from: keys.holder,
    ...{ is: 'modified-at', revision: entry.item.modRevision },
  };
  if (subnet === undefined) return { conditions: [absent, unchanged], writes };
  const old: Condition = { from: subnet.item.key, is: 'bound-to', lease: subnet.item.lease };
  const isSameFirst = subnet.subnets[0] === subnets[0];
  const target: Condition = isSameFirst ? { from: subnetKey, is: 'absent' } : absent;
  return {
    conditions: [target, unchanged, old],
    writes: [{ kind: 'delete', key: subnet.item.key }, ...writes],
  };
}

/** Undefined when the holder's key says these already. */
export function addressTransaction(
  { item, holder }: HolderEntry,
  addresses: readonly Ip[],
): Transaction | undefined {
  const value = renderHolder({ ...holder, addresses });
  if (value === item.value) return undefined;
  const { key, lease } = item;
  return {
    conditions: [{ from: key, is: 'modified-at', revision: item.modRevision }],
    writes: [{ kind: 'put', key, value, lease }],
  };
}

/** Writes what has changed, if the keys are still the node's own. */
export function publishTransaction(
  own: OwnKeys,
  differs: { readonly value: boolean; readonly advert: boolean },
): Transaction {
  const { layout, nodeName, lease, value, advert } = own;
  const keys = keysOfNode(layout, nodeName);
  const names = [own.subnets, ...own.further.map((subnet) => [subnet])].map(subnetKeyName);
  const subnetKeys = names.map((name) => layout.subnets + name);
  const writes: Write[] = [];
  for (const key of differs.value ? subnetKeys : []) {
    writes.push({ kind: 'put', key, value, lease });
  }
  if (differs.advert && advert !== undefined) {
    writes.push({ kind: 'put', key: keys.advert, value: advert, lease });
  }
  return {
    conditions: [
      { from: keys.holder, is: 'bound-to', lease },
      ...subnetKeys.map((from) => ({ from, is: 'bound-to', lease }) as const),
    ],
    writes,
  };
}
