// Gives every Node its podCIDRs, as the controller-manager does with --allocate-node-cidrs, and
// takes them back when the Node is deleted. A Node for which no subnet is free waits until one is.

import type { Log } from '../../lib/log.ts';
import type { Cidr } from '../../net/cidr.ts';
import { parseCidr } from '../../net/cidr.ts';
import { NODES } from './kinds.ts';
import type { KubeObject } from './object.ts';
import { listAt, textAt } from './object.ts';
import { patchObject } from './operations.ts';
import { mergePatch } from './patch.ts';
import type { PodCidrRange } from './pod-cidr-allocator.ts';
import { PodCidrAllocator } from './pod-cidr-allocator.ts';
import type { Change, Store } from './store.ts';

export class PodCidrController {
  readonly #store: Store;
  readonly #log: Log;
  /** One per family, in the order in which podCIDRs are listed. */
  readonly #allocators: readonly PodCidrAllocator[];
  /** Names of nodes that found nothing free. */
  readonly #waiting = new Set<string>();

  constructor(store: Store, ranges: readonly PodCidrRange[], log: Log) {
    this.#store = store;
    this.#log = log;
    this.#allocators = ranges.map((range) => new PodCidrAllocator(range));
  }

  /** Takes in what exists, then follows every change; returns what ends that. */
  start(): () => void {
    if (this.#allocators.length === 0) return () => {};
    const entries = this.#store.list(NODES);
    const nodes = entries === 'expired' ? [] : entries.map((entry) => entry.object);
    for (const node of nodes) this.#occupy(node);
    for (const node of nodes) this.#provide(node);
    return this.#store.subscribe((change) => this.#onChange(change));
  }

  #onChange({ type, entry, previous }: Change): void {
    if (entry.kind !== NODES) return;
    const node = entry.object;
    if (previous !== undefined) this.#release(previous.object);
    if (type !== 'DELETED') {
      this.#occupy(node);
      this.#provide(node);
      return;
    }
    this.#waiting.delete(nameOf(node));
    for (const name of [...this.#waiting]) {
      const waiting = this.#store.get(NODES, name);
      if (waiting !== undefined) this.#provide(waiting.object);
    }
  }

  #provide(node: KubeObject): void {
    // The event may be older than the node: only what is stored now counts.
    const current = this.#store.get(NODES, nameOf(node))?.object;
    if (current === undefined || podCidrsOf(current).length > 0) return;
    const holder = holderOf(current);
    const cidrs = this.#allocators.map((allocator) => allocator.allocate(holder));
    const podCIDRs = cidrs.filter((cidr) => cidr !== undefined);
    if (podCIDRs.length < cidrs.length) {
      for (const cidr of podCIDRs) this.#releaseCidr(cidr, holder);
      if (!this.#waiting.has(nameOf(node))) {
        this.#log.warn({ node: nameOf(node) }, 'no pod subnet is free for the node');
      }
      this.#waiting.add(nameOf(node));
      return;
    }
    this.#waiting.delete(nameOf(node));
    const spec = { podCIDR: podCIDRs[0], podCIDRs };
    patchObject(this.#store, { kind: NODES, name: nameOf(node) }, (object) =>
      mergePatch(object, { spec }),
    );
  }

  #occupy(node: KubeObject): void {
    for (const cidr of podCidrsOf(node)) {
      for (const allocator of this.#allocators) allocator.occupy(cidr, holderOf(node));
    }
  }

  #release(node: KubeObject): void {
    for (const cidr of podCidrsOf(node)) this.#releaseCidr(cidr, holderOf(node));
  }

  #releaseCidr(cidr: Cidr, holder: string): void {
    for (const allocator of this.#allocators) allocator.release(cidr, holder);
  }
}

const nameOf = (node: KubeObject): string => node.metadata.name ?? '';
const holderOf = (node: KubeObject): string => node.metadata.uid ?? '';

function podCidrsOf(node: KubeObject): readonly Cidr[] {
  const listed = listAt(node, 'spec.podCIDRs').map(String);
  const single = textAt(node, 'spec.podCIDR');
  const texts = listed.length === 0 && single !== '' ? [single] : listed;
  return texts.flatMap((text) => parseCidr(text) ?? []);
}
