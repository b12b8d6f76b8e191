// RTM_*NEXTHOP: nexthop objects (linux/nexthop.h, net/ipv4/nexthop.c; kernel 5.3). Routes name them
// by number, so that a thousand routes with a gateway of their own cost the kernel no list walk.

import type { Ip } from '../net/ip.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from './constants.ts';
import type { MessageCursor } from './cursor.ts';
import type { Digest } from './digest.ts';
import type { MessageWriter } from './message.ts';
import { RTNH_F_ONLINK } from './route.ts';

export const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;
export const RTM_GETNEXTHOP = 106;

const NHMSG_BYTES = 8;
const NHA_ID = 1;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;

export type NexthopMessage = {
  readonly id: number;
  /** 0 for groups and blackholes, which Poplin does not make. */
  readonly linkIndex: number;
  readonly gateway: Ip | undefined;
  readonly onlink: boolean;
  readonly protocol: number;
};

export function encodeNexthop(
  writer: MessageWriter,
  flags: number,
  nexthop: NexthopMessage,
): number {
  const sequence = writer.begin(RTM_NEWNEXTHOP, flags);
  const family = nexthop.gateway?.includes(':') ? AF_INET6 : AF_INET;
  nexthopHeader(writer, { ...nexthop, family });
  writer.attributeU32(NHA_ID, nexthop.id);
  writer.attributeU32(NHA_OIF, nexthop.linkIndex);
  if (nexthop.gateway !== undefined) writer.attributeIp(NHA_GATEWAY, nexthop.gateway);
  writer.end();
  return sequence;
}

/** RTM_DELNEXTHOP or RTM_GETNEXTHOP of one number. */
export function encodeNexthopId(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  id: number,
): number {
  const sequence = writer.begin(request.type, request.flags);
  nexthopHeader(writer, { family: AF_UNSPEC, protocol: 0, onlink: false });
  writer.attributeU32(NHA_ID, id);
  writer.end();
  return sequence;
}

export function encodeNexthopDump(writer: MessageWriter, flags: number): number {
  const sequence = writer.begin(RTM_GETNEXTHOP, flags);
  nexthopHeader(writer, { family: AF_UNSPEC, protocol: 0, onlink: false });
  writer.end();
  return sequence;
}

function nexthopHeader(
  writer: MessageWriter,
  header: { readonly family: number; readonly protocol: number; readonly onlink: boolean },
): void {
  writer.u8(header.family);
  writer.u8(0);
  writer.u8(header.protocol);
  writer.u8(0);
  writer.u32(header.onlink ? RTNH_F_ONLINK : 0);
}

export function decodeNexthop(message: MessageCursor): NexthopMessage {
  const header = message.header(NHMSG_BYTES);
  let id = 0;
  let linkIndex = 0;
  let gateway: Ip | undefined;
  const attributes = message.attributes(NHMSG_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case NHA_ID:
        id = attributes.u32();
        break;
      case NHA_OIF:
        linkIndex = attributes.u32();
        break;
      case NHA_GATEWAY:
        gateway = attributes.ip();
        break;
    }
  }
  return {
    id,
    linkIndex,
    gateway,
    onlink: (message.bytes.readUInt32LE(header + 4) & RTNH_F_ONLINK) !== 0,
    protocol: message.bytes.readUInt8(header + 2),
  };
}

export function digestNexthop(digest: Digest, message: MessageCursor): void {
  digest.addHeader(message, NHMSG_BYTES);
  digest.addAttributes(message, NHMSG_BYTES, []);
}
