// Reads what a namespace holds into a KernelState: one dump per kind of object, decoded straight
// from the receive buffer. It writes nothing. With a digest the objects that are there by the
// thousand are not decoded but mixed into it (fingerprint.ts).
// What lies on a link that came meanwhile is left out (dumps.ts).

import type { Cidr } from '../net/cidr.ts';
import { decodeAddress, encodeAddressDump } from '../netlink/address.ts';
import { AF_BRIDGE, AF_INET, AF_INET6, DUMP } from '../netlink/constants.ts';
import { decodeFdbEntry } from '../netlink/fdb.ts';
import type { LinkMessage } from '../netlink/link.ts';
import { decodeLink, encodeLinkQuery } from '../netlink/link.ts';
import {
  decodeNeighbour,
  digestNeighbour,
  encodeNeighbourDump,
  NUD_PERMANENT,
  neighbourLinkOf,
  neighbourStateOf,
} from '../netlink/neighbour.ts';
import type { NexthopMessage } from '../netlink/nexthop.ts';
import { decodeNexthop, digestNexthop, encodeNexthopDump } from '../netlink/nexthop.ts';
import {
  decodeRoute,
  digestRoute,
  encodeRouteDump,
  RTM_F_CLONED,
  routeProtocolOf,
} from '../netlink/route.ts';
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
import { BIRD_PROTOCOL, MAIN_TABLE, OWN_PROTOCOL } from '../state/own.ts';
import type { Reading } from './dumps.ts';
import { bulkDump, dump, isOnNewLink } from './dumps.ts';
import { addressFrom, linkFrom, routeFrom } from './from-messages.ts';
import type { ReadScope } from './kernel.ts';
import type { NftState } from './nft-read.ts';
import { readNft } from './nft-read.ts';
import { readQdiscs } from './read-qdiscs.ts';
import { readSysctls } from './read-sysctls.ts';
import type { Session } from './session.ts';

export function readState(reading: Reading, scope: ReadScope): KernelState {
  const { session } = reading;
  const messages = readLinks(session);
  const owned = messages.filter((link) => scope.ownsLink(link.name));
  const links = new Map<string, Link>();
  for (const message of messages) links.set(message.name, linkFrom(message, session.links));
  if (scope.linksOnly === true) return { ...EMPTY_STATE, links };
  const nexthops = readNexthops(reading);
  const nft: NftState = scope.nft ? readNft(reading) : { sets: new Map() };
  return {
    links,
    addresses: readAddresses(session),
    nexthops: ownNexthops(reading, nexthops, scope.routeProtocol),
    routes: readRoutes(reading, nexthops, scope.routeProtocol),
    birdRoutes: scope.birdRoutes === true ? readBirdRoutes(reading, nexthops) : new Map(),
    neighbours: readNeighbours(reading, owned),
    fdb: readFdb(reading, owned),
    rules: readRules(session, scope.rulePriority),
    qdiscs: readQdiscs(reading, owned),
    sysctls: readSysctls(session, scope.sysctls),
    ...(nft.table === undefined ? {} : { nftTable: nft.table }),
    nftSets: nft.sets,
  };
}

/** For an apply that no read came before: which numbers nexthops have. */
export function loadNexthops(session: Session): void {
  readLinks(session);
  ownNexthops({ session }, readNexthops({ session }), OWN_PROTOCOL);
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
      const decoded = decodeAddress(message);
      if (isOnNewLink(session, decoded)) return;
      const address = addressFrom(decoded, session.links);
      addresses.set(keyOfAddress(address), address);
    },
  });
  return addresses;
}

/** All nexthops by number, whoever made them: their numbers are taken. */
function readNexthops(reading: Reading): Map<number, NexthopMessage> {
  const nexthops = new Map<number, NexthopMessage>();
  if (!reading.session.hasNexthopObjects) return nexthops;
  bulkDump(reading, {
    what: 'nexthops',
    write: (writer) => encodeNexthopDump(writer, DUMP),
    restart: () => nexthops.clear(),
    concerns: () => true,
    mix: digestNexthop,
    visit: (message) => {
      const nexthop = decodeNexthop(message);
      nexthops.set(nexthop.id, nexthop);
    },
  });
  return nexthops;
}

