// Addresses as the C library's socket calls want them: struct sockaddr_in and sockaddr_in6 (ip(7),
// ipv6(7)). Pure. Link-local addresses are not for this: there is no scope in it.

import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, ipFromBytes, ipToBytes } from '../net/ip.ts';
import { ADDRESS_FAMILY } from './inet-socket.ts';

export type SocketAddress = { readonly address: Ip; readonly port: number };

const LAYOUT = {
  ipv4: { sizeBytes: 16, addressAt: 4, addressBytes: 4 },
  ipv6: { sizeBytes: 28, addressAt: 8, addressBytes: 16 },
} as const satisfies Record<Family, object>;

export function encodeSocketAddress({ address, port }: SocketAddress): Buffer {
  const family = familyOf(address);
  const layout = LAYOUT[family];
  const bytes = Buffer.alloc(layout.sizeBytes);
  bytes.writeUInt16LE(ADDRESS_FAMILY[family], 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ipToBytes(address), layout.addressAt);
  return bytes;
}

/** `undefined` when the bytes are neither an IPv4 nor an IPv6 address (AF_UNSPEC: none). */
export function decodeSocketAddress(bytes: Buffer): SocketAddress | undefined {
  const family = bytes.length < 2 ? undefined : familyOfNumber(bytes.readUInt16LE(0));
  if (family === undefined || bytes.length < LAYOUT[family].sizeBytes) return undefined;
  const { addressAt, addressBytes } = LAYOUT[family];
  return {
    address: ipFromBytes(bytes.subarray(addressAt, addressAt + addressBytes)),
    port: bytes.readUInt16BE(2),
  };
}

function familyOfNumber(number: number): Family | undefined {
  if (number === ADDRESS_FAMILY.ipv4) return 'ipv4';
  return number === ADDRESS_FAMILY.ipv6 ? 'ipv6' : undefined;
}
