// The cluster that the node works by: what the source says, once everything has been listed; before
// that what the disk remembers. A cluster without this node is one that has lost its memory, or
// one that deleted the Node of a machine which lives on: it is taken as something remembered, so
// that nothing is removed by it, and whoever it names with a subnet comes before what it left out.

import type { ClusterEvent, PartialCluster, Remembered, Synced } from '../cluster/cluster.ts';
import { fold, NOTHING_KNOWN, synced } from '../cluster/cluster.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { OfferedText } from './config-keeper.ts';

/** Stamps of Nodes, as text, that are older and younger than every real one. */
const OLDEST = '';
const YOUNGEST = '9999-12-31T23:59:59Z';

export class ClusterView {
  readonly #nodeName: string;
  /** Where nodes are known by what they hold: this one before it holds anything. */
  readonly #ownNode: ClusterNode | undefined;
  #known: PartialCluster = NOTHING_KNOWN;
  /** The last one that this node was part of. */
  #base: Synced | Remembered | undefined;
  #current: Synced | Remembered | undefined;

  constructor(nodeName: string, ownNode?: ClusterNode) {
    this.#nodeName = nodeName;
    this.#ownNode = ownNode;
  }

  /** What the disk remembers: of that, this node's own subnets are known best. */
  restore(remembered: Remembered): void {
    const own = remembered.nodes.get(this.#nodeName);
    if (own === undefined) return;
    const nodes = new Map(remembered.nodes).set(own.name, { ...own, createdAt: OLDEST });
    this.#base = { ...remembered, nodes };
    this.#current = this.#base;
  }

  /** Whether anything changed. */
  take(event: ClusterEvent): boolean {
    const before = this.#known;
    this.#known = fold(before, event);
    if (this.#known === before) return false;
    this.#current = this.#find();
    return true;
  }

  /** Undefined while nothing is known that this node could work by. */
  get current(): Synced | Remembered | undefined {
    return this.#current;
  }

  /** The newest text of the configuration; undefined while there is none at all. */
  get configText(): OfferedText | undefined {
    const { config } = this.#known;
    if (config !== undefined) return config;
    return this.#current && { ...this.#current.config, isRemembered: true };
  }

  /** As the source says it, complete or not. */
  get known(): PartialCluster {
    return this.#known;
  }

  /** The whole cluster has been listed, and this node, which others register, is not in it. */
  get isOwnNodeMissing(): boolean {
    if (this.#ownNode !== undefined) return false;
    return this.#known.nodes !== undefined && !this.#known.nodes.has(this.#nodeName);
  }

  #find(): Synced | Remembered | undefined {
    const listed = synced(this.#known);
    if (listed === undefined) return asRemembered(this.#base);
    if (listed.nodes.has(this.#nodeName)) {
      this.#base = listed;
      return listed;
    }
    if (this.#base !== undefined) return withThoseLeftOut(listed, this.#base);
    if (this.#ownNode === undefined) return undefined;
    const nodes = new Map(listed.nodes).set(this.#nodeName, this.#ownNode);
    return { ...listed, nodes };
  }
}

const asRemembered = (cluster: Synced | Remembered | undefined): Remembered | undefined =>
  cluster === undefined ? undefined : { ...cluster, kind: 'remembered' };

function withThoseLeftOut(listed: Synced, base: Synced | Remembered): Remembered {
  const nodes = new Map<string, ClusterNode>(listed.nodes);
  for (const node of base.nodes.values()) {
    if (!nodes.has(node.name)) nodes.set(node.name, { ...node, createdAt: YOUNGEST });
  }
  return { kind: 'remembered', nodes, config: listed.config };
}

/** What it says may be of the node itself. */
export const concerns = (event: ClusterEvent, nodeName: string): boolean =>
  event.kind === 'nodes-listed' || (event.kind === 'node-put' && event.node.name === nodeName);
