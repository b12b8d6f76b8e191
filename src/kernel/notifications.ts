// What a notification of rtnetlink means: a hint that somebody else changed something, or nothing.
// Nothing are: our own changes, which the kernel marks with our socket's port id, or (FDB entries,
// IPv6 addresses, consequences) not at all, so that they are recognised by what they say; repeated
// messages about a link whose state is known; and what the kernel does by itself as a consequence
// of others' changes, which have their own notification.

import { isDeepStrictEqual } from 'node:util';
import { decodeAddress, IFAPROT_KERNEL_LL, RTM_DELADDR, RTM_NEWADDR } from '../netlink/address.ts';
import { AF_BRIDGE, AF_UNSPEC } from '../netlink/constants.ts';
import type { MessageCursor } from '../netlink/cursor.ts';
import { decodeFdbEntry } from '../netlink/fdb.ts';
import { RTM_DELTFILTER, RTM_NEWTFILTER } from '../netlink/filter.ts';
import type { LinkMessage } from '../netlink/link.ts';
import { decodeLink, linkIndexOf, RTM_DELLINK, RTM_NEWLINK } from '../netlink/link.ts';
import {
  decodeNeighbour,
  NUD_PERMANENT,
  neighbourFamilyOf,
  neighbourLinkOf,
  neighbourStateOf,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
} from '../netlink/neighbour.ts';
import { decodeNetconf, RTM_NEWNETCONF } from '../netlink/netconf.ts';
import { decodeNexthop, RTM_DELNEXTHOP, RTM_NEWNEXTHOP } from '../netlink/nexthop.ts';
import { RTM_DELQDISC, RTM_NEWQDISC, tcLinkOf } from '../netlink/qdisc.ts';
import {
  decodeRoute,
  RT_TABLE_LOCAL,
  RTM_DELROUTE,
  RTM_F_CLONED,
  RTM_NEWROUTE,
  RTPROT_KERNEL,
} from '../netlink/route.ts';
import { RTM_DELRULE, RTM_NEWRULE } from '../netlink/rule.ts';
import type { Address, KernelState } from '../state/kernel-state.ts';
import { keyOfAddress, keyOfFdbEntry, keyOfNeighbour } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { addressFrom } from './from-messages.ts';
import type { Hint, ReadScope } from './kernel.ts';
import { KnownKeys } from './known-keys.ts';
import type { Session } from './session.ts';
import { SettingNews } from './setting-news.ts';
import { linkSettingOf } from './sysctl.ts';

/** More links than this do not die between two notifications. */
const DYING_MAX = 4096;

/** What our own ops that were just carried out may have made the kernel say. */
type OwnWindow = {
  readonly expected: ReadonlySet<string>;
  /** The last message about each link that they touched. */
  readonly links: Map<number, LinkMessage | undefined>;
  /** A sysctl of all links was written, and the kernel tells of each of them. */
  readonly writesSettings: boolean;
};

export class Notifications {
  readonly #session: Session;
  /** With whoever waits for the word that it is gone. */
  readonly #dying = new Map<number, (() => void) | undefined>();
  /** Indexes of links that are being made on another thread, which asks for them at the end. */
  readonly #coming = new Set<number>();
  /** Keys of permanent neighbours and FDB entries, as last read or set by us. */
  readonly #known = new KnownKeys();
  readonly #settings: SettingNews;
  /** Addresses as last read or set by us: the kernel repeats itself about them. */
  #addresses = new Map<string, Address>();
  #ownsLink: ReadScope['ownsLink'] = () => true;
  #window: OwnWindow | undefined;

  constructor(session: Session) {
    this.#session = session;
    this.#settings = new SettingNews(session.links);
  }

  /** What was read last: whose neighbours matter, and which are there. */
  remember(scope: ReadScope, state: KernelState): void {
    this.#ownsLink = scope.ownsLink;
    this.#known.replaceAll([state.neighbours, state.fdb]);
    this.#addresses = new Map(state.addresses);
    this.#settings.remember(state.sysctls);
  }

  linksCome(indexes: readonly number[]): void {
    for (const index of indexes) this.#coming.add(index);
  }

  linksCame(indexes: readonly number[]): void {
    for (const index of indexes) this.#coming.delete(index);
  }

