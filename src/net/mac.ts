// Ethernet addresses as canonical text: six lower-case pairs joined by colons. `macFrom` makes a
// stable, locally administered one from any text, so that a VTEP keeps its address over restarts
// without any stored state.

import { hash } from 'node:crypto';
import type { Ip } from './ip.ts';
import { ipFromBytes } from './ip.ts';

declare const macBrand: unique symbol;
/** Canonical text of an Ethernet address. */
export type Mac = string & { readonly [macBrand]: true };

export function parseMac(text: string): Mac | undefined {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text) ? (text.toLowerCase() as Mac) : undefined;
}

export const macToBytes = (mac: Mac): Uint8Array =>
  Uint8Array.from(mac.split(':'), (pair) => Number.parseInt(pair, 16));

export const macFromBytes = (bytes: Uint8Array): Mac =>
  Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, '0')).join(':') as Mac;

/** The link-local address of an interface with this address (RFC 4291 appendix A). */
export function linkLocalOf(mac: Mac): Ip {
  const [first = 0, second = 0, third = 0, ...rest] = macToBytes(mac);
  const interfaceId = [first ^ 0x02, second, third, 0xff, 0xfe, ...rest];
  return ipFromBytes(Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...interfaceId]));
}

/** A unicast, locally administered address (IEEE 802 bits 0 and 1 of the first byte) of `seed`. */
export function macFrom(seed: string): Mac {
  const bytes = hash('sha256', seed, 'buffer').subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfe) | 0x02;
  return macFromBytes(bytes);
}
