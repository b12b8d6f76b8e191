// RTM_*ROUTE: routes (linux/rtnetlink.h, net/ipv4/fib_frontend.c, net/ipv6/route.c). One message
// for both families; RTM_GETROUTE without NLM_F_DUMP is the kernel's route lookup.

import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import { AF_INET, AF_INET6 } from './constants.ts';
import type { AttributeCursor, MessageCursor } from './cursor.ts';
import { DecodeError } from './decode-error.ts';
import type { Digest } from './digest.ts';
import type { MessageWriter } from './message.ts';
import { align4 } from './message.ts';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

const RTMSG_BYTES = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_CACHEINFO = 12;
const RTA_TABLE = 15;
const RTA_NH_ID = 30;
const RTAX_MTU = 2;
/** struct rtnexthop: u16 length, u8 flags, u8 weight less one, s32 link. */
const RTNEXTHOP_BYTES = 8;

export const RTN_UNSPEC = 0;
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_UNREACHABLE = 7;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
/** Of a removal: any scope. */
export const RT_SCOPE_NOWHERE = 255;
export const RT_TABLE_LOCAL = 255;
export const RTPROT_KERNEL = 2;
export const RTNH_F_ONLINK = 4;
/** A copy for one destination, no route of the table. */
export const RTM_F_CLONED = 0x200;

export type HopMessage = {
  readonly linkIndex: number;
  readonly gateway: Ip | undefined;
  readonly weight: number;
  /** RTNH_F_*. */
  readonly flags: number;
};

/** Of a route that leads one way: the same list for thousands. */
export const NO_HOPS: readonly HopMessage[] = [];

export type RouteMessage = {
  readonly destination: Cidr;
  /** RTN_*. */
  readonly type: number;
  readonly table: number;
  readonly metric: number;
  readonly protocol: number;
  readonly scope: number;
  /** RTM_F_* and RTNH_F_*. */
  readonly flags: number;
  /** 0 when there is none. */
  readonly linkIndex: number;
  /** 0 when the route has no nexthop object. */
  readonly nexthopId: number;
  readonly gateway: Ip | undefined;
  readonly source: Ip | undefined;
  readonly mtuBytes: number | undefined;
  /** Of a route with several nexthops. */
  readonly hops: readonly HopMessage[];
};

export function encodeRoute(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  route: RouteMessage,
): number {
  const { destination } = route;
  const slash = destination.indexOf('/');
  const lengthBits = Number(destination.slice(slash + 1));
  const sequence = writer.begin(request.type, request.flags);
  routeHeader(writer, route, lengthBits);
  if (lengthBits > 0) writer.attributeIp(RTA_DST, destination.slice(0, slash) as Ip);
  writer.attributeU32(RTA_TABLE, route.table);
  if (route.metric !== 0) writer.attributeU32(RTA_PRIORITY, route.metric);
  if (route.nexthopId !== 0) writer.attributeU32(RTA_NH_ID, route.nexthopId);
  if (route.linkIndex !== 0) writer.attributeU32(RTA_OIF, route.linkIndex);
  if (route.gateway !== undefined) writer.attributeIp(RTA_GATEWAY, route.gateway);
  if (route.source !== undefined) writer.attributeIp(RTA_PREFSRC, route.source);
  if (route.hops.length > 0) encodeHops(writer, route.hops);
  if (route.mtuBytes !== undefined) {
    const metrics = writer.beginNested(RTA_METRICS);
    writer.attributeU32(RTAX_MTU, route.mtuBytes);
    writer.endNested(metrics);
  }
  writer.end();
  return sequence;
}

/** Not marked as nested: its parts are no attributes. */
function encodeHops(writer: MessageWriter, hops: readonly HopMessage[]): void {
  const start = writer.beginRow(RTA_MULTIPATH);
  for (const { linkIndex, gateway, weight, flags } of hops) {
    const gatewayBytes = gateway?.includes(':') ? 20 : 8;
    writer.u16(RTNEXTHOP_BYTES + (gateway === undefined ? 0 : gatewayBytes));
    writer.u8(flags);
    writer.u8(weight - 1);
    writer.u32(linkIndex);
    if (gateway !== undefined) writer.attributeIp(RTA_GATEWAY, gateway);
  }
  writer.endNested(start);
}

function routeHeader(writer: MessageWriter, route: RouteMessage, lengthBits: number): void {
  writer.u8(route.destination.includes(':') ? AF_INET6 : AF_INET);
  writer.u8(lengthBits);
  writer.u8(0);
  writer.u8(0);
  writer.u8(route.table < 256 ? route.table : 0);
  writer.u8(route.protocol);
  writer.u8(route.scope);
  writer.u8(route.type);
  writer.u32(route.flags);
}

