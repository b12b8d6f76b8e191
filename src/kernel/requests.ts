// Ops as rtnetlink requests: names become numbers, verbs become flags. Each function writes exactly
// one message and returns its sequence number. Names are resolved before a message is begun, since
// resolving may send what was written before.

import { encodeAddress, IFA_F_NODAD, RTM_DELADDR, RTM_NEWADDR } from '../netlink/address.ts';
import { ADD, REMOVE, REPLACE } from '../netlink/constants.ts';
import { encodeFdbEntry } from '../netlink/fdb.ts';
import type { MessageWriter } from '../netlink/message.ts';
import {
  encodeNeighbour,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
} from '../netlink/neighbour.ts';
import { encodeNexthop, encodeNexthopId, RTM_DELNEXTHOP } from '../netlink/nexthop.ts';
import type { HopMessage, RouteMessage } from '../netlink/route.ts';
import {
  encodeRoute,
  NO_HOPS,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTN_UNSPEC,
  RTNH_F_ONLINK,
} from '../netlink/route.ts';
import { encodeRule, RTM_DELRULE, RTM_NEWRULE } from '../netlink/rule.ts';
import type {
  Address,
  FdbEntry,
  Neighbour,
  Nexthop,
  Route,
  RouteHop,
  RouteVia,
  Rule,
} from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { OWN_PROTOCOL } from '../state/own.ts';
import type { Session } from './session.ts';

export type Verb = Op['verb'];

/** How names become numbers; both throw a MissingName for what the kernel does not have. */
export type Resolver = {
  readonly session: Session;
  /** Where the requests are written. */
  readonly writer: MessageWriter;
  link(name: string): number;
  nexthop(via: RouteVia & { readonly kind: 'nexthop' }): number;
};

const FLAGS = { add: ADD, change: REPLACE, remove: REMOVE } as const satisfies Record<Verb, number>;

const SCOPES = { global: RT_SCOPE_UNIVERSE, link: RT_SCOPE_LINK, host: RT_SCOPE_HOST } as const;

export function requestAddress(resolver: Resolver, verb: Verb, address: Address): number {
  const linkIndex = resolver.link(address.link);
  const type = verb === 'remove' ? RTM_DELADDR : RTM_NEWADDR;
  return encodeAddress(
    resolver.writer,
    { type, flags: FLAGS[verb] },
    {
      linkIndex,
      address: address.address,
      lengthBits: address.lengthBits,
      scope: SCOPES[address.scope],
      flags: verb !== 'remove' && address.address.includes(':') ? IFA_F_NODAD : 0,
      protocol: address.protocol,
    },
  );
}

export function requestNexthop(resolver: Resolver, verb: Verb, nexthop: Nexthop): number {
  const { session } = resolver;
  if (verb === 'remove') {
    const id = resolver.nexthop({ ...nexthop, kind: 'nexthop' });
    return encodeNexthopId(resolver.writer, { type: RTM_DELNEXTHOP, flags: REMOVE }, id);
  }
  const linkIndex = resolver.link(nexthop.link);
  const { gateway, onlink } = nexthop;
  const id = session.nexthops.allocate(nexthop);
  const message = { id, linkIndex, gateway, onlink, protocol: OWN_PROTOCOL };
  return encodeNexthop(resolver.writer, FLAGS[verb], message);
}

export function requestRoute(resolver: Resolver, verb: Verb, route: Route): number {
  const { writer } = resolver;
  if (verb === 'remove') {
    return encodeRoute(writer, { type: RTM_DELROUTE, flags: REMOVE }, routeKeyMessage(route));
  }
  const message = { ...routeKeyMessage(route), ...viaMessage(resolver, route.via) };
  message.source = route.source;
  // A change without any metric is answered with success and does nothing where another route of
  // the same nexthop object is there (fib_find_info_nh compares no metrics); 0 stands for none.
  message.mtuBytes = route.mtuBytes ?? (verb === 'change' ? 0 : undefined);
  return encodeRoute(writer, { type: RTM_NEWROUTE, flags: FLAGS[verb] }, message);
}

type MutableRoute = { -readonly [Key in keyof RouteMessage]: RouteMessage[Key] };

/** What tells one route from another; enough for a removal, whatever the route leads to. */
const routeKeyMessage = (route: Route): MutableRoute => ({
  destination: route.destination,
  type: RTN_UNSPEC,
  table: route.table,
  metric: route.metric,
  protocol: route.protocol,
  scope: RT_SCOPE_NOWHERE,
  flags: 0,
  linkIndex: 0,
  nexthopId: 0,
  gateway: undefined,
  source: undefined,
  mtuBytes: undefined,
  hops: NO_HOPS,
});

function viaMessage(resolver: Resolver, via: RouteVia): Partial<MutableRoute> {
  const unicast = { type: RTN_UNICAST, scope: RT_SCOPE_UNIVERSE };
  switch (via.kind) {
    case 'unreachable':
      return { type: RTN_UNREACHABLE, scope: RT_SCOPE_UNIVERSE };
    case 'nexthop':
      return { ...unicast, nexthopId: resolver.nexthop(via) };
    case 'gateway':
      return {
        ...unicast,
        linkIndex: resolver.link(via.link),
        gateway: via.gateway,
        flags: via.onlink ? RTNH_F_ONLINK : 0,
      };
    case 'link':
      return { type: RTN_UNICAST, scope: RT_SCOPE_LINK, linkIndex: resolver.link(via.link) };
    case 'multipath':
      return { ...unicast, hops: via.hops.map((hop) => hopMessage(resolver, hop)) };
  }
}

const hopMessage = (
  resolver: Resolver,
  { link, gateway, onlink, weight }: RouteHop,
): HopMessage => ({
  linkIndex: resolver.link(link),
  gateway,
  weight,
  flags: onlink ? RTNH_F_ONLINK : 0,
});

export function requestNeighbour(resolver: Resolver, verb: Verb, neighbour: Neighbour): number {
  const { link, address, mac } = neighbour;
  const linkIndex = resolver.link(link);
  const type = verb === 'remove' ? RTM_DELNEIGH : RTM_NEWNEIGH;
  return encodeNeighbour(
    resolver.writer,
    { type, flags: FLAGS[verb] },
    { linkIndex, address, mac: verb === 'remove' ? undefined : mac, state: NUD_PERMANENT },
  );
}

export function requestFdbEntry(resolver: Resolver, verb: Verb, entry: FdbEntry): number {
  const { link, mac, remote } = entry;
  const linkIndex = resolver.link(link);
  const type = verb === 'remove' ? RTM_DELNEIGH : RTM_NEWNEIGH;
  return encodeFdbEntry(
    resolver.writer,
    { type, flags: FLAGS[verb] },
    { linkIndex, mac, remote: verb === 'remove' ? undefined : remote, permanent: true },
  );
}

/** All of a rule is its key: there is nothing that could be changed in place. */
export function requestRule(resolver: Resolver, verb: Verb, rule: Rule): number {
  const type = verb === 'remove' ? RTM_DELRULE : RTM_NEWRULE;
  const flags = verb === 'remove' ? REMOVE : ADD;
  return encodeRule(resolver.writer, { type, flags }, rule);
}