  linkDies(index: number, gone?: () => void): void {
    if (this.#dying.size >= DYING_MAX) this.#dying.clear();
    this.#dying.set(index, gone);
  }

  linkStays(index: number): void {
    this.#dying.delete(index);
  }

  /** Runs `drain` knowing that these ops were just carried out; returns hints found at its end. */
  aroundOwn(ops: readonly Op[], drain: () => void): readonly Hint[] {
    const { links } = this.#session;
    this.#window = ownWindow(ops, (name) => links.indexOf(name));
    for (const op of ops) this.#note(op);
    try {
      drain();
      // Of a link that was changed in several steps only the last word counts.
      const last = [...this.#window.links.values()].filter((link) => link !== undefined);
      return last.some((link) => links.set(link)) ? ['link'] : [];
    } finally {
      this.#window = undefined;
    }
  }

  hintOf(message: MessageCursor): Hint | undefined {
    switch (message.type) {
      case RTM_NEWLINK:
      case RTM_DELLINK:
        return this.#isForeignLink(message) ? 'link' : undefined;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        return this.#isForeignAddress(message) ? 'address' : undefined;
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
        return this.#isForeignRoute(message) ? 'route' : undefined;
      case RTM_NEWNEIGH:
      case RTM_DELNEIGH:
        return this.#isForeignNeighbour(message) ? 'neighbour' : undefined;
      case RTM_NEWRULE:
      case RTM_DELRULE:
        return this.#isOwn(message) ? undefined : 'rule';
      case RTM_NEWNEXTHOP:
      case RTM_DELNEXTHOP:
        return this.#isForeignNexthop(message) ? 'nexthop' : undefined;
      case RTM_NEWQDISC:
      case RTM_DELQDISC:
      case RTM_NEWTFILTER:
      case RTM_DELTFILTER:
        return this.#isForeignQdisc(message) ? 'qdisc' : undefined;
      case RTM_NEWNETCONF:
        return this.#isForeignSetting(message) ? 'sysctl' : undefined;
      default:
        return undefined;
    }
  }

  #isOwn(message: MessageCursor): boolean {
    return this.#session.ownsPort(message.portId);
  }

  /** We are making or removing this link at this moment. */
  #isBusy(index: number): boolean {
    return this.#coming.has(index) || this.#dying.has(index);
  }

