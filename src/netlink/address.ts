// RTM_*ADDR: addresses of links (linux/if_addr.h, net/ipv4/devinet.c, net/ipv6/addrconf.c).

import type { Ip } from '../net/ip.ts';
import { AF_INET, AF_INET6 } from './constants.ts';
import type { MessageCursor } from './cursor.ts';
import { DecodeError } from './decode-error.ts';
import type { MessageWriter } from './message.ts';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

const IFADDRMSG_BYTES = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_PROTO = 11;
/** In IPv4 IFA_F_SECONDARY, in IPv6 IFA_F_TEMPORARY. */
export const IFA_F_SECONDARY = 0x01;
export const IFA_F_DADFAILED = 0x08;
export const IFA_F_DEPRECATED = 0x20;
export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_PERMANENT = 0x80;
/** No duplicate address detection, which would hold an IPv6 address back for a second. */
export const IFA_F_NODAD = 0x02;
/** IFA_PROTO of the link-local addresses that the kernel gives links by itself. */
export const IFAPROT_KERNEL_LL = 3;

export type AddressMessage = {
  readonly linkIndex: number;
  readonly address: Ip;
  readonly lengthBits: number;
  /** RT_SCOPE_*. */
  readonly scope: number;
  readonly flags: number;
  readonly protocol: number;
};

export function encodeAddress(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  address: AddressMessage,
): number {
  const sequence = writer.begin(request.type, request.flags);
  writer.u8(address.address.includes(':') ? AF_INET6 : AF_INET);
  writer.u8(address.lengthBits);
  writer.u8(address.flags & 0xff);
  writer.u8(address.scope);
  writer.u32(address.linkIndex);
  writer.attributeIp(IFA_LOCAL, address.address);
  writer.attributeIp(IFA_ADDRESS, address.address);
  if (address.flags !== 0) writer.attributeU32(IFA_FLAGS, address.flags);
  if (address.protocol !== 0) writer.attributeU8(IFA_PROTO, address.protocol);
  writer.end();
  return sequence;
}

/** A request for all addresses of both families. */
export function encodeAddressDump(writer: MessageWriter, flags: number): number {
  const sequence = writer.begin(RTM_GETADDR, flags);
  writer.u32(0);
  writer.u32(0);
  writer.end();
  return sequence;
}

export function decodeAddress(message: MessageCursor): AddressMessage {
  const header = message.header(IFADDRMSG_BYTES);
  let flags = message.bytes.readUInt8(header + 2);
  let address: Ip | undefined;
  let local: Ip | undefined;
  let protocol = 0;
  const attributes = message.attributes(IFADDRMSG_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case IFA_ADDRESS:
        address = attributes.ip();
        break;
      case IFA_LOCAL:
        // Of a point-to-point link IFA_ADDRESS is the other end; IPv6 may leave IFA_LOCAL out.
        local = attributes.ip();
        break;
      case IFA_FLAGS:
        flags = attributes.u32();
        break;
      case IFA_PROTO:
        protocol = attributes.u8();
        break;
    }
  }
  const ip = local ?? address;
  if (ip === undefined) throw new DecodeError('RTM_NEWADDR without an address');
  return {
    linkIndex: message.bytes.readUInt32LE(header + 4),
    address: ip,
    lengthBits: message.bytes.readUInt8(header + 1),
    scope: message.bytes.readUInt8(header + 3),
    flags,
    protocol,
  };
}
