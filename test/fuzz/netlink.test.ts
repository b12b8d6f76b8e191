// Whatever bytes come in, a decoder returns or throws a DecodeError, and it comes to an end. Real
// messages are changed in one to eight places, cut and joined; others are random altogether. The
// seed of a failing run is in the failure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAddress } from '../../src/netlink/address.ts';
import { AddressText } from '../../src/netlink/address-text.ts';
import { decodeAnswer } from '../../src/netlink/answer.ts';
import { decodeConnection } from '../../src/netlink/conntrack.ts';
import { MessageCursor } from '../../src/netlink/cursor.ts';
import { DecodeError } from '../../src/netlink/decode-error.ts';
import { decodeFdbEntry } from '../../src/netlink/fdb.ts';
import { decodeFilter } from '../../src/netlink/filter.ts';
import { decodeLink } from '../../src/netlink/link.ts';
import { decodeNeighbour } from '../../src/netlink/neighbour.ts';
import { decodeNexthop } from '../../src/netlink/nexthop.ts';
import { decodeNftElements } from '../../src/netlink/nft-element.ts';
import { decodeNftEventTable } from '../../src/netlink/nft-event.ts';
import { decodeNftKey, nftKeyParts } from '../../src/netlink/nft-key.ts';
import { decodeNftRule } from '../../src/netlink/nft-rule.ts';
import { decodeNftSet } from '../../src/netlink/nft-set.ts';
import { decodeQdisc } from '../../src/netlink/qdisc.ts';
import { decodeRoute } from '../../src/netlink/route.ts';
import { decodeRule } from '../../src/netlink/rule.ts';
import { captured, capturedNames } from './corpus.ts';

const DECODERS: readonly ((message: MessageCursor) => unknown)[] = [
  decodeAddress,
  decodeAnswer,
  (message) => decodeConnection(message, () => true),
  decodeFdbEntry,
  decodeFilter,
  decodeLink,
  decodeNeighbour,
  decodeNexthop,
  decodeNftElements,
  decodeNftEventTable,
  decodeNftRule,
  decodeNftSet,
  decodeQdisc,
  decodeRoute,
  decodeRule,
];

const ROUNDS = 3000;
const SEED = 0x9e3779b9;

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** Decodes with everything; anything but a DecodeError comes out. */
function decodeAll(bytes: Buffer): void {
  for (const decode of DECODERS) {
    const cursor = new MessageCursor(bytes, new AddressText());
    cursor.load(0, bytes.length);
    try {
      let messages = 0;
      while (cursor.next()) {
        decode(cursor);
        messages += 1;
      }
      assert.ok(messages <= bytes.length / 16, 'more messages than headers fit');
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
}

function broken(random: (limit: number) => number): Buffer {
  const message = captured(capturedNames[random(capturedNames.length)] ?? '');
  for (let change = 0; change <= random(8); change += 1) {
    // Small numbers and the ends of the range are lengths and types that matter.
    const values = [0, 1, 3, 4, 0x7f, 0x80, 0xff, random(256)];
    message[random(message.length)] = values[random(values.length)] ?? 0;
  }
  const end = random(4) === 0 ? random(message.length + 1) : message.length;
  return random(4) === 0
    ? Buffer.concat([message.subarray(0, end), captured('route-nexthop')])
    : message.subarray(0, end);
}

test('changed messages of a real kernel only ever make a decoder throw a DecodeError', () => {
  const random = randomFrom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = broken(random);
    assert.doesNotThrow(() => decodeAll(bytes), `round ${round}: ${bytes.toString('hex')}`);
  }
});

test('random bytes only ever make a decoder throw a DecodeError', () => {
  const random = randomFrom(SEED + 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = Buffer.from(Array.from({ length: random(200) }, () => random(256)));
    // A length that fits lets the decoders come further than the header.
    if (bytes.length >= 16 && random(2) === 0) bytes.writeUInt32LE(bytes.length, 0);
    assert.doesNotThrow(() => decodeAll(bytes), `round ${round}: ${bytes.toString('hex')}`);
  }
});

test('keys of sets of any type and length are decoded or refused', () => {
  const random = randomFrom(SEED + 2);
  const text = new AddressText();
  for (let round = 0; round < ROUNDS; round += 1) {
    const parts = nftKeyParts(random(2 ** 30));
    const known = parts ?? [7, 41, 8].slice(random(3));
    const bytes = Buffer.from(Array.from({ length: random(64) }, () => random(256)));
    const key = decodeNftKey(bytes, known, text);
    assert.ok(key === undefined || typeof key === 'string');
  }
});
