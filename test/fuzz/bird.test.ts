// BIRD's answers with bytes changed, cut out and repeated: whatever comes is understood or refused
// by the one error that decoding has, and nothing waits for ever.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BirdDecodeError } from '../../src/bird/decode-error.ts';
import type { BirdReply } from '../../src/bird/reply.ts';
import { ReplyDecoder } from '../../src/bird/reply.ts';
import { parseBfdSessions, parseSessions } from '../../src/bird/sessions.ts';
import { parseStatus } from '../../src/bird/status.ts';
import { conversation, conversationNames } from './bird-corpus.ts';

const PARSERS: readonly ((reply: BirdReply) => unknown)[] = [
  parseStatus,
  parseBfdSessions,
  (reply) => parseSessions(reply, { now: '2026-11-22 05:40:29.116', bfd: new Map() }),
];

/** Whatever comes, it is understood or refused by the one error. */
function feed(bytes: Buffer): void {
  let replies: BirdReply[] = [];
  try {
    replies = new ReplyDecoder().push(bytes);
  } catch (error) {
    assert.ok(error instanceof BirdDecodeError, String(error));
  }
  for (const reply of replies) {
    for (const parse of PARSERS) {
      try {
        parse(reply);
      } catch (error) {
        assert.ok(error instanceof BirdDecodeError, String(error));
      }
    }
  }
}

describe('broken answers of BIRD', () => {
  const replies = conversationNames
    .flatMap((name) => conversation(name))
    .map(({ reply }) => Buffer.from(reply));

  test('any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => feed(Buffer.from(bytes))),
      { numRuns: 2_000 },
    );
  });

  test('recorded ones with bytes changed, cut out and repeated', () => {
    const change = fc.record({
      at: fc.nat(20_000),
      kind: fc.constantFrom('set', 'cut', 'repeat'),
      byte: fc.constantFrom(0x00, 0x0a, 0x20, 0x2d, 0x30, 0x39, 0x3a, 0x2e, 0xff),
      length: fc.integer({ min: 1, max: 80 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...replies),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        (reply, changes) => {
          let bytes: Buffer = Buffer.from(reply);
          for (const { at, kind, byte, length } of changes) {
            const from = at % bytes.length;
            if (kind === 'set') bytes[from] = byte;
            const left = bytes.subarray(0, from);
            const part = bytes.subarray(from, from + length);
            const right = bytes.subarray(from + length);
            if (kind === 'cut') bytes = Buffer.concat([left, right]);
            if (kind === 'repeat') bytes = Buffer.concat([left, part, part, right]);
            if (bytes.length === 0) return;
          }
          feed(bytes);
        },
      ),
      { numRuns: 1_500 },
    );
  });
});