  #isExpected(key: string): boolean {
    return this.#window?.expected.has(key) === true;
  }

  #note(op: Op): void {
    if (op.object === 'address') {
      if (op.verb === 'remove') this.#addresses.delete(keyOfAddress(op.value));
      else this.#addresses.set(keyOfAddress(op.value), op.value);
    } else if (op.verb !== 'remove') {
      if (op.object === 'sysctl') this.#settings.wrote(op.value.path, op.value.value);
      if (op.object === 'neighbour') this.#known.add(keyOfNeighbour(op.value));
      else if (op.object === 'fdb') this.#known.add(keyOfFdbEntry(op.value));
    }
  }

  #isForeignLink(message: MessageCursor): boolean {
    const index = linkIndexOf(message);
    // Ports of bridges are told of by the same messages, with less in them.
    if (message.bytes.readUInt8(message.bodyStart) !== AF_UNSPEC) return false;
    if (message.type === RTM_DELLINK) this.#dying.get(index)?.();
    if (this.#isBusy(index)) return false;
    if (message.type === RTM_DELLINK) {
      this.#session.links.forget(index);
      return true;
    }
    const link = decodeLink(message);
    if (this.#window?.links.has(index)) {
      this.#window.links.set(index, link);
      return false;
    }
    return this.#session.links.set(link);
  }

  #isForeignAddress(message: MessageCursor): boolean {
    if (this.#isOwn(message)) return false;
    const decoded = decodeAddress(message);
    const { linkIndex, address, protocol } = decoded;
    if (protocol === IFAPROT_KERNEL_LL || this.#isBusy(linkIndex)) return false;
    if (this.#isExpected(notificationKey(message.type, linkIndex, address))) return false;
    const told = addressFrom(decoded, this.#session.links);
    if (message.type === RTM_DELADDR) {
      this.#addresses.delete(keyOfAddress(told));
      return true;
    }
    // Told again, as when a link gets its carrier, and only its flags have changed.
    return !isDeepStrictEqual(this.#addresses.get(keyOfAddress(told)), told);
  }

  #isForeignRoute(message: MessageCursor): boolean {
    if (this.#isOwn(message)) return false;
    const { flags, table, protocol, linkIndex } = decodeRoute(message);
    if ((flags & RTM_F_CLONED) !== 0 || table === RT_TABLE_LOCAL) return false;
    // Routes that come and go with addresses; one that somebody removes carries his port id.
    if (protocol === RTPROT_KERNEL && message.portId === 0) return false;
    return linkIndex === 0 || !this.#isBusy(linkIndex);
  }

  #isForeignNexthop(message: MessageCursor): boolean {
    return !this.#isOwn(message) && !this.#dying.has(decodeNexthop(message).linkIndex);
  }

  /** The kernel's own word has no port id: it tells of none that comes or goes with a link. */
  #isForeignQdisc(message: MessageCursor): boolean {
    const index = tcLinkOf(message);
    this.#session.redirects.forget(index);
    if (this.#isOwn(message)) return false;
    return !this.#isBusy(index) && this.#ownsLink(this.#session.links.nameOf(index));
  }

  #isForeignSetting(message: MessageCursor): boolean {
    const told = decodeNetconf(message);
    if (told === undefined || this.#isBusy(told.linkIndex)) return false;
    const isNews = this.#settings.isNews(told);
    const isOwn = this.#window?.writesSettings === true || this.#window?.links.has(told.linkIndex);
    return isNews && isOwn !== true;
  }

  /** Only permanent entries of own links matter: all others come and go with the traffic. */
  #isForeignNeighbour(message: MessageCursor): boolean {
    if (this.#isOwn(message)) return false;
    const index = neighbourLinkOf(message);
    const link = this.#session.links.nameOf(index);
    if (this.#isBusy(index) || !this.#ownsLink(link)) return false;
    const isPermanent = (neighbourStateOf(message) & NUD_PERMANENT) !== 0;
    if (neighbourFamilyOf(message) === AF_BRIDGE) {
      const { mac, remote } = decodeFdbEntry(message);
      if (mac === undefined) return false;
      const goes = message.type === RTM_DELNEIGH;
      if (this.#isExpected(notificationKey(message.type, index, goes ? mac : `${mac} ${remote}`))) {
        return false;
      }
      return isPermanent || this.#known.has(`${link} ${mac}`);
    }
    const { address } = decodeNeighbour(message);
    if (this.#isExpected(notificationKey(message.type, index, address ?? ''))) return false;
    return isPermanent || this.#known.has(`${link} ${address}`);
  }
}

const notificationKey = (type: number, index: number, what: string): string =>
  `${type} ${index} ${what}`;

/** The messages that the kernel does not mark as caused by us. */
function ownWindow(ops: readonly Op[], indexOf: (name: string) => number | undefined): OwnWindow {
  const expected = new Set<string>();
  const links = new Map<number, LinkMessage | undefined>();
  const expect = (type: number, link: string, what: string): void => {
    const index = indexOf(link);
    if (index !== undefined) expected.add(notificationKey(type, index, what));
  };
  const touch = (name: string | undefined): void => {
    const index = name === undefined ? undefined : indexOf(name);
    if (index !== undefined) links.set(index, undefined);
  };
  for (const op of ops) {
    const isRemoval = op.verb === 'remove';
    if (op.object === 'fdb') {
      // vxlan_fdb_notify: without a port id.
      const { link, mac, remote } = op.value;
      if (isRemoval) expect(RTM_DELNEIGH, link, mac);
      else expect(RTM_NEWNEIGH, link, `${mac} ${remote}`);
    } else if (op.object === 'neighbour' && isRemoval) {
      // neigh_cleanup_and_release: without a port id.
      expect(RTM_DELNEIGH, op.value.link, op.value.address);
    } else if (op.object === 'address') {
      // inet6_ifa_notify: without a port id.
      if (op.verb !== 'add') expect(RTM_DELADDR, op.value.link, op.value.address);
      if (!isRemoval) expect(RTM_NEWADDR, op.value.link, op.value.address);
    } else if (op.object === 'link') {
      touch(op.value.name);
    } else if (op.object === 'sysctl') {
      touch(linkSettingOf(op.value.path)?.link);
    }
  }
  const writesSettings = ops.some(
    (op) => op.object === 'sysctl' && linkSettingOf(op.value.path) === undefined,
  );
  return { expected, links, writesSettings };
}
