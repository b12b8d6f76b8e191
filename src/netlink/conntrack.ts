// ctnetlink (linux/netfilter/nfnetlink_conntrack.h): connections as the kernel tracks them, how to
// ask for some of them, and how to make it forget one. A node may have a hundred thousand of them,
// so addresses stay bytes (as `addressBytes` gives them), of which none is kept, and the kernel is
// asked for as few as it can tell apart: before 5.8 it leaves the filter out and tells all.

import type { Ip } from '../net/ip.ts';
import { ipToBytes } from '../net/ip.ts';
import { NLM_F_ACK, NLM_F_REQUEST } from './constants.ts';
import type { AttributeCursor, MessageCursor } from './cursor.ts';
import type { MessageWriter } from './message.ts';
import { NFGENMSG_BYTES, nftHeader } from './nft.ts';

const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_GET = (NFNL_SUBSYS_CTNETLINK << 8) | 1;
const IPCTNL_MSG_CT_DELETE = (NFNL_SUBSYS_CTNETLINK << 8) | 2;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_FILTER = 25;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
/** CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST. */
const SOURCES: ReadonlySet<number> = new Set([1, 3]);
const CTA_IP_V4_SRC = 1;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;
/** Which parts of a tuple count (net/netfilter/nf_conntrack_netlink.c: CTA_FILTER_F_*). */
const FILTER_SOURCE = 1 << 0;
const FILTER_PROTOCOL = 1 << 3;
const FILTER_DESTINATION_PORT = 1 << 5;

export type ConntrackTuple = {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** 0 where the protocol has no ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
};

export type Connection = {
  readonly family: number;
  /** As its first packet was sent. */
  readonly original: ConntrackTuple;
  /** As an answer is expected: its source is who the first packet was led to. */
  readonly reply: ConntrackTuple;
  /** What names it to the kernel: the original tuple, the number, and the zone if it has one. */
  readonly name: readonly { readonly type: number; readonly bytes: Buffer }[];
};

/**
 * What a dump is to be narrowed down to. There is none by IPv6 addresses: kernels up to 6.18 at
 * least tell of all others then (ctnetlink_filter_match_tuple compares the wrong way round).
 */
export type ConntrackFilter =
  | { readonly by: 'protocol'; readonly protocol: number; readonly destinationPort?: number }
  | { readonly by: 'answerer'; readonly ipv4: Ip };

/** As addresses stand in tuples. */
export const addressBytes = (ip: Ip): string => Buffer.from(ipToBytes(ip)).toString('latin1');

export function encodeConntrackDump(
  writer: MessageWriter,
  flags: number,
  { family, filter }: { readonly family: number; readonly filter?: ConntrackFilter | undefined },
): number {
  const sequence = writer.begin(IPCTNL_MSG_CT_GET, flags);
  nftHeader(writer, family, 0);
  if (filter !== undefined) writeFilter(writer, filter);
  writer.end();
  return sequence;
}

function writeFilter(writer: MessageWriter, filter: ConntrackFilter): void {
  let [original, reply] = [0, 0];
  if (filter.by === 'answerer') {
    reply = FILTER_SOURCE;
    const tuple = writer.beginNested(CTA_TUPLE_REPLY);
    const ip = writer.beginNested(CTA_TUPLE_IP);
    writer.attributeIp(CTA_IP_V4_SRC, filter.ipv4);
    writer.endNested(ip);
    writer.endNested(tuple);
  } else {
    const { protocol, destinationPort } = filter;
    original = FILTER_PROTOCOL | (destinationPort === undefined ? 0 : FILTER_DESTINATION_PORT);
    const tuple = writer.beginNested(CTA_TUPLE_ORIG);
    const parts = writer.beginNested(CTA_TUPLE_PROTO);
    writer.attributeU8(CTA_PROTO_NUM, protocol);
    if (destinationPort !== undefined) {
      writer.attributeU16be(CTA_PROTO_DST_PORT, destinationPort);
    }
    writer.endNested(parts);
    writer.endNested(tuple);
  }
  const flags = writer.beginNested(CTA_FILTER);
  writer.attributeU32(CTA_FILTER_ORIG_FLAGS, original);
  writer.attributeU32(CTA_FILTER_REPLY_FLAGS, reply);
  writer.endNested(flags);
}

export function encodeConntrackDelete(writer: MessageWriter, { family, name }: Connection): number {
  const sequence = writer.begin(IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST | NLM_F_ACK);
  nftHeader(writer, family, 0);
  for (const { type, bytes } of name) {
    if (type !== CTA_TUPLE_ORIG) {
      writer.attributeBytes(type, bytes);
      continue;
    }
    const tuple = writer.beginNested(type);
    writer.raw(bytes);
    writer.endNested(tuple);
  }
  writer.end();
  return sequence;
}

const NO_TUPLE: ConntrackTuple = {
  ...{ source: '', destination: '', protocol: 0 },
  ...{ sourcePort: 0, destinationPort: 0 },
};

/** What `wants` does not want is not copied. */
export function decodeConnection(
  message: MessageCursor,
  wants: (original: ConntrackTuple, reply: ConntrackTuple) => boolean,
): Connection | undefined {
  let original = NO_TUPLE;
  let reply = NO_TUPLE;
  const tuples = message.attributes(NFGENMSG_BYTES);
  while (tuples.next()) {
    if (tuples.type === CTA_TUPLE_ORIG) original = tupleOf(tuples.nested());
    else if (tuples.type === CTA_TUPLE_REPLY) reply = tupleOf(tuples.nested());
  }
  if (!wants(original, reply)) return undefined;
  const name: { type: number; bytes: Buffer }[] = [];
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) {
    const { type } = attributes;
    if (type !== CTA_TUPLE_ORIG && type !== CTA_ID && type !== CTA_ZONE) continue;
    name.push({ type, bytes: attributes.copy() });
  }
  const family = message.bytes.readUInt8(message.header(NFGENMSG_BYTES));
  return { family, original, reply, name };
}

function tupleOf(tuple: AttributeCursor): ConntrackTuple {
  let [source, destination] = ['', ''];
  let [protocol, sourcePort, destinationPort] = [0, 0, 0];
  while (tuple.next()) {
    if (tuple.type === CTA_TUPLE_IP) {
      const addresses = tuple.nested();
      while (addresses.next()) {
        if (SOURCES.has(addresses.type)) source = addresses.latin1();
        else destination = addresses.latin1();
      }
    } else if (tuple.type === CTA_TUPLE_PROTO) {
      const ports = tuple.nested();
      while (ports.next()) {
        if (ports.type === CTA_PROTO_NUM) protocol = ports.u8();
        else if (ports.type === CTA_PROTO_SRC_PORT) sourcePort = ports.u16be();
        else if (ports.type === CTA_PROTO_DST_PORT) destinationPort = ports.u16be();
      }
    }
  }
  return { source, destination, protocol, sourcePort, destinationPort };
}
