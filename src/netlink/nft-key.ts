// Elements of nftables sets between text and bytes: addresses, interface names, protocols, ports,
// and several of those joined (`tcp . 8080`). What a map leads to stands behind a colon, as `nft`
// writes it (`tcp . 8080 : 10.244.0.5 . 80`). The kernel knows only a length; the type number is
// what `nft` notes down for itself, six bits for each part (nftables: include/datatype.h).

import type { Ip } from '../net/ip.ts';
import { parseIp } from '../net/ip.ts';
import type { AddressText } from './address-text.ts';
import { writeIp } from './address-text.ts';
import { align4 } from './message.ts';

const TYPE_IPADDR = 7;
const TYPE_IP6ADDR = 8;
const TYPE_INET_PROTOCOL = 12;
const TYPE_INET_SERVICE = 13;
const TYPE_IFNAME = 41;
const TYPE_BITS = 6;
const IFNAMSIZ = 16;
const JOINT = ' . ';
const LEADS_TO = ' : ';

const PART_BYTES: ReadonlyMap<number, number> = new Map([
  [TYPE_IPADDR, 4],
  [TYPE_IP6ADDR, 16],
  [TYPE_INET_PROTOCOL, 1],
  [TYPE_INET_SERVICE, 2],
  [TYPE_IFNAME, IFNAMSIZ],
]);

/** IPPROTO_* of linux/in.h. */
const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['tcp', 6],
  ['udp', 17],
  ['sctp', 132],
]);

export type NftElementBytes = {
  readonly key: Buffer;
  /** What it leads to, in a map. */
  readonly data?: Buffer | undefined;
};

/** The parts of a key type; undefined when one is none of those that are known here. */
export function nftKeyParts(keyType: number): readonly number[] | undefined {
  const parts: number[] = [];
  for (let rest = keyType; rest > 0; rest >>>= TYPE_BITS) {
    parts.unshift(rest & ((1 << TYPE_BITS) - 1));
  }
  return parts.length > 0 && parts.every((part) => PART_BYTES.has(part)) ? parts : undefined;
}

/** Undefined when the text is no element: a part is none of what is known here. */
export function encodeNftElement(text: string): NftElementBytes | undefined {
  const [keyText = '', dataText, ...more] = text.split(LEADS_TO);
  const key = encodeNftKey(keyText);
  if (key === undefined || more.length > 0) return undefined;
  if (dataText === undefined) return { key };
  const data = encodeNftKey(dataText);
  return data === undefined ? undefined : { key, data };
}

/** Undefined when the text is no key. */
export function encodeNftKey(text: string): Buffer | undefined {
  const words = text.split(JOINT);
  const parts = words.map(encodePart);
  if (!parts.every((part) => part !== undefined)) return undefined;
  return parts.length === 1 ? parts[0] : Buffer.concat(parts.map(padded));
}

/** Parts that are joined begin at multiples of four bytes. */
function padded(part: Buffer): Buffer {
  const missingBytes = align4(part.length) - part.length;
  return missingBytes === 0 ? part : Buffer.concat([part, Buffer.alloc(missingBytes)]);
}

/** What could be a protocol or a port is one, and no interface of that name. */
function encodePart(text: string): Buffer | undefined {
  const protocol = PROTOCOLS.get(text) ?? Number(/^protocol-(\d+)$/.exec(text)?.[1] ?? Number.NaN);
  if (protocol <= 0xff) return Buffer.from([protocol]);
  if (/^\d+$/.test(text)) return encodePort(Number(text));
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

function encodePort(port: number): Buffer | undefined {
  if (port > 0xffff) return undefined;
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(port);
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
    if (at + align4(lengthBytes) > bytes.length) return undefined;
    words.push(decodePart(bytes.subarray(at, at + lengthBytes), part, text));
    at += align4(lengthBytes);
  }
  return at === bytes.length ? words.join(JOINT) : undefined;
}

/** The text of an element; undefined when the bytes are not of these parts. */
export function decodeNftElement(
  { key, data }: NftElementBytes,
  types: { readonly key: readonly number[]; readonly data: readonly number[] | undefined },
  text: AddressText,
): string | undefined {
  const keyText = decodeNftKey(key, types.key, text);
  if (types.data === undefined || keyText === undefined) return keyText;
  const dataText = data === undefined ? undefined : decodeNftKey(data, types.data, text);
  return dataText === undefined ? undefined : `${keyText}${LEADS_TO}${dataText}`;
}

function decodePart(bytes: Buffer, part: number, text: AddressText): string {
  if (part === TYPE_IPADDR) return text.ipv4(bytes, 0);
  if (part === TYPE_IP6ADDR) return text.ipv6(bytes, 0);
  if (part === TYPE_INET_SERVICE) return String(bytes.readUInt16BE());
  if (part === TYPE_INET_PROTOCOL) return protocolName(bytes.readUInt8());
  const nul = bytes.indexOf(0);
  return bytes.toString('utf8', 0, nul < 0 ? bytes.length : nul);
}

function protocolName(wanted: number): string {
  for (const [name, number] of PROTOCOLS) if (number === wanted) return name;
  return `protocol-${wanted}`;
}
