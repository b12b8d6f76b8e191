// The cluster as folded from events: every node and the text of the network configuration. Whether
// it is the whole truth (`Synced`) or only what a disk remembers (`Remembered`) is part of the
// type: only a Synced cluster may lead to deletions (invariant 2). Pure; peers are keyed by node
// name, never by subnet, so that a late deletion of one node cannot touch another with its old one.

import { assertNever } from '../lib/assert.ts';
import type { ClusterNode } from './node.ts';

/** The configuration's text and where it came from, for messages. */
export type ConfigText = { readonly text: string; readonly origin: string };

export type ClusterData = {
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly config: ConfigText;
};

export type Synced = ClusterData & { readonly kind: 'synced' };
export type Remembered = ClusterData & { readonly kind: 'remembered' };

/** What is known so far: parts are missing until the first full lists have come. */
export type PartialCluster = {
  readonly nodes?: ReadonlyMap<string, ClusterNode>;
  readonly config?: ConfigText;
};

export type ClusterEvent =
  | { readonly kind: 'nodes-listed'; readonly nodes: readonly ClusterNode[] }
  | { readonly kind: 'node-put'; readonly node: ClusterNode }
  | { readonly kind: 'node-gone'; readonly name: string; readonly uid: string }
  | { readonly kind: 'config-put'; readonly config: ConfigText }
  | { readonly kind: 'config-gone' };

export const NOTHING_KNOWN: PartialCluster = {};

/** A new value, or the old one when nothing changes. Late or repeated events are harmless. */
export function fold(cluster: PartialCluster, event: ClusterEvent): PartialCluster {
  switch (event.kind) {
    case 'nodes-listed':
      return { ...cluster, nodes: new Map(event.nodes.map((node) => [node.name, node])) };
    case 'node-put':
      return withNode(cluster, event.node);
    case 'node-gone':
      return withoutNode(cluster, event.name, event.uid);
    case 'config-put':
      return { ...cluster, config: event.config };
    case 'config-gone':
      // The last configuration goes on: a deleted ConfigMap must not take the network away.
      return cluster;
    default:
      return assertNever(event);
  }
}

/** `undefined` until both the nodes and the configuration have been listed once. */
export const synced = (cluster: PartialCluster): Synced | undefined =>
  cluster.nodes === undefined || cluster.config === undefined
    ? undefined
    : { kind: 'synced', nodes: cluster.nodes, config: cluster.config };

/** A Node changes every few minutes (heartbeats, images); what its peers need of it seldom does. */
function withNode(cluster: PartialCluster, node: ClusterNode): PartialCluster {
  const known = cluster.nodes?.get(node.name);
  if (known !== undefined && JSON.stringify(known) === JSON.stringify(node)) return cluster;
  return { ...cluster, nodes: new Map(cluster.nodes).set(node.name, node) };
}

/** A deletion that names an older Node object of the same name changes nothing. */
function withoutNode(cluster: PartialCluster, name: string, uid: string): PartialCluster {
  if (cluster.nodes?.get(name)?.uid !== uid) return cluster;
  const nodes = new Map(cluster.nodes);
  nodes.delete(name);
  return { ...cluster, nodes };
}
