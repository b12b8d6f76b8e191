// What the kernel's messages mean as objects of a KernelState: indexes become names, numbers become
// words. Pure but for the table of links that it looks names up in.

import type { Ip } from '../net/ip.ts';
import type { AddressMessage } from '../netlink/address.ts';
import {
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_PERMANENT,
  IFA_F_SECONDARY,
  IFA_F_TENTATIVE,
} from '../netlink/address.ts';
import type { LinkMessage } from '../netlink/link.ts';
import type { NexthopMessage } from '../netlink/nexthop.ts';
import type { HopMessage, RouteMessage } from '../netlink/route.ts';
import {
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTNH_F_ONLINK,
} from '../netlink/route.ts';
import type {
  Address,
  AddressDrawback,
  AddressScope,
  Link,
  Route,
  RouteHop,
  RouteVia,
} from '../state/kernel-state.ts';
import type { LinkTable } from './links.ts';

const NO_ADDRESS = '0.0.0.0' as Ip;

export function linkFrom(message: LinkMessage, links: LinkTable): Link {
  const { name, up, mtuBytes, mac, group, alias, kind, vxlan, masterIndex } = message;
  const master = masterIndex === undefined ? {} : { master: links.nameOf(masterIndex) };
  const common = { name, up, mtuBytes, mac, group, alias, ...master };
  if (kind === 'veth' || kind === 'ifb') return { ...common, kind };
  if (vxlan === undefined) return { ...common, kind: 'other', driver: kind };
  return {
    ...common,
    kind: 'vxlan',
    vni: vxlan.vni,
    portNumber: vxlan.portNumber,
    local: vxlan.local ?? NO_ADDRESS,
    underlay: links.nameOf(vxlan.underlayIndex),
    learning: vxlan.learning,
    gbp: vxlan.gbp,
    udpChecksum: vxlan.udpChecksum,
  };
}

const scopeFrom = (scope: number): AddressScope => {
  if (scope === RT_SCOPE_HOST) return 'host';
  return scope === RT_SCOPE_LINK ? 'link' : 'global';
};

export function addressFrom(message: AddressMessage, links: LinkTable): Address {
  const drawback = drawbackFrom(message.flags);
  return {
    link: links.nameOf(message.linkIndex),
    address: message.address,
    lengthBits: message.lengthBits,
    scope: scopeFrom(message.scope),
    protocol: message.protocol,
    ...(drawback === undefined ? {} : { drawback }),
  };
}

/** The worst of them. */
function drawbackFrom(flags: number): AddressDrawback | undefined {
  if ((flags & IFA_F_DADFAILED) !== 0) return 'duplicate';
  if ((flags & IFA_F_TENTATIVE) !== 0) return 'tentative';
  if ((flags & IFA_F_DEPRECATED) !== 0) return 'deprecated';
  if ((flags & IFA_F_SECONDARY) !== 0) return 'secondary';
  return (flags & IFA_F_PERMANENT) === 0 ? 'dynamic' : undefined;
}

export type RouteContext = {
  readonly links: LinkTable;
  readonly nexthops: ReadonlyMap<number, NexthopMessage>;
};

export function routeFrom(message: RouteMessage, context: RouteContext): Route {
  const { destination, table, metric, protocol, source, mtuBytes } = message;
  const route: { -readonly [Key in keyof Route]: Route[Key] } = {
    destination,
    table,
    metric,
    protocol,
    via: viaFrom(message, context),
  };
  if (source !== undefined) route.source = source;
  if (mtuBytes !== undefined) route.mtuBytes = mtuBytes;
  return route;
}

/**
 * Forms that Poplin does not make (blackholes, nexthop groups) become a route to the link '', so
 * that they differ from all that is wanted and are replaced or removed.
 */
function viaFrom(message: RouteMessage, { links, nexthops }: RouteContext): RouteVia {
  if (message.type === RTN_UNREACHABLE) return { kind: 'unreachable' };
  if (message.type !== RTN_UNICAST) return { kind: 'link', link: '' };
  if (message.nexthopId !== 0) {
    const nexthop = nexthops.get(message.nexthopId);
    if (nexthop?.gateway === undefined) return { kind: 'link', link: '' };
    const { gateway, linkIndex } = nexthop;
    return { kind: 'nexthop', link: links.nameOf(linkIndex), gateway };
  }
  const { gateway, hops } = message;
  if (hops.length > 0) return { kind: 'multipath', hops: hops.map((hop) => hopFrom(hop, links)) };
  const link = links.nameOf(message.linkIndex);
  if (gateway === undefined) return { kind: 'link', link };
  return { kind: 'gateway', link, gateway, onlink: (message.flags & RTNH_F_ONLINK) !== 0 };
}

function hopFrom({ linkIndex, gateway, weight, flags }: HopMessage, links: LinkTable): RouteHop {
  const rest = { onlink: (flags & RTNH_F_ONLINK) !== 0, weight };
  const link = links.nameOf(linkIndex);
  return gateway === undefined ? { link, ...rest } : { link, gateway, ...rest };
}
