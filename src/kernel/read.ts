// Reads what a namespace holds into a KernelState: one dump per kind of object, decoded straight
// from the receive buffer. It writes nothing.

import { decodeAddress, encodeAddressDump } from '../netlink/address.ts';
import { AF_BRIDGE, AF_INET, AF_INET6, DUMP } from '../netlink/constants.ts';
import type { MessageCursor } from '../netlink/cursor.ts';
import { decodeFdbEntry } from '../netlink/fdb.ts';
import type { LinkMessage } from '../netlink/link.ts';
import { decodeLink, encodeLinkQuery } from '../netlink/link.ts';
import type { MessageWriter } from '../netlink/message.ts';
import {
  decodeNeighbour,
  encodeNeighbourDump,
  NUD_PERMANENT,
  neighbourLinkOf,
  neighbourStateOf,
} from '../netlink/neighbour.ts';
import type { NexthopMessage } from '../netlink/nexthop.ts';
import { decodeNexthop, encodeNexthopDump } from '../netlink/nexthop.ts';
import { decodeRoute, encodeRouteDump, RTM_F_CLONED, routeProtocolOf } from '../netlink/route.ts';
import { decodeRule, encodeRuleDump } from '../netlink/rule.ts';
import type {
  Address,
  FdbEntry,
  KernelState,
  Link,
  Neighbour,
  Nexthop,
  Route,
  Rule,
} from '../state/kernel-state.ts';
import {
  EMPTY_STATE,
  keyOfAddress,
  keyOfFdbEntry,
  keyOfNeighbour,
  keyOfNexthop,
  keyOfRoute,
  keyOfRule,
} from '../state/kernel-state.ts';
import { OWN_PROTOCOL } from '../state/own.ts';
import { addressFrom, linkFrom, routeFrom } from './from-messages.ts';
import type { ReadScope } from './kernel.ts';
import type { NftState } from './nft-read.ts';
import { readNft } from './nft-read.ts';
import type { Session } from './session.ts';
import { linkSettingOf } from './sysctl.ts';

export function readState(session: Session, scope: ReadScope): KernelState {
  const messages = readLinks(session);
  const owned = messages.filter((link) => scope.ownsLink(link.name));
  const links = new Map<string, Link>();
  for (const message of messages) links.set(message.name, linkFrom(message, session.links));
  if (scope.linksOnly === true) return { ...EMPTY_STATE, links };
  const nexthops = readNexthops(session);
  const nft: NftState = scope.nft ? readNft(session) : { sets: new Map() };
  return {
    links,
    addresses: readAddresses(session),
    nexthops: ownNexthops(session, nexthops, scope.routeProtocol),
    routes: readRoutes(session, nexthops, scope.routeProtocol),
    neighbours: readNeighbours(session, owned),
    fdb: readFdb(session, owned),
    rules: readRules(session, scope.rulePriority),
    sysctls: readSysctls(session, scope.sysctls),
    ...(nft.table === undefined ? {} : { nftTable: nft.table }),
    nftSets: nft.sets,
  };
}

/** For an apply that no read came before: which numbers nexthops have. */
export function loadNexthops(session: Session): void {
  readLinks(session);
  ownNexthops(session, readNexthops(session), OWN_PROTOCOL);
}

type Dump = {
  readonly what: string;
  write(writer: MessageWriter): void;
  restart(): void;
  visit(message: MessageCursor): void;
};

function dump(session: Session, { what, write, restart, visit }: Dump): void {
  session.route.dump(write, session.writer, { operation: `read ${what}`, restart, visit });
}

export function readLinks(session: Session): LinkMessage[] {
  const links: LinkMessage[] = [];
  dump(session, {
    what: 'links',
    write: (writer) => encodeLinkQuery(writer, DUMP, {}),
    restart: () => links.splice(0),
    visit: (message) => links.push(decodeLink(message)),
  });
  session.links.replaceAll(links);
  return links;
}

export function readAddresses(session: Session): Map<string, Address> {
  const addresses = new Map<string, Address>();
  dump(session, {
    what: 'addresses',
    write: (writer) => encodeAddressDump(writer, DUMP),
    restart: () => addresses.clear(),
    visit: (message) => {
      const address = addressFrom(decodeAddress(message), session.links);
      addresses.set(keyOfAddress(address), address);
    },
  });
  return addresses;
}

/** All nexthops by number, whoever made them: their numbers are taken. */
function readNexthops(session: Session): Map<number, NexthopMessage> {
  const nexthops = new Map<number, NexthopMessage>();
  if (session.hasNexthopObjects) {
    dump(session, {
      what: 'nexthops',
      write: (writer) => encodeNexthopDump(writer, DUMP),
      restart: () => nexthops.clear(),
      visit: (message) => {
        const nexthop = decodeNexthop(message);
        nexthops.set(nexthop.id, nexthop);
      },
    });
  }
  return nexthops;
}

