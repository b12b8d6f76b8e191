// Netlink messages and their attributes from numbers to bytes (linux/netlink.h). The writer is an
// arena that many messages are put into, one behind the other, to be sent in one system call.
// Integers are in the host's order, which is little-endian on every machine that Poplin runs on;
// what is in network order says so (`be`).

import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { writeIp, writeMac } from './address-text.ts';
import { NLA_F_NESTED, NLMSG_HDRLEN } from './constants.ts';

export const ATTRIBUTE_HEADER_BYTES = 4;
const ATTRIBUTE_BYTES_MAX = 0xffff;

export const align4 = (length: number): number => (length + 3) & ~3;

export type SequenceTest = (sequence: number) => boolean;

/** Numbers go from 1 to this, and round again. */
const SEQUENCE_MAX = 0x7fffffff;

export class MessageWriter {
  #bytes: Buffer;
  #length = 0;
  #messageStart = 0;
  #count = 0;
  #sequence: number;

  /** Messages are numbered from `firstSequence` on. */
  constructor(capacityBytes: number, firstSequence = 1) {
    this.#bytes = Buffer.alloc(capacityBytes);
    this.#sequence = firstSequence;
  }

  /** Messages that are in the arena. */
  get count(): number {
    return this.#count;
  }

  get lengthBytes(): number {
    return this.#length;
  }

  /** The number that the next message will have. */
  get nextSequence(): number {
    return this.#sequence;
  }

  /** Tells whether a number is that of a message that is in the arena at this moment. */
  sequences(): SequenceTest {
    const next = this.#sequence;
    const count = this.#count;
    return (sequence) => {
      const back = (next - sequence + SEQUENCE_MAX) % SEQUENCE_MAX;
      return back >= 1 && back <= count;
    };
  }

  /** What was written since the last `clear`; valid until something more is written. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    this.#count = 0;
  }

  /** Starts a message and returns its sequence number. */
  begin(type: number, flags: number): number {
    const sequence = this.#sequence;
    this.#sequence = sequence >= SEQUENCE_MAX ? 1 : sequence + 1;
    const at = this.#reserve(NLMSG_HDRLEN);
    this.#messageStart = at;
    this.#bytes.writeUInt16LE(type, at + 4);
    this.#bytes.writeUInt16LE(flags, at + 6);
    this.#bytes.writeUInt32LE(sequence, at + 8);
    this.#count += 1;
    return sequence;
  }

  /** Ends the message: only now its length is known. */
  end(): void {
    this.#bytes.writeUInt32LE(this.#length - this.#messageStart, this.#messageStart);
  }

  u8(value: number): void {
    // Reserving may replace the buffer, so it comes first.
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16LE(value, at);
  }

  u16be(value: number): void {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16BE(value, at);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
  }

  flag(type: number): void {
    this.#attribute(type, 0);
  }

  attributeU8(type: number, value: number): void {
    const at = this.#attribute(type, 1);
    this.#bytes[at] = value;
  }

  attributeU16be(type: number, value: number): void {
    const at = this.#attribute(type, 2);
    this.#bytes.writeUInt16BE(value, at);
  }

  attributeU16(type: number, value: number): void {
    const at = this.#attribute(type, 2);
    this.#bytes.writeUInt16LE(value, at);
  }

  attributeU32(type: number, value: number): void {
    const at = this.#attribute(type, 4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
  }

  attributeU32be(type: number, value: number): void {
    const at = this.#attribute(type, 4);
    this.#bytes.writeUInt32BE(value >>> 0, at);
  }

  attributeIp(type: number, ip: Ip): void {
    const at = this.#attribute(type, ip.includes(':') ? 16 : 4);
    writeIp(this.#bytes, at, ip);
  }

  attributeMac(type: number, mac: Mac): void {
    const at = this.#attribute(type, 6);
    writeMac(this.#bytes, at, mac);
  }

  attributeBytes(type: number, value: Uint8Array): void {
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
  }

  /** Attributes as they are, of an attribute that another message had. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(align4(bytes.length));
    this.#bytes.set(bytes, at);
  }

  /** A string with its terminating NUL. */
  attributeString(type: number, value: string): void {
    const lengthBytes = Buffer.byteLength(value);
    const at = this.#attribute(type, lengthBytes + 1);
    this.#bytes.write(value, at);
  }

  /** Starts an attribute that holds attributes; the result is for `endNested`. */
  beginNested(type: number): number {
    return this.beginRow(type | NLA_F_NESTED);
  }

  /** The same for one that holds something else. */
  beginRow(type: number): number {
    return this.#attribute(type, 0) - ATTRIBUTE_HEADER_BYTES;
  }

  endNested(start: number): void {
    const length = this.#length - start;
    if (length > ATTRIBUTE_BYTES_MAX) {
      throw new RangeError(`a nested attribute holds at most 65535 bytes, not ${length}`);
    }
    this.#bytes.writeUInt16LE(length, start);
  }

  /** Reserves an attribute and returns where its value goes. */
  #attribute(type: number, valueBytes: number): number {
    const at = this.#reserve(ATTRIBUTE_HEADER_BYTES + align4(valueBytes));
    this.#bytes.writeUInt16LE(ATTRIBUTE_HEADER_BYTES + valueBytes, at);
    this.#bytes.writeUInt16LE(type, at + 2);
    return at + ATTRIBUTE_HEADER_BYTES;
  }

  /** Makes room for zeroed bytes at the end and returns where they start. */
  #reserve(lengthBytes: number): number {
    const at = this.#length;
    const end = at + lengthBytes;
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    } else {
      this.#bytes.fill(0, at, end);
    }
    this.#length = end;
    return at;
  }
}
