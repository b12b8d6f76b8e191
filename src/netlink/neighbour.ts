// RTM_*NEIGH: neighbours, that is ARP and ND entries (linux/neighbour.h, net/core/neighbour.c). The
// same messages with AF_BRIDGE are forwarding databases: fdb.ts.

import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { AF_INET, AF_INET6 } from './constants.ts';
import type { MessageCursor } from './cursor.ts';
import type { Digest } from './digest.ts';
import type { MessageWriter } from './message.ts';

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

export const NDMSG_BYTES = 12;
export const NDA_DST = 1;
export const NDA_LLADDR = 2;
const NDA_CACHEINFO = 3;
const NDA_PROBES = 4;
export const NUD_PERMANENT = 0x80;
const NTF_PROXY = 0x08;

export type NeighbourMessage = {
  readonly linkIndex: number;
  readonly address: Ip | undefined;
  readonly mac: Mac | undefined;
  /** NUD_*. */
  readonly state: number;
};

export type NeighbourHeader = {
  readonly family: number;
  readonly linkIndex: number;
  readonly state: number;
  readonly flags: number;
};

export function neighbourHeader(writer: MessageWriter, header: NeighbourHeader): void {
  writer.u8(header.family);
  writer.u8(0);
  writer.u16(0);
  writer.u32(header.linkIndex);
  writer.u16(header.state);
  writer.u8(header.flags);
  writer.u8(0);
}

export function encodeNeighbour(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  neighbour: NeighbourMessage,
): number {
  const sequence = writer.begin(request.type, request.flags);
  const { linkIndex, state, address, mac } = neighbour;
  const family = address?.includes(':') ? AF_INET6 : AF_INET;
  neighbourHeader(writer, { family, linkIndex, state, flags: 0 });
  if (address !== undefined) writer.attributeIp(NDA_DST, address);
  if (mac !== undefined) writer.attributeMac(NDA_LLADDR, mac);
  writer.end();
  return sequence;
}

/** A request for all entries of a family; of a forwarding database also by link. */
export function encodeNeighbourDump(
  writer: MessageWriter,
  flags: number,
  filter: { readonly family: number; readonly linkIndex: number },
): number {
  const sequence = writer.begin(RTM_GETNEIGH, flags);
  neighbourHeader(writer, { ...filter, state: 0, flags: 0 });
  writer.end();
  return sequence;
}

/** The link answers for an address that is elsewhere; all else of a neighbour it does not have. */
export function encodeProxy(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  { linkIndex, address }: { readonly linkIndex: number; readonly address: Ip },
): number {
  const sequence = writer.begin(request.type, request.flags);
  const family = address.includes(':') ? AF_INET6 : AF_INET;
  neighbourHeader(writer, { family, linkIndex, state: 0, flags: NTF_PROXY });
  writer.attributeIp(NDA_DST, address);
  writer.end();
  return sequence;
}

/** A request for all of those, of all links. */
export function encodeProxyDump(writer: MessageWriter, flags: number): number {
  const sequence = writer.begin(RTM_GETNEIGH, flags);
  neighbourHeader(writer, { family: 0, linkIndex: 0, state: 0, flags: NTF_PROXY });
  writer.end();
  return sequence;
}

export const neighbourFamilyOf = (message: MessageCursor): number =>
  message.bytes.readUInt8(message.header(NDMSG_BYTES));
export const neighbourLinkOf = (message: MessageCursor): number =>
  message.bytes.readInt32LE(message.header(NDMSG_BYTES) + 4);
export const neighbourStateOf = (message: MessageCursor): number =>
  message.bytes.readUInt16LE(message.header(NDMSG_BYTES) + 8);

export function decodeNeighbour(message: MessageCursor): NeighbourMessage {
  let address: Ip | undefined;
  let mac: Mac | undefined;
  const attributes = message.attributes(NDMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type === NDA_DST) address = attributes.ip();
    // Links without Ethernet addresses have others here.
    else if (attributes.type === NDA_LLADDR && attributes.lengthBytes === 6) mac = attributes.mac();
  }
  return {
    linkIndex: neighbourLinkOf(message),
    address,
    mac,
    state: neighbourStateOf(message),
  };
}

/** Of a neighbour or an entry of a forwarding database: all but its age and use. */
export function digestNeighbour(digest: Digest, message: MessageCursor): void {
  digest.addHeader(message, NDMSG_BYTES);
  digest.addAttributes(message, NDMSG_BYTES, [NDA_CACHEINFO, NDA_PROBES]);
}
