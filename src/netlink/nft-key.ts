// Keys of nftables sets between text and bytes: addresses, interface names, and several of those
// joined (`poplin0123 . 10.244.0.5`). The kernel knows only a length; the type number is what `nft`
// notes down for itself, six bits for each part (nftables: include/datatype.h).

import type { Ip } from '../net/ip.ts';
import { parseIp } from '../net/ip.ts';
import type { AddressText } from './address-text.ts';
import { writeIp } from './address-text.ts';

const TYPE_IPADDR = 7;
const TYPE_IP6ADDR = 8;
const TYPE_IFNAME = 41;
const TYPE_BITS = 6;
const IFNAMSIZ = 16;
const JOINT = ' . ';

const PART_BYTES: ReadonlyMap<number, number> = new Map([
  [TYPE_IPADDR, 4],
  [TYPE_IP6ADDR, 16],
  [TYPE_IFNAME, IFNAMSIZ],
]);

/** The parts of a key type; undefined when one is none of those that are known here. */
export function nftKeyParts(keyType: number): readonly number[] | undefined {
  const parts: number[] = [];
  for (let rest = keyType; rest > 0; rest >>>= TYPE_BITS) {
    parts.unshift(rest & ((1 << TYPE_BITS) - 1));
  }
  return parts.length > 0 && parts.every((part) => PART_BYTES.has(part)) ? parts : undefined;
}

/** Undefined when the text is no key: a part is neither an address nor a possible name. */
export function encodeNftKey(text: string): Buffer | undefined {
  const parts = text.split(JOINT).map(encodePart);
  return parts.every((part) => part !== undefined) ? Buffer.concat(parts) : undefined;
}

function encodePart(text: string): Buffer | undefined {
  const ip: Ip | undefined = parseIp(text);
  const bytes = Buffer.alloc(ip !== undefined && !ip.includes(':') ? 4 : IFNAMSIZ);
  if (ip !== undefined) {
    writeIp(bytes, 0, ip);
    return bytes;
  }
  if (!/^[^\s/:]{1,15}$/.test(text)) return undefined;
  bytes.write(text);
  return bytes;
}

/** Undefined when the bytes are not of these parts. */
export function decodeNftKey(
  bytes: Buffer,
  parts: readonly number[],
  text: AddressText,
): string | undefined {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) {
    return bytes.length === PART_BYTES.get(only) ? decodePart(bytes, only, text) : undefined;
  }
  const words: string[] = [];
  let at = 0;
  for (const part of parts) {
    const lengthBytes = PART_BYTES.get(part) ?? 0;
    if (at + lengthBytes > bytes.length) return undefined;
    words.push(decodePart(bytes.subarray(at, at + lengthBytes), part, text));
    at += lengthBytes;
  }
  return at === bytes.length ? words.join(JOINT) : undefined;
}

function decodePart(bytes: Buffer, part: number, text: AddressText): string {
  if (part === TYPE_IPADDR) return text.ipv4(bytes, 0);
  if (part === TYPE_IP6ADDR) return text.ipv6(bytes, 0);
  const nul = bytes.indexOf(0);
  return bytes.toString('utf8', 0, nul < 0 ? bytes.length : nul);
}