/** A request for all routes of one family and protocol, in one table or (0) in all of them. */
export function encodeRouteDump(
  writer: MessageWriter,
  flags: number,
  filter: { readonly family: number; readonly protocol: number; readonly table?: number },
): number {
  const sequence = writer.begin(RTM_GETROUTE, flags);
  writer.u8(filter.family);
  writer.u8(0);
  writer.u8(0);
  writer.u8(0);
  writer.u8(filter.table ?? 0);
  writer.u8(filter.protocol);
  writer.u16(0);
  writer.u32(0);
  writer.end();
  return sequence;
}

/** The question how a packet to `destination` would leave. */
export function encodeRouteLookup(writer: MessageWriter, flags: number, destination: Ip): number {
  const isIpv6 = destination.includes(':');
  const sequence = writer.begin(RTM_GETROUTE, flags);
  writer.u8(isIpv6 ? AF_INET6 : AF_INET);
  writer.u8(isIpv6 ? 128 : 32);
  writer.u16(0);
  writer.u32(0);
  writer.u32(0);
  writer.attributeIp(RTA_DST, destination);
  writer.end();
  return sequence;
}

/** The protocol in an RTM_*ROUTE, without decoding the rest. */
export const routeProtocolOf = (message: MessageCursor): number =>
  message.bytes.readUInt8(message.header(RTMSG_BYTES) + 5);

export function decodeRoute(message: MessageCursor): RouteMessage {
  const { bytes } = message;
  const header = message.header(RTMSG_BYTES);
  const family = bytes.readUInt8(header);
  let address = family === AF_INET6 ? '::' : '0.0.0.0';
  let table = bytes.readUInt8(header + 4);
  let metric = 0;
  let linkIndex = 0;
  let nexthopId = 0;
  let gateway: Ip | undefined;
  let source: Ip | undefined;
  let mtuBytes: number | undefined;
  let hops = NO_HOPS;
  const attributes = message.attributes(RTMSG_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case RTA_DST:
        address = attributes.ip();
        break;
      case RTA_OIF:
        linkIndex = attributes.u32();
        break;
      case RTA_GATEWAY:
        gateway = attributes.ip();
        break;
      case RTA_PRIORITY:
        metric = attributes.u32();
        break;
      case RTA_PREFSRC:
        source = attributes.ip();
        break;
      case RTA_MULTIPATH:
        hops = hopsOf(attributes);
        break;
      case RTA_METRICS:
        mtuBytes = mtuOf(attributes.nested());
        break;
      case RTA_TABLE:
        table = attributes.u32();
        break;
      case RTA_NH_ID:
        nexthopId = attributes.u32();
        break;
    }
  }
  return {
    destination: `${address}/${bytes.readUInt8(header + 1)}` as Cidr,
    type: bytes.readUInt8(header + 7),
    table,
    metric,
    protocol: bytes.readUInt8(header + 5),
    scope: bytes.readUInt8(header + 6),
    flags: bytes.readUInt32LE(header + 8),
    linkIndex,
    nexthopId,
    gateway,
    source,
    mtuBytes,
    hops,
  };
}

function hopsOf(rows: AttributeCursor): HopMessage[] {
  const hops: HopMessage[] = [];
  const { bytes, end } = rows.value();
  for (let at = rows.at; at + RTNEXTHOP_BYTES <= end; ) {
    const length = bytes.readUInt16LE(at);
    if (length < RTNEXTHOP_BYTES || at + length > end) {
      throw new DecodeError(`a nexthop length of ${length} bytes does not fit`);
    }
    let gateway: Ip | undefined;
    const attributes = rows.part(at + RTNEXTHOP_BYTES, at + length);
    while (attributes.next()) if (attributes.type === RTA_GATEWAY) gateway = attributes.ip();
    hops.push({
      linkIndex: bytes.readInt32LE(at + 4),
      gateway,
      weight: bytes.readUInt8(at + 3) + 1,
      flags: bytes.readUInt8(at + 2),
    });
    at += align4(length);
  }
  return hops;
}

/** IPv6 routes tell how long they have been unused. */
export function digestRoute(digest: Digest, message: MessageCursor): void {
  digest.addHeader(message, RTMSG_BYTES);
  digest.addAttributes(message, RTMSG_BYTES, [RTA_CACHEINFO]);
}

function mtuOf(metrics: AttributeCursor): number | undefined {
  while (metrics.next()) if (metrics.type === RTAX_MTU) return metrics.u32();
  return undefined;
}
