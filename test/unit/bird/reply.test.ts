// Replies of BIRD, from bytes to lines: those that real BIRDs sent, and what is none.
// They are cut into pieces as a socket may cut them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BirdReply } from '../../../src/bird/reply.ts';
import { isRefused, ReplyDecoder, wordsOf } from '../../../src/bird/reply.ts';
import { conversation, conversationNames, recorded } from '../../fuzz/bird-corpus.ts';

const decode = (text: string): BirdReply[] => new ReplyDecoder().push(Buffer.from(text));

describe('replies of BIRD', () => {
  for (const name of conversationNames) {
    test(`${name}: each answer is one reply, however it is cut`, () => {
      const whole = conversation(name)
        .map(({ reply }) => reply)
        .join('');
      const expected = decode(whole);
      assert.equal(expected.length, conversation(name).length);
      const bytes = Buffer.from(whole);
      for (const size of [1, 7, 1000]) {
        const decoder = new ReplyDecoder();
        const replies: BirdReply[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          replies.push(...decoder.push(bytes.subarray(at, at + size)));
        }
        assert.deepEqual(replies, expected);
      }
    });
  }

  test('a configuration that BIRD refuses, in its words', () => {
    for (const name of ['2.0.12-restarting.txt', '2.17.5-sessions.txt']) {
      const text = recorded(name, 'configure check "/run/poplin/bird/bad.conf"').toString();
      const [reply] = decode(text);
      assert.ok(reply !== undefined && isRefused(reply));
      const words = '/run/poplin/bird/bad.conf:3:63 syntax error, unexpected CF_SYM_UNDEFINED';
      assert.equal(wordsOf(reply), words);
    }
  });

  test('lines that continue have the code of the one before', () => {
    const [reply] = decode('1007-4 routes\n 5 routes\n0014 Total: 9\n');
    assert.deepEqual(reply, {
      code: 14,
      lines: [
        { code: 1007, text: '4 routes' },
        { code: 1007, text: '5 routes' },
        { code: 14, text: 'Total: 9' },
      ],
    });
  });

  test('messages for somebody who listens to the log are passed over', () => {
    assert.deepEqual(decode('+bird: Reconfigured\n0000 \n'), decode('0000 \n'));
  });

  for (const text of ['HTTP/1.1 400 Bad Request\n', ' a line\n', '000 \n', '00000 \n', '\n']) {
    test(`${JSON.stringify(text)} is no reply`, () => {
      assert.throws(() => decode(text), { name: 'BirdDecodeError' });
    });
  }

  test('a line without end is given up', () => {
    const decoder = new ReplyDecoder();
    const bytes = Buffer.alloc(16 * 1024, 'x');
    assert.throws(
      () => {
        for (let count = 0; count < 5; count += 1) decoder.push(bytes);
      },
      { name: 'BirdDecodeError' },
    );
  });

  test('a reply without end is given up', () => {
    const decoder = new ReplyDecoder();
    const bytes = Buffer.from(`1002-${'x'.repeat(60_000)}\n`.repeat(16));
    assert.throws(
      () => {
        for (let count = 0; count < 80; count += 1) decoder.push(bytes);
      },
      { name: 'BirdDecodeError' },
    );
  });
});