function ownNexthops(
  { session, digest }: Reading,
  nexthops: ReadonlyMap<number, NexthopMessage>,
  protocol: number,
): Map<string, Nexthop> {
  const own = new Map<string, Nexthop>();
  // Nothing was decoded, or others' routes are looked at: the numbers that are known stay.
  if (digest !== undefined || protocol !== OWN_PROTOCOL) return own;
  session.nexthops.restart();
  for (const message of nexthops.values()) {
    const { id, gateway, linkIndex, onlink } = message;
    const isOther = message.protocol !== protocol || isOnNewLink(session, message);
    if (isOther || gateway === undefined) {
      session.nexthops.record(id, undefined);
      continue;
    }
    const nexthop = { link: session.links.nameOf(linkIndex), gateway, onlink };
    const key = keyOfNexthop(nexthop);
    session.nexthops.record(id, key);
    own.set(key, nexthop);
  }
  return own;
}

function readRoutes(
  reading: Reading,
  nexthops: ReadonlyMap<number, NexthopMessage>,
  protocol: number,
): Map<string, Route> {
  const routes = readRoutesOf(reading, nexthops, { family: AF_INET, protocol });
  const ipv6 = readRoutesOf(reading, nexthops, { family: AF_INET6, protocol });
  for (const [key, route] of ipv6) routes.set(key, route);
  return routes;
}

/** Metrics tell apart what leads to one destination; packets go by the smallest. */
function readBirdRoutes(
  reading: Reading,
  nexthops: ReadonlyMap<number, NexthopMessage>,
): Map<Cidr, Route> {
  const winners = new Map<Cidr, Route>();
  for (const route of readRoutes(reading, nexthops, BIRD_PROTOCOL).values()) {
    if (route.table !== MAIN_TABLE) continue;
    const other = winners.get(route.destination);
    if (other === undefined || route.metric < other.metric) winners.set(route.destination, route);
  }
  return winners;
}

function readRoutesOf(
  reading: Reading,
  nexthops: ReadonlyMap<number, NexthopMessage>,
  filter: { readonly family: number; readonly protocol: number },
): Map<string, Route> {
  const routes = new Map<string, Route>();
  const context = { links: reading.session.links, nexthops };
  bulkDump(reading, {
    what: 'routes',
    write: (writer) => encodeRouteDump(writer, DUMP, filter),
    restart: () => routes.clear(),
    concerns: (message) => routeProtocolOf(message) === filter.protocol,
    mix: digestRoute,
    visit: (message) => {
      const decoded = decodeRoute(message);
      if ((decoded.flags & RTM_F_CLONED) !== 0) return;
      const ways = [decoded, ...decoded.hops];
      if (ways.some((way) => isOnNewLink(reading.session, way))) return;
      const route = routeFrom(decoded, context);
      routes.set(keyOfRoute(route), route);
    },
  });
  return routes;
}

function readNeighbours(reading: Reading, owned: readonly LinkMessage[]): Map<string, Neighbour> {
  const neighbours = new Map<string, Neighbour>();
  const names = new Map(owned.map((link) => [link.index, link.name]));
  if (names.size === 0) return neighbours;
  bulkDump(reading, {
    what: 'neighbours',
    write: (writer) => encodeNeighbourDump(writer, DUMP, { family: 0, linkIndex: 0 }),
    restart: () => neighbours.clear(),
    concerns: (message) =>
      (neighbourStateOf(message) & NUD_PERMANENT) !== 0 && names.has(neighbourLinkOf(message)),
    mix: digestNeighbour,
    visit: (message) => {
      const link = names.get(neighbourLinkOf(message)) ?? '';
      const { address, mac } = decodeNeighbour(message);
      if (address === undefined || mac === undefined) return;
      const neighbour = { link, address, mac };
      neighbours.set(keyOfNeighbour(neighbour), neighbour);
    },
  });
  return neighbours;
}

function readFdb(reading: Reading, owned: readonly LinkMessage[]): Map<string, FdbEntry> {
  const fdb = new Map<string, FdbEntry>();
  for (const { index, name, kind } of owned) {
    if (kind !== 'vxlan') continue;
    bulkDump(reading, {
      what: `FDB of ${name}`,
      write: (writer) => encodeNeighbourDump(writer, DUMP, { family: AF_BRIDGE, linkIndex: index }),
      restart: () => {
        for (const [key, { link }] of fdb) if (link === name) fdb.delete(key);
      },
      concerns: (message) =>
        (neighbourStateOf(message) & NUD_PERMANENT) !== 0 && neighbourLinkOf(message) === index,
      mix: digestNeighbour,
      visit: (message) => {
        const { mac, remote } = decodeFdbEntry(message);
        if (mac === undefined || remote === undefined) return;
        const entry = { link: name, mac, remote };
        fdb.set(keyOfFdbEntry(entry), entry);
      },
    });
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
