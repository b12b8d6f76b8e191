// Which attachments the loop takes care of. Those of calls under way belong to the call; those
// whose namespace is gone, because a runtime died without a DEL, keep their address until a DEL or
// GC but have nothing in the kernel, and `status` names them.

import { statSync } from 'node:fs';
import type { AttachmentStore } from '../cni/store.ts';
import { isWithin } from '../desired/subnets.ts';
import type { Attachment } from '../endpoint/attachment.ts';
import type { Cidr } from '../net/cidr.ts';
import type { KernelState } from '../state/kernel-state.ts';

export class Pods {
  readonly #store: AttachmentStore;
  #broken: readonly string[] = [];
  #subnets: readonly Cidr[] | undefined;

  constructor(store: AttachmentStore) {
    this.#store = store;
  }

  get attachedCount(): number {
    return this.#store.attachments().length;
  }

  /** One sentence per attachment that cannot work, as of the last look. */
  get broken(): readonly string[] {
    return this.#broken;
  }

  /** The subnets that the node uses, as of the last pass. */
  follow(subnets: readonly Cidr[]): void {
    this.#subnets = subnets;
  }

  /** One sentence per attachment with an address of a subnet that the node does not hold. */
  get isolated(): readonly string[] {
    const subnets = this.#subnets;
    if (subnets === undefined) return [];
    return this.#store.attachments().flatMap((attachment) => {
      const lost = attachment.addresses.filter((ip) => !isWithin(ip, subnets));
      if (lost.length === 0) return [];
      return [`${who(attachment)}: this node does not hold the subnet of ${lost.join(', ')}`];
    });
  }

  /** Attachments whose host side belongs into the kernel now. */
  standing(kernel: KernelState): Attachment[] {
    const standing: Attachment[] = [];
    const broken: string[] = [];
    for (const { attachment, name, isLeaving } of this.#store.entries()) {
      if (attachment === undefined || isLeaving || name.isPending) continue;
      if (kernel.links.has(attachment.hostLink)) standing.push(attachment);
      else broken.push(describe(attachment));
    }
    this.#broken = broken;
    return standing;
  }

  /** Host veths that a CNI call is making or removing. */
  pendingLinks(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const { name, isLeaving } of this.#store.entries()) {
      if (name.isPending || isLeaving) names.add(name.hostLink);
    }
    return names;
  }
}

function describe(attachment: Attachment): string {
  const { ifName, hostLink, addresses } = attachment;
  const why = namespaceIsThere(attachment)
    ? `its host veth ${hostLink} is gone`
    : 'its network namespace is gone';
  return `${who(attachment)} (${ifName}, ${addresses.join(', ')}): ${why}`;
}

const who = ({ pod, containerId }: Attachment): string =>
  pod === undefined ? `container ${containerId}` : `pod ${pod.namespace}/${pod.name}`;

function namespaceIsThere({ netns, netnsInode }: Attachment): boolean {
  try {
    return statSync(netns).ino === netnsInode;
  } catch {
    return false; // The path is gone, or was never visible to this process.
  }
}
