// Watches one namespace for changes that others make, and turns them into hints. Around our own
// changes it reads the notifications at once, so that each is seen together with the ops that
// caused it. It exists only while somebody listens.

import type { Log } from '../lib/log.ts';
import type { MessageCursor } from '../netlink/cursor.ts';
import { decodeNftEventTable, NFT_ELEMENT_EVENTS, NFT_MSG_NEWGEN } from '../netlink/nft-event.ts';
import type { KernelState } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { NFT_TABLE } from '../state/own.ts';
import type { Hint, ReadScope } from './kernel.ts';
import { MulticastSocket } from './multicast.ts';
import { NETLINK_NETFILTER, NETLINK_ROUTE } from './netlink-socket.ts';
import { Notifications } from './notifications.ts';
import type { OwnChangeObserver, Session } from './session.ts';

/** RTNLGRP_* of linux/rtnetlink.h. */
const ROUTE_GROUPS = {
  link: 1,
  neighbour: 3,
  qdisc: 4,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv4Rule: 8,
  ipv6Address: 9,
  ipv6Route: 11,
  ipv6Rule: 19,
  ipv4Settings: 24,
  ipv6Settings: 25,
  nexthop: 32,
} as const;
const NFNLGRP_NFTABLES = 7;
/** Runs of nft whose notifications may still come. */
const PROCESSES_MAX = 16;

export class Watcher implements OwnChangeObserver {
  readonly #session: Session;
  readonly #listener: (hint: Hint) => void;
  readonly #notifications: Notifications;
  readonly #route: MulticastSocket;
  readonly #nft: MulticastSocket;
  readonly #hints = new Set<Hint>();
  /** Our runs of nft, whose sockets have their process id as port id. */
  readonly #processes: number[] = [];
  #touchesTable = false;
  #touchesForeignTable = false;

  constructor(session: Session, settings: { log: Log; listener: (hint: Hint) => void }) {
    this.#session = session;
    this.#listener = settings.listener;
    this.#notifications = new Notifications(session);
    const common = {
      netns: session.netns,
      text: session.text,
      log: settings.log,
      overflow: () => {
        session.redirects.clear();
        this.#hints.add('overflow');
      },
      drained: () => this.emit(),
    };
    this.#route = new MulticastSocket({
      ...common,
      protocol: NETLINK_ROUTE,
      groups: Object.values(ROUTE_GROUPS),
      message: (message) => this.#add(this.#notifications.hintOf(message)),
    });
    this.#nft = new MulticastSocket({
      ...common,
      protocol: NETLINK_NETFILTER,
      groups: [NFNLGRP_NFTABLES],
      message: (message) => this.#nftMessage(message),
    });
  }

  remember(scope: ReadScope, state: KernelState): void {
    this.#notifications.remember(scope, state);
  }

  /** What others did until now is told apart from what comes next. */
  beforeOwn(): void {
    this.#route.drain();
  }

  afterOwn(ops: readonly Op[]): void {
    for (const hint of this.#notifications.aroundOwn(ops, () => this.#route.drain())) {
      this.#add(hint);
    }
  }

  linksCome(indexes: readonly number[]): void {
    this.#notifications.linksCome(indexes);
  }

  linksCame(indexes: readonly number[]): void {
    this.#notifications.linksCame(indexes);
  }

  linkDies(index: number, gone?: () => void): void {
    this.#notifications.linkDies(index, gone);
  }

  linkStays(index: number): void {
    this.#notifications.linkStays(index);
  }

  processWorks(processId: number): void {
    this.#processes.push(processId);
    if (this.#processes.length > PROCESSES_MAX) this.#processes.shift();
  }

  /** Tells the listener what has been found since the last time. */
  emit(): void {
    const hints = [...this.#hints];
    this.#hints.clear();
    for (const hint of hints) this.#listener(hint);
  }

  close(): void {
    this.#route.close();
    this.#nft.close();
  }

  #add(hint: Hint | undefined): void {
    if (hint !== undefined) this.#hints.add(hint);
  }

  /** A transaction is told object by object, and its end by its own message. */
  #nftMessage(message: MessageCursor): void {
    if (message.type !== NFT_MSG_NEWGEN) {
      if (decodeNftEventTable(message) === NFT_TABLE) this.#touchesTable = true;
      else if (!NFT_ELEMENT_EVENTS.has(message.type)) this.#touchesForeignTable = true;
      return;
    }
    const { portId } = message;
    const isOwn = this.#session.ownsPort(portId) || this.#processes.includes(portId);
    if (this.#touchesTable && !isOwn) this.#hints.add('nft');
    if (this.#touchesForeignTable && !isOwn) this.#hints.add('foreign-nft');
    this.#touchesTable = false;
    this.#touchesForeignTable = false;
  }
}
