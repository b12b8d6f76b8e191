// Netlink messages and their attributes from received bytes (linux/netlink.h). The cursors walk
// over the receive buffer without copying it, since a dump has tens of thousands of messages;
// whoever decodes with them copies what it keeps, because the buffer is used again. Everything is
// checked against the bounds of what was received, and whatever does not fit is a DecodeError.

import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import type { AddressText } from './address-text.ts';
import { NLA_TYPE_MASK, NLMSG_HDRLEN } from './constants.ts';
import { DecodeError } from './decode-error.ts';
import { ATTRIBUTE_HEADER_BYTES, align4 } from './message.ts';

/** Walks over the messages of one received buffer. */
export class MessageCursor {
  readonly bytes: Buffer;
  readonly text: AddressText;
  type = 0;
  flags = 0;
  sequence = 0;
  portId = 0;
  /** Where the message's body starts and the message ends. */
  bodyStart = 0;
  end = 0;
  #next = 0;
  #limit = 0;

  constructor(bytes: Buffer, text: AddressText) {
    this.bytes = bytes;
    this.text = text;
  }

  /** Starts at a datagram that was received into a part of the buffer. */
  load(start: number, lengthBytes: number): void {
    this.#next = start;
    this.#limit = start + lengthBytes;
  }

  next(): boolean {
    const start = this.#next;
    if (start >= this.#limit) return false;
    if (start + NLMSG_HDRLEN > this.#limit) throw new DecodeError('a message header is cut off');
    const length = this.bytes.readUInt32LE(start);
    if (length < NLMSG_HDRLEN || start + length > this.#limit) {
      throw new DecodeError(`a message length of ${length} bytes does not fit`);
    }
    this.type = this.bytes.readUInt16LE(start + 4);
    this.flags = this.bytes.readUInt16LE(start + 6);
    this.sequence = this.bytes.readUInt32LE(start + 8);
    this.portId = this.bytes.readUInt32LE(start + 12);
    this.bodyStart = start + NLMSG_HDRLEN;
    this.end = start + length;
    this.#next = start + align4(length);
    return true;
  }

  /** Where the family's own header starts; throws when it is not all there. */
  header(lengthBytes: number): number {
    if (this.bodyStart + lengthBytes > this.end) {
      throw new DecodeError(`message type ${this.type} has no header of ${lengthBytes} bytes`);
    }
    return this.bodyStart;
  }

  /** The attributes behind a header of so many bytes. */
  attributes(headerBytes: number): AttributeCursor {
    return new AttributeCursor(
      this,
      this.header(align4(headerBytes)) + align4(headerBytes),
      this.end,
    );
  }
}

type Source = { readonly bytes: Buffer; readonly text: AddressText };

/** Walks over the attributes of a message or of a nested attribute. */
export class AttributeCursor {
  readonly #source: Source;
  readonly #end: number;
  type = 0;
  lengthBytes = 0;
  /** Where the attribute's value starts in the buffer. */
  at = 0;
  #next: number;

  constructor(source: Source, start: number, end: number) {
    this.#source = source;
    this.#next = start;
    this.#end = end;
  }

  next(): boolean {
    const start = this.#next;
    // Up to three bytes of padding may follow the last attribute.
    if (start + ATTRIBUTE_HEADER_BYTES > this.#end) return false;
    const { bytes } = this.#source;
    const length = bytes.readUInt16LE(start);
    if (length < ATTRIBUTE_HEADER_BYTES || start + length > this.#end) {
      throw new DecodeError(`an attribute length of ${length} bytes does not fit`);
    }
    this.type = bytes.readUInt16LE(start + 2) & NLA_TYPE_MASK;
    this.lengthBytes = length - ATTRIBUTE_HEADER_BYTES;
    this.at = start + ATTRIBUTE_HEADER_BYTES;
    this.#next = start + align4(length);
    return true;
  }

  u8(): number {
    return this.#source.bytes.readUInt8(this.#sized(1));
  }

  u16be(): number {
    return this.#source.bytes.readUInt16BE(this.#sized(2));
  }

  u32(): number {
    return this.#source.bytes.readUInt32LE(this.#sized(4));
  }

  u32be(): number {
    return this.#source.bytes.readUInt32BE(this.#sized(4));
  }

  /** An address of either family, by its length. */
  ip(): Ip {
    const { bytes, text } = this.#source;
    if (this.lengthBytes === 4) return text.ipv4(bytes, this.at);
    return text.ipv6(bytes, this.#sized(16));
  }

  mac(): Mac {
    return this.#source.text.mac(this.#source.bytes, this.#sized(6));
  }

  /** The value as an array of signed integers. */
  i32Array(): number[] {
    const values: number[] = [];
    for (let at = this.at; at + 4 <= this.at + this.lengthBytes; at += 4) {
      values.push(this.#source.bytes.readInt32LE(at));
    }
    return values;
  }

  /** A copy of the value. */
  copy(): Buffer {
    return Buffer.from(this.#source.bytes.subarray(this.at, this.at + this.lengthBytes));
  }

  /** The value, a character for each byte: to be compared without a copy that lasts. */
  latin1(): string {
    return this.#source.bytes.toString('latin1', this.at, this.at + this.lengthBytes);
  }

  /** A string up to its NUL, or to the end where there is none. */
  string(): string {
    const end = this.at + this.lengthBytes;
    const nul = this.#source.bytes.subarray(this.at, end).indexOf(0);
    return this.#source.bytes.toString('utf8', this.at, nul < 0 ? end : this.at + nul);
  }

  /** The value where it lies, for what holds no attributes alone. */
  value(): { readonly bytes: Buffer; readonly end: number } {
    return { bytes: this.#source.bytes, end: this.at + this.lengthBytes };
  }

  /** The attributes in a part of the value, of which the caller knows that it is inside. */
  part(start: number, end: number): AttributeCursor {
    return new AttributeCursor(this.#source, start, end);
  }

  nested(): AttributeCursor {
    return new AttributeCursor(this.#source, this.at, this.at + this.lengthBytes);
  }

  #sized(lengthBytes: number): number {
    if (this.lengthBytes !== lengthBytes) {
      throw new DecodeError(
        `attribute ${this.type} has ${this.lengthBytes} bytes instead of ${lengthBytes}`,
      );
    }
    return this.at;
  }
}