function ownNexthops(
  session: Session,
  nexthops: ReadonlyMap<number, NexthopMessage>,
  protocol: number,
): Map<string, Nexthop> {
  const own = new Map<string, Nexthop>();
  session.nexthops.restart();
  for (const { id, gateway, linkIndex, onlink, protocol: maker } of nexthops.values()) {
    if (maker !== protocol || gateway === undefined) {
      session.nexthops.record(id, undefined);
      continue;
    }
    const nexthop = { link: session.links.nameOf(linkIndex), gateway, onlink };
    session.nexthops.record(id, nexthop);
    own.set(keyOfNexthop(nexthop), nexthop);
  }
  return own;
}

function readRoutes(
  session: Session,
  nexthops: ReadonlyMap<number, NexthopMessage>,
  protocol: number,
): Map<string, Route> {
  const routes = readRoutesOf(session, nexthops, { family: AF_INET, protocol });
  const ipv6 = readRoutesOf(session, nexthops, { family: AF_INET6, protocol });
  for (const [key, route] of ipv6) routes.set(key, route);
  return routes;
}

function readRoutesOf(
  session: Session,
  nexthops: ReadonlyMap<number, NexthopMessage>,
  filter: { readonly family: number; readonly protocol: number },
): Map<string, Route> {
  const routes = new Map<string, Route>();
  const context = { links: session.links, nexthops };
  dump(session, {
    what: 'routes',
    write: (writer) => encodeRouteDump(writer, DUMP, filter),
    restart: () => routes.clear(),
    visit: (message) => {
      if (routeProtocolOf(message) !== filter.protocol) return;
      const decoded = decodeRoute(message);
      if ((decoded.flags & RTM_F_CLONED) !== 0) return;
      const route = routeFrom(decoded, context);
      routes.set(keyOfRoute(route), route);
    },
  });
  return routes;
}

function readNeighbours(session: Session, owned: readonly LinkMessage[]): Map<string, Neighbour> {
  const neighbours = new Map<string, Neighbour>();
  const names = new Map(owned.map((link) => [link.index, link.name]));
  if (names.size === 0) return neighbours;
  dump(session, {
    what: 'neighbours',
    write: (writer) => encodeNeighbourDump(writer, DUMP, { family: 0, linkIndex: 0 }),
    restart: () => neighbours.clear(),
    visit: (message) => {
      const link = names.get(neighbourLinkOf(message));
      if (link === undefined || (neighbourStateOf(message) & NUD_PERMANENT) === 0) return;
      const { address, mac } = decodeNeighbour(message);
      if (address === undefined || mac === undefined) return;
      const neighbour = { link, address, mac };
      neighbours.set(keyOfNeighbour(neighbour), neighbour);
    },
  });
  return neighbours;
}

function readFdb(session: Session, owned: readonly LinkMessage[]): Map<string, FdbEntry> {
  const fdb = new Map<string, FdbEntry>();
  for (const { index, name, kind } of owned) {
    if (kind !== 'vxlan') continue;
    const entries: FdbEntry[] = [];
    dump(session, {
      what: `FDB of ${name}`,
      write: (writer) => encodeNeighbourDump(writer, DUMP, { family: AF_BRIDGE, linkIndex: index }),
      restart: () => entries.splice(0),
      visit: (message) => {
        if (neighbourLinkOf(message) !== index) return;
        const { mac, remote, permanent } = decodeFdbEntry(message);
        if (!permanent || mac === undefined || remote === undefined) return;
        entries.push({ link: name, mac, remote });
      },
    });
    for (const entry of entries) fdb.set(keyOfFdbEntry(entry), entry);
  }
  return fdb;
}

/** All families at once: asking for IPv6 alone fails on a machine that has none. */
function readRules(session: Session, priority: number): Map<string, Rule> {
  const rules = new Map<string, Rule>();
  dump(session, {
    what: 'rules',
    write: (writer) => encodeRuleDump(writer, DUMP),
    restart: () => rules.clear(),
    visit: (message) => {
      const rule = decodeRule(message);
      if (rule !== undefined && rule.priority === priority) rules.set(keyOfRule(rule), rule);
    },
  });
  return rules;
}

function readSysctls(session: Session, paths: readonly string[]): Map<string, string> {
  const inFiles: string[] = [];
  const values = new Map<string, string>();
  for (const path of paths) {
    const setting = linkSettingOf(path);
    if (setting === undefined) {
      inFiles.push(path);
      continue;
    }
    const index = session.links.indexOf(setting.link);
    const link = index === undefined ? undefined : session.links.get(index);
    const value = link?.ipv4Settings[setting.id - 1];
    if (value !== undefined) values.set(path, String(value));
  }
  for (const [path, value] of session.sysctls.read(inFiles)) values.set(path, value);
  return values;
}
