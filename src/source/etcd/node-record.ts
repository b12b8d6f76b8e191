// A node as its peers need it, from its keys in etcd: a Poplin node from its holder, subnet and
// advert keys, a Flannel node from the subnet key that is all it has. What cannot be understood
// becomes one of the node's `problems` and harms no other node (invariant 10). Pure.

import { parseAdvert, withSharedLists } from '../../cluster/advert.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import type { Cidr } from '../../net/cidr.ts';
import type { Ip } from '../../net/ip.ts';
import { shown } from '../kubernetes/flannel-annotations.ts';
import type { KeyValue } from './api.ts';
import { NO_LEASE } from './api.ts';
import { parseSubnetValue } from './subnet-value.ts';
import type { HolderEntry, SubnetEntry } from './table.ts';

/** Begins the names of nodes that are known by their subnet key alone; no Node may have a colon. */
export const FLANNEL_NAME = 'flannel:';

export type NodeKeys = {
  readonly name: string;
  readonly holder?: HolderEntry;
  /** The key that the holder has made; without a holder, one that nobody of ours has made. */
  readonly subnet?: SubnetEntry | undefined;
  /** All that the holder has, by further keys as well. */
  readonly subnets?: readonly Cidr[];
  readonly advert: KeyValue | undefined;
};

export function nodeRecord(keys: NodeKeys): ClusterNode | undefined {
  const { holder, subnet } = keys;
  if (holder !== undefined) return poplinNode(keys, holder);
  if (subnet !== undefined) return flannelNode(keys.name, subnet);
  return keys.advert === undefined ? undefined : nodeWithoutSubnet(keys.name, keys.advert);
}

/** What a node knows of itself before it has claimed anything: younger than whoever has. */
export const nodeWithoutKeys = (name: string, internalIps: readonly Ip[]): ClusterNode => ({
  ...{ name, uid: '', createdAt: '9999-12-31T23:59:59Z' },
  ...{ subnets: [], internalIps, problems: [] },
});

function poplinNode(
  { name, subnet, subnets = [], advert }: NodeKeys,
  { item, holder }: HolderEntry,
): ClusterNode {
  const value = subnet === undefined ? undefined : parseSubnetValue(subnet.item.value);
  const said = advert === undefined ? undefined : parseAdvert(advert.value);
  const problems = (value?.problems ?? []).map((problem) => `${holder.subnetKey}: ${problem}`);
  if (subnet === undefined) {
    problems.push(`its subnet ${holder.subnets.join(', ')} is not, or not any more, its own`);
  }
  if (said?.kind === 'malformed') {
    problems.push(`its advert: ${said.problem}: ${shown(advert?.value)}`);
  }
  return {
    name,
    uid: String(item.createRevision),
    createdAt: stampOf(subnet?.item ?? item),
    subnets,
    internalIps: holder.addresses,
    ...(said?.kind === 'ok' ? { advert: withSharedLists(said.advert, holder.addresses) } : {}),
    ...(value?.flannel === undefined ? {} : { flannel: value.flannel }),
    problems,
  };
}

/** Somebody has removed the rest: whoever is still there says so until it claims again. */
function nodeWithoutSubnet(name: string, item: KeyValue): ClusterNode {
  const said = parseAdvert(item.value);
  return {
    name,
    uid: String(item.createRevision),
    createdAt: stampOf(item),
    subnets: [],
    internalIps: said.kind === 'ok' ? said.advert.underlay : [],
    ...(said.kind === 'ok' ? { advert: said.advert } : {}),
    problems: ['it holds no subnet'],
  };
}

/** `undefined` for a reservation: a key that never ends and names no node. */
function flannelNode(name: string, { name: key, item, subnets }: SubnetEntry) {
  const { flannel, problems } = parseSubnetValue(item.value);
  if (item.lease === NO_LEASE && flannel === undefined && subnets.length > 0) return undefined;
  const node: ClusterNode = {
    name,
    uid: String(item.createRevision),
    createdAt: stampOf(item),
    subnets,
    internalIps: flannel?.publicIps ?? [],
    ...(flannel === undefined ? {} : { flannel }),
    problems: [
      ...(subnets.length === 0 ? [`the key ${shown(key)} is not the name of a subnet`] : []),
      ...problems,
    ],
  };
  return node;
}

/** Sorts as the revisions do, and before every date: etcd keeps no time of its keys. */
const stampOf = ({ createRevision }: KeyValue): string => String(createRevision).padStart(16, '0');
