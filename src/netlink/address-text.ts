// Addresses between bytes and text. Dumps name the same few thousand addresses again and again, so
// the text of each is made once and found again by its bytes. The cache is bounded: when it is full
// it starts anew, which costs time and nothing else.

import type { Ip } from '../net/ip.ts';
import { ipFromBytes, ipToBytes } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { macFromBytes } from '../net/mac.ts';

const ENTRIES_MAX = 1 << 17;

export class AddressText {
  readonly #ipv4 = new Map<number, Ip>();
  readonly #ipv6 = new Map<string, Ip>();
  /** By its 48 bits as a number. */
  readonly #mac = new Map<number, Mac>();

  ipv4(bytes: Buffer, at: number): Ip {
    const key = bytes.readInt32BE(at);
    return (
      this.#ipv4.get(key) ?? remember(this.#ipv4, key, ipFromBytes(bytes.subarray(at, at + 4)))
    );
  }

  ipv6(bytes: Buffer, at: number): Ip {
    const key = bytes.toString('latin1', at, at + 16);
    return (
      this.#ipv6.get(key) ?? remember(this.#ipv6, key, ipFromBytes(bytes.subarray(at, at + 16)))
    );
  }

  mac(bytes: Buffer, at: number): Mac {
    const key = bytes.readUIntBE(at, 6);
    return this.#mac.get(key) ?? remember(this.#mac, key, macFromBytes(bytes.subarray(at, at + 6)));
  }
}

function remember<Key, Text>(cache: Map<Key, Text>, key: Key, text: Text): Text {
  if (cache.size >= ENTRIES_MAX) cache.clear();
  cache.set(key, text);
  return text;
}

/** Writes the network-order bytes of `ip` and returns how many there are. */
export function writeIp(bytes: Buffer, at: number, ip: Ip): 4 | 16 {
  if (ip.includes(':')) {
    bytes.set(ipToBytes(ip), at);
    return 16;
  }
  let value = 0;
  let index = at;
  for (let position = 0; position < ip.length; position += 1) {
    const code = ip.charCodeAt(position);
    if (code === 0x2e) {
      bytes[index] = value;
      index += 1;
      value = 0;
    } else {
      value = value * 10 + code - 0x30;
    }
  }
  bytes[index] = value;
  return 4;
}

/** Writes the six bytes of `mac`. */
export function writeMac(bytes: Buffer, at: number, mac: Mac): void {
  for (let index = 0; index < 6; index += 1) {
    bytes[at + index] = (hexDigit(mac, index * 3) << 4) | hexDigit(mac, index * 3 + 1);
  }
}

function hexDigit(text: string, position: number): number {
  const code = text.charCodeAt(position);
  return code < 0x3a ? code - 0x30 : code - 0x57;
}
