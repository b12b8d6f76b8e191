// What all parts of the Linux adapter share for one namespace: its sockets, the tables that turn
// names into numbers, and the workspace of an exchange. Opening one is cheap, because the CNI part
// opens one for each call: what is not always needed is made when it is first used.

import type { AddressText } from '../netlink/address-text.ts';
import { NLM_F_REQUEST } from '../netlink/constants.ts';
import type { LinkMessage } from '../netlink/link.ts';
import { decodeLink, encodeLinkQuery } from '../netlink/link.ts';
import type { MessageWriter } from '../netlink/message.ts';
import { encodeNexthopId, RTM_GETNEXTHOP } from '../netlink/nexthop.ts';
import type { Op } from '../state/op.ts';
import { ERRNO } from './libc.ts';
import { LinkTable } from './links.ts';
import {
  MESSAGES_PER_BATCH,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  NetlinkSocket,
} from './netlink-socket.ts';
import type { NetnsRegistry } from './netns.ts';
import { NexthopIds } from './nexthop-ids.ts';
import { RedirectMemory } from './redirect-memory.ts';
import { SysctlFiles } from './sysctl.ts';
import { ThreadBatches } from './thread-batches.ts';
import type { Workspace } from './workspace.ts';

/** Told around every change of our own, so that its notifications are not taken for others'. */
export type OwnChangeObserver = {
  beforeOwn(): void;
  afterOwn(ops: readonly Op[]): void;
  /** Links with these indexes are about to be made: what the kernel says of them is no news. */
  linksCome(indexes: readonly number[]): void;
  /** They were made, or could not be. */
  linksCame(indexes: readonly number[]): void;
  /**
   * A link is about to be removed: what the kernel says of it from now on is no news. `gone` is
   * called when it says that the link is gone; it must not throw.
   */
  linkDies(index: number, gone?: () => void): void;
  /** It could not be removed after all. */
  linkStays(index: number): void;
  /** A process that we started changes nftables. */
  processWorks(processId: number): void;
};

export const NO_LINKS: ReadonlySet<string> = new Set();

export type SessionSettings = {
  /** Open descriptor of the namespace; the process's own when undefined. Must stay open. */
  readonly netns: number | undefined;
  readonly procSysRoot: string;
  readonly netnsRegistry: NetnsRegistry;
  readonly workspace: Workspace;
  /** Used by one caller, who waits for each answer, as for one CNI call. */
  readonly isBrief: boolean;
};

export class Session {
  readonly netns: number | undefined;
  readonly registry: NetnsRegistry;
  readonly route: NetlinkSocket;
  readonly links = new LinkTable();
  readonly nexthops = new NexthopIds();
  readonly redirects = new RedirectMemory();
  readonly sysctls: SysctlFiles;
  readonly workspace: Workspace;
  readonly isBrief: boolean;
  observer: OwnChangeObserver | undefined;
  /** Links that are as the table says: nobody has changed them since. For the next batch alone. */
  currentLinks: ReadonlySet<string> = NO_LINKS;
  #threads: ThreadBatches | undefined;
  #netfilter: NetlinkSocket | undefined;
  #hasNexthopObjects: boolean | undefined;

  constructor(settings: SessionSettings) {
    this.netns = settings.netns;
    this.registry = settings.netnsRegistry;
    this.sysctls = new SysctlFiles(settings.procSysRoot, settings.netns);
    this.workspace = settings.workspace;
    this.isBrief = settings.isBrief;
    this.route = this.#open(NETLINK_ROUTE);
  }

  get writer(): MessageWriter {
    return this.workspace.writer;
  }

  get text(): AddressText {
    return this.workspace.text;
  }

  get netfilter(): NetlinkSocket {
    this.#netfilter ??= this.#open(NETLINK_NETFILTER);
    return this.#netfilter;
  }

  get threads(): ThreadBatches {
    this.#threads ??= new ThreadBatches(this);
    return this.#threads;
  }

  /** Port ids by which the kernel names whoever caused a notification. */
  ownsPort(portId: number): boolean {
    return (
      portId === this.route.portId ||
      portId === this.#netfilter?.portId ||
      portId === this.#threads?.portId
    );
  }

  get hasNexthopObjects(): boolean {
    this.#hasNexthopObjects ??= this.#probeNexthopObjects();
    return this.#hasNexthopObjects;
  }

  /** Asks the kernel for a link by name; undefined when there is none. */
  queryLink(name: string): number | undefined {
    return this.queryLinks([name])[0]?.index;
  }

  /** Those of them that there are. */
  queryLinks(names: readonly string[]): readonly LinkMessage[] {
    const found: LinkMessage[] = [];
    for (let start = 0; start < names.length; start += MESSAGES_PER_BATCH) {
      this.writer.clear();
      for (const name of names.slice(start, start + MESSAGES_PER_BATCH)) {
        encodeLinkQuery(this.writer, NLM_F_REQUEST, { name });
      }
      this.route.exchange(this.writer, (message) => found.push(decodeLink(message)));
    }
    for (const link of found) this.links.set(link);
    return found;
  }

  close(): void {
    this.route.close();
    this.#threads?.close();
    this.#netfilter?.close();
  }

  /** A kernel without them does not know the message type at all. */
  #probeNexthopObjects(): boolean {
    this.writer.clear();
    encodeNexthopId(this.writer, { type: RTM_GETNEXTHOP, flags: NLM_F_REQUEST }, 0x7fffffff);
    const [answer] = this.route.exchange(this.writer).values();
    return answer === undefined || answer.errno === ERRNO.ENOENT;
  }

  #open(protocol: number): NetlinkSocket {
    return new NetlinkSocket({
      protocol,
      netns: this.netns,
      workspace: this.workspace,
    });
  }
}
