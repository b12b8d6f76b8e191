// Which attachments the loop takes care of. Those of calls under way belong to the call; those
// whose host veth is gone are made again (pod-repair.ts) or, where their namespace is gone because
// a runtime died without a DEL, keep their address until a DEL or GC, and `status` names them.

import type { SubnetUsage } from '../cni/ipam.ts';
import { isHalfMade } from '../cni/remake.ts';
import type { AttachmentStore } from '../cni/store.ts';
import { isWithin } from '../desired/subnets.ts';
import type { Attachment } from '../endpoint/attachment.ts';
import { linkNamesOf } from '../endpoint/shaping.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { KernelState } from '../state/kernel-state.ts';

/** Inode of the network namespace that a path leads to; undefined when it leads to none. */
export type InodeAt = (path: string) => number | undefined;

type PodsView = Record<'broken' | 'isolated' | 'unread', readonly string[]> & {
  readonly attached: number;
  readonly hostPorts: number;
};

export class Pods {
  readonly #store: AttachmentStore;
  readonly #inodeAt: InodeAt;
  #missing: readonly Attachment[] = [];
  /** Those of them that cannot be made again, by host link, and why. */
  #lost: ReadonlyMap<string, string> = new Map();
  readonly #halfMade = new Set<string>();
  readonly #remade = new Set<string>();
  /** Why the last try to make a link failed. */
  readonly #failures = new Map<string, string>();
  #subnets: readonly Cidr[] | undefined;

  constructor(store: AttachmentStore, inodeAt: InodeAt) {
    this.#store = store;
    this.#inodeAt = inodeAt;
  }

  /** For `status`. */
  get view(): PodsView {
    const attachments = this.#store.attachments();
    const hostPorts = attachments.reduce((sum, one) => sum + (one.portMappings?.length ?? 0), 0);
    return {
      attached: attachments.length,
      hostPorts,
      broken: this.broken,
      isolated: this.isolated,
      unread: this.unread,
    };
  }

  /** One sentence per attachment whose file cannot be understood. */
  get unread(): readonly string[] {
    return this.#store.entries().flatMap(({ name, problem }) => {
      if (problem === undefined) return [];
      const { hostLink, addresses } = name;
      return [`${hostLink} (${addresses.join(', ')}) stays as it is, since its file: ${problem}`];
    });
  }

  /** Of all that are there, come or go: also of those whose file cannot be read. */
  get addresses(): readonly Ip[] {
    return this.#store.entries().flatMap(({ name }) => name.addresses);
  }

  /** How much of each subnet is in use, by those too. */
  usage(subnets: readonly Cidr[]): readonly SubnetUsage[] {
    return this.#store.usage(subnets);
  }

  /** One sentence per attachment that cannot work, as of the last look. */
  get broken(): readonly string[] {
    return this.#missing.map((attachment) => {
      const { ifName, hostLink, addresses } = attachment;
      const failure = this.#failures.get(hostLink);
      const failed = failure === undefined ? '' : ` and cannot be made again: ${failure}`;
      const why = this.#lost.get(hostLink) ?? `its host veth ${hostLink} is gone${failed}`;
      return `${podName(attachment)} (${ifName}, ${addresses.join(', ')}): ${why}`;
    });
  }

  /** Attachments whose host veth is gone while their namespace is there, as of the last look. */
  get repairable(): readonly Attachment[] {
    return this.#missing.filter(({ hostLink }) => !this.#lost.has(hostLink));
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
      return [`${podName(attachment)}: this node does not hold the subnet of ${lost.join(', ')}`];
    });
  }

  /** Attachments whose host side belongs into the kernel now. */
  standing(kernel: KernelState): Attachment[] {
    const standing: Attachment[] = [];
    const missing: Attachment[] = [];
    this.#halfMade.clear();
    for (const { attachment, name, isLeaving } of this.#store.entries()) {
      if (attachment === undefined || isLeaving || name.isPending) continue;
      if (this.#remade.has(name.hostLink)) continue;
      const link = kernel.links.get(attachment.hostLink);
      if (link !== undefined && isHalfMade(link)) this.#halfMade.add(link.name);
      else if (link !== undefined) standing.push(attachment);
      if (link === undefined || isHalfMade(link)) missing.push(attachment);
    }
    this.#missing = missing;
    this.#lost = new Map(
      missing.flatMap((attachment) => {
        const fault = this.#namespaceFault(attachment);
        return fault === undefined ? [] : [[attachment.hostLink, fault] as const];
      }),
    );
    return standing;
  }

  /** Host veths that are being made or removed, or of which nothing is known but the name. */
  pendingLinks(): ReadonlySet<string> {
    const names = new Set<string>([...this.#remade, ...this.#halfMade]);
    for (const { name, isLeaving, attachment } of this.#store.entries()) {
      // What a pod has whose file cannot be understood is not known: it keeps it until its DEL.
      if (name.isPending || isLeaving || attachment === undefined) names.add(name.hostLink);
    }
    return new Set([...names].flatMap(linkNamesOf));
  }

  /** Of the same pods: what leads to them is left alone too. */
  pendingAddresses(): ReadonlySet<string> {
    const links = this.pendingLinks();
    return new Set(
      this.#store.entries().flatMap(({ name }) => (links.has(name.hostLink) ? name.addresses : [])),
    );
  }

  /** From now until `endRemake` the loop leaves this link alone. */
  beginRemake(hostLink: string): void {
    this.#remade.add(hostLink);
  }

  /** With the reason when it could not be made. */
  endRemake(hostLink: string, failure: string | undefined): void {
    this.#remade.delete(hostLink);
    if (failure === undefined) this.#failures.delete(hostLink);
    else this.#failures.set(hostLink, failure);
  }

  #namespaceFault({ netns, netnsInode }: Attachment): string | undefined {
    const inode = this.#inodeAt(netns);
    if (inode === undefined) return `its network namespace ${netns} is gone`;
    return inode === netnsInode ? undefined : `${netns} is another network namespace than its own`;
  }
}

export const podName = ({ pod, containerId }: Attachment): string =>
  pod === undefined ? `container ${containerId}` : `pod ${pod.namespace}/${pod.name}`;
