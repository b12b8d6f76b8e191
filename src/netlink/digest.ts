// A number for what many netlink messages say, so that two dumps can be compared without decoding
// either. What differs from one dump to the next although nothing has changed does not count:
// sequence numbers, and attributes that the caller names, as the ages of neighbours. It is no
// protection against somebody who looks for two contents with one digest.

import type { MessageCursor } from './cursor.ts';

/** Odd, with bits all over (golden ratio and Weyl constants of 32 bits). */
const FIRST_FACTOR = 0x9e3779b1;
const SECOND_FACTOR = 0x85ebca6b;

export class Digest {
  #first = 0;
  #second = 0;

  get text(): string {
    return `${(this.#first >>> 0).toString(16)}-${(this.#second >>> 0).toString(16)}`;
  }

  /** The digest as it is: to go back to when a dump has to be read again. */
  mark(): readonly [first: number, second: number] {
    return [this.#first, this.#second];
  }

  reset([first, second]: readonly [first: number, second: number]): void {
    this.#first = first;
    this.#second = second;
  }

  addText(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.#add(text.charCodeAt(index));
    this.#add(text.length);
  }

  /** The family's own header. */
  addHeader(message: MessageCursor, headerBytes: number): void {
    this.#addBytes(message.bytes, message.header(headerBytes), headerBytes);
  }

  /** What follows it; `volatile` attributes count only by being there. */
  addAttributes(message: MessageCursor, headerBytes: number, volatile: readonly number[]): void {
    const attributes = message.attributes(headerBytes);
    while (attributes.next()) {
      this.#add(attributes.type);
      if (volatile.includes(attributes.type)) continue;
      this.#add(attributes.lengthBytes);
      this.#addBytes(message.bytes, attributes.at, attributes.lengthBytes);
    }
  }

  #addBytes(bytes: Buffer, start: number, lengthBytes: number): void {
    const end = start + lengthBytes;
    let at = start;
    for (; at + 4 <= end; at += 4) this.#add(bytes.readInt32LE(at));
    for (; at < end; at += 1) this.#add(bytes.readUInt8(at));
  }

  /** Both halves depend on the order, and a changed bit reaches all others within a few words. */
  #add(word: number): void {
    const first = Math.imul(this.#first ^ word, FIRST_FACTOR);
    this.#first = (first << 13) | (first >>> 19);
    const second = Math.imul(this.#second + word, SECOND_FACTOR);
    this.#second = (second << 17) | (second >>> 15);
  }
}
