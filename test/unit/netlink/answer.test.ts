// How the kernel ends requests: acknowledgements, errors with and without its words, ends of dumps.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AddressText } from '../../../src/netlink/address-text.ts';
import { decodeAnswer } from '../../../src/netlink/answer.ts';
import { MessageCursor } from '../../../src/netlink/cursor.ts';
import { DecodeError } from '../../../src/netlink/decode-error.ts';

/** Sequence number and port id, which do not matter here. */
const ANY = '05000000 07000000';
/** The header of a request of 36 bytes that an error repeats. */
const REPEATED = '24000000 1800 0506 05000000 00000000';

const cursorOn = (hex: string): MessageCursor => {
  const bytes = Buffer.from(hex.replace(/\s/g, ''), 'hex');
  const cursor = new MessageCursor(bytes, new AddressText());
  cursor.load(0, bytes.length);
  cursor.next();
  return cursor;
};

const CASES = [
  {
    sentence: 'an acknowledgement',
    hex: `24000000 0200 0001 ${ANY} 00000000 ${REPEATED}`,
    answer: { errno: 0, text: '' },
  },
  {
    sentence: 'an error without words',
    hex: `24000000 0200 0001 ${ANY} edffffff ${REPEATED}`,
    answer: { errno: 19, text: '' },
  },
  {
    sentence: 'an error with words, its request left out',
    hex: `30000000 0200 0003 ${ANY} eaffffff ${REPEATED} 0a000100 426164203100 0000`,
    answer: { errno: 22, text: 'Bad 1' },
  },
  {
    sentence: 'an error with words behind the whole request',
    hex: `44000000 0200 0002 ${ANY} eaffffff ${REPEATED} ${'00'.repeat(20)}
      0a000100 426164203100 0000`,
    answer: { errno: 22, text: 'Bad 1' },
  },
  {
    sentence: 'the end of a dump',
    hex: `14000000 0300 0200 ${ANY} 00000000`,
    answer: { errno: 0, text: '' },
  },
  {
    sentence: 'the end of a dump that failed, with words',
    hex: `20000000 0300 0202 ${ANY} eaffffff 0a000100 426164203100 0000`,
    answer: { errno: 22, text: 'Bad 1' },
  },
] as const;

describe('answers', () => {
  for (const { sentence, hex, answer } of CASES) {
    test(sentence, () => assert.deepEqual(decodeAnswer(cursorOn(hex)), answer));
  }

  test('an error that repeats more than it has is not understood', () => {
    const hex = `28000000 0200 0002 ${ANY} eaffffff ffffff7f 1800 0506 05000000 00000000 00000000`;
    assert.throws(() => decodeAnswer(cursorOn(hex)), DecodeError);
  });
});
