// IP addresses as canonical text (RFC 5952 for IPv6), so that they can be map keys, JSON and log
// fields without conversion. Bytes and big integers are made only where arithmetic or the kernel
// need them. Parsing is strict: what the kernel's tools would read in two ways is refused.

import type { Family } from './family.ts';
import { ADDRESS_BITS } from './family.ts';

declare const ipBrand: unique symbol;
/** Canonical text of an IPv4 or IPv6 address. */
export type Ip = string & { readonly [ipBrand]: true };

export const familyOf = (ip: Ip): Family => (ip.includes(':') ? 'ipv6' : 'ipv4');

/** Parses an address; `undefined` when the text is not exactly one address. */
export function parseIp(text: string): Ip | undefined {
  const bytes = text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text);
  return bytes === undefined ? undefined : ipFromBytes(bytes);
}

/** Network-order bytes: 4 or 16 of them. */
export function ipToBytes(ip: Ip): Uint8Array {
  const bytes = familyOf(ip) === 'ipv6' ? ipv6Bytes(ip) : ipv4Bytes(ip);
  if (bytes === undefined) throw new TypeError(`not an address: ${ip}`);
  return bytes;
}

/** The address in 4 or 16 network-order bytes; throws `RangeError` for any other length. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  if (bytes.length === 4) return bytes.join('.') as Ip;
  if (bytes.length !== 16)
    throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2) {
    groups.push(((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0));
  }
  return compressGroups(groups) as Ip;
}

/** An IPv4 address as a number below 2³²: a pass asks for thousands, which must cost nothing. */
export function ipv4ToNumber(ip: Ip): number {
  let value = 0;
  let byte = 0;
  for (let index = 0; index < ip.length; index += 1) {
    const code = ip.charCodeAt(index);
    if (code === DOT) {
      value = value * 256 + byte;
      byte = 0;
    } else {
      byte = byte * 10 + code - DIGIT_0;
    }
  }
  return value * 256 + byte;
}

const DOT = 0x2e;
const DIGIT_0 = 0x30;

export function ipToBigInt(ip: Ip): bigint {
  let value = 0n;
  for (const byte of ipToBytes(ip)) value = (value << 8n) | BigInt(byte);
  return value;
}

/** Throws `RangeError` when `value` does not fit the family. */
export function ipFromBigInt(value: bigint, family: Family): Ip {
  const bits = ADDRESS_BITS[family];
  if (value < 0n || value >> BigInt(bits) !== 0n) {
    throw new RangeError(`${value} is not an ${family} address`);
  }
  const bytes = new Uint8Array(bits / 8);
  let rest = value;
  for (let index = bytes.length - 1; index >= 0; index -= 1) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return ipFromBytes(bytes);
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let index = 0; index < 4; index += 1) {
    const part = parts[index] ?? '';
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return bytes;
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = ipv6Groups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? ipv6Groups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(16);
  for (const [index, group] of groups.entries()) {
    bytes[index * 2] = group >> 8;
    bytes[index * 2 + 1] = group & 0xff;
  }
  return bytes;
}

/** Groups of one side of `::`; an IPv4 tail (`::ffff:10.0.0.1`) counts as two groups. */
function ipv6Groups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (mayEndInIpv4 && index === parts.length - 1 && part.includes('.')) {
      const bytes = ipv4Bytes(part);
      if (bytes === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = bytes;
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** RFC 5952 §4: the longest run of two or more zero groups, the first of equals, becomes `::`. */
function compressGroups(groups: readonly number[]): string {
  let bestStart = -1;
  let bestLength = 1;
  let start = -1;
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] === 0) {
      if (start < 0) start = index;
    } else if (start >= 0) {
      if (index - start > bestLength) {
        bestStart = start;
        bestLength = index - start;
      }
      start = -1;
    }
  }
  const text = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(':');
  if (bestStart < 0) return text(groups);
  return `${text(groups.slice(0, bestStart))}::${text(groups.slice(bestStart + bestLength))}`;
}
