// Nodes and Leases put together: each Node with the subnets that it holds, by its podCIDRs or by
// the Leases that it owns, as the cluster has decided. Nothing is told before everything that
// belongs to the answer has been listed, since a Node without its subnets would look like one that
// has lost them.

import type { ClusterEvent } from '../../cluster/cluster.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import type { Cidr } from '../../net/cidr.ts';
import { overlaps } from '../../net/cidr.ts';
import type { NodesView, OwnNode } from './claim-view.ts';
import type { LeaseRecord } from './lease-record.ts';
import { LeaseTable } from './lease-table.ts';
import { isPodCidrProblem } from './node-record.ts';
import type { Reflected } from './reflector.ts';
import { RemadeNodes } from './remade-nodes.ts';
import type { SubnetSourceKind } from './subnet-source-record.ts';

export type ClusterViewOptions = {
  readonly nodeName: string;
  /** Something has changed by which the own node may decide otherwise about its subnets. */
  readonly onChange: () => void;
};

export class ClusterView implements NodesView {
  readonly leases = new LeaseTable();
  readonly #options: ClusterViewOptions;
  readonly #remade = new RemadeNodes();
  #listener: (event: ClusterEvent) => void = () => {};
  #nodes: Map<string, ClusterNode> | undefined;
  #source: SubnetSourceKind | undefined;

  constructor(options: ClusterViewOptions) {
    this.#options = options;
  }

  /** Who is told of the nodes from now on. */
  tell(listener: (event: ClusterEvent) => void): void {
    this.#listener = listener;
  }

  get isListed(): boolean {
    return this.#nodes !== undefined;
  }

  /** Whether all is known that nodes and their subnets consist of. */
  get isComplete(): boolean {
    if (this.#nodes === undefined || this.#source === undefined) return false;
    return this.#source === 'podCIDR' || this.leases.isListed;
  }

  get own(): OwnNode | undefined {
    const node = this.#nodes?.get(this.#options.nodeName);
    if (node === undefined) return undefined;
    const { uid, subnets, problems } = node;
    return { uid, podCidrs: subnets, problems: problems.filter(isPodCidrProblem) };
  }

  get podCidrNode(): string | undefined {
    for (const { name, subnets } of this.#nodes?.values() ?? []) {
      if (subnets.length > 0) return name;
    }
    return undefined;
  }

  get flannelSubnets(): readonly Cidr[] {
    return [...(this.#nodes?.values() ?? [])].flatMap((node) =>
      isFlannelAlone(node) ? node.subnets : [],
    );
  }

  podCidrUser(subnet: Cidr): string | undefined {
    for (const { name, subnets } of this.#nodes?.values() ?? []) {
      if (name === this.#options.nodeName) continue;
      if (subnets.some((other) => overlaps(other, subnet))) return name;
    }
    return undefined;
  }

  seeSource(source: SubnetSourceKind): void {
    if (source === this.#source) return;
    this.#source = source;
    this.#tellAll();
  }

  /** Nothing is decided yet, or the decision was deleted: then it goes on. */
  seeUndecided(): void {
    if (this.#source === undefined) this.seeSource('podCIDR');
  }

  seeNodes(event: Reflected<ClusterNode>): void {
    switch (event.kind) {
      case 'listed':
        this.#seeList(event.items);
        this.#tellAll();
        this.#options.onChange();
        return;
      case 'put': {
        const { item } = event;
        const before = this.#nodes?.get(item.name);
        this.#remade.seeNode(before, item, this.leases);
        this.#nodes?.set(item.name, item);
        if (this.isComplete) this.#listener({ kind: 'node-put', node: this.#merged(item) });
        if (!isSameForClaims(before, item)) this.#options.onChange();
        return;
      }
      case 'gone': {
        const { name, uid } = event;
        if (this.#nodes?.get(name)?.uid === uid) this.#nodes.delete(name);
        this.#remade.forget(uid);
        if (this.isComplete) this.#listener({ kind: 'node-gone', name, uid });
        this.#options.onChange();
      }
    }
  }

  seeLeases(event: Reflected<LeaseRecord | undefined>): void {
    const wasListed = this.leases.isListed;
    const owners = this.#enterLeases(event);
    this.#options.onChange();
    if (this.#source !== 'lease') return;
    if (event.kind === 'listed') this.#tellAll();
    if (event.kind === 'listed' || !wasListed) return;
    for (const node of owners.length === 0 ? [] : (this.#nodes?.values() ?? [])) {
      const isOwner = (uid: string): boolean =>
        uid === node.uid || this.#remade.isKnownBy(node, uid);
      if (this.isComplete && owners.some(isOwner))
        this.#listener({ kind: 'node-put', node: this.#merged(node) });
    }
  }

  #seeList(items: readonly ClusterNode[]): void {
    const before = this.#nodes ?? new Map<string, ClusterNode>();
    this.#nodes = new Map(items.map((node) => [node.name, node]));
    for (const node of items) this.#remade.seeNode(before.get(node.name), node, this.leases);
    for (const { name, uid } of before.values()) {
      if (!this.#nodes.has(name)) this.#remade.forget(uid);
    }
  }

  /** Returns the uids of the owners that it concerns. */
  #enterLeases(event: Reflected<LeaseRecord | undefined>): readonly string[] {
    const items = event.kind === 'listed' ? event.items : event.kind === 'put' ? [event.item] : [];
    const ownersBefore = items.map((item) => item && this.leases.get(item.subnet)?.ownerUid);
    const owners = this.leases.see(event);
    for (const [index, item] of items.entries()) {
      if (item === undefined || this.#nodes === undefined) continue;
      this.#remade.seeLease(ownersBefore[index], item, this.#nodes);
    }
    return owners;
  }

  #tellAll(): void {
    if (!this.isComplete) return;
    const nodes = [...(this.#nodes?.values() ?? [])].map((node) => this.#merged(node));
    this.#listener({ kind: 'nodes-listed', nodes });
  }

  #merged(node: ClusterNode): ClusterNode {
    if (this.#source !== 'lease') return node;
    const subnets = this.#remade.subnetsOf(node, this.leases);
    return subnets.length === 0 && isFlannelAlone(node) ? node : { ...node, subnets };
  }
}

/** Flannel's nodes use their podCIDRs, whatever ours have agreed on. */
const isFlannelAlone = ({ flannel, advert }: ClusterNode): boolean =>
  flannel !== undefined && advert === undefined;

/** Most changes of a Node are heartbeats. */
const isSameForClaims = (a: ClusterNode | undefined, b: ClusterNode): boolean =>
  a !== undefined &&
  a.uid === b.uid &&
  a.subnets.join() === b.subnets.join() &&
  isFlannelAlone(a) === isFlannelAlone(b);
