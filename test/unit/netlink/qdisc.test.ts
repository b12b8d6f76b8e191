// Qdiscs and filters that tc has made on a real kernel (test/fuzz/corpus) and what they mean, and
// that our own messages say the same.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AddressText } from '../../../src/netlink/address-text.ts';
import { ADD } from '../../../src/netlink/constants.ts';
import { MessageCursor } from '../../../src/netlink/cursor.ts';
import { decodeFilter, encodeRedirect } from '../../../src/netlink/filter.ts';
import { MessageWriter } from '../../../src/netlink/message.ts';
import type { QdiscMessage } from '../../../src/netlink/qdisc.ts';
import {
  decodeQdisc,
  encodeClsact,
  encodeTokenBucket,
  isFilterPlace,
  RTM_NEWQDISC,
} from '../../../src/netlink/qdisc.ts';
import { captured } from '../../fuzz/corpus.ts';

function cursorOn(bytes: Buffer): MessageCursor {
  const cursor = new MessageCursor(bytes, new AddressText());
  cursor.load(0, bytes.length);
  assert.ok(cursor.next());
  return cursor;
}

const HANDLE = 0x710000;
const REQUEST = { type: RTM_NEWQDISC, flags: ADD };
/** tc was told 20mbit, 50000 bytes and 98304 bytes; the kernel counts in units of 64 ns. */
const SMALL: QdiscMessage = {
  linkIndex: 3,
  kind: 'tbf',
  handle: HANDLE,
  parent: 0xffffffff,
  bucket: { bytesPerSecond: 2_500_000, burstBytes: 50_000, limitBytes: 98_304 },
};
/** And 64gbit, 81920000 bytes: tc itself counts in units of 64 ns, and rounds. */
const LARGE: QdiscMessage = {
  ...SMALL,
  linkIndex: 4,
  bucket: { bytesPerSecond: 8_000_000_000, burstBytes: 81_920_000, limitBytes: 98_304 },
};

describe('qdiscs of a real kernel', () => {
  for (const [name, meaning] of [
    ['qdisc-tbf', SMALL],
    ['qdisc-tbf-large', LARGE],
  ] as const) {
    test(`${name} means what tc was told`, () => {
      assert.deepEqual(decodeQdisc(cursorOn(captured(name))), meaning);
    });

    test(`${name} is made by our message, whose burst is in bytes`, () => {
      const { bucket = assert.fail(), linkIndex, handle } = meaning;
      const writer = new MessageWriter(8);
      encodeTokenBucket(writer, REQUEST, { ...bucket, linkIndex, handle });
      const bytes = Buffer.from(writer.bytes());
      const expected = { ...meaning, bucket: { ...bucket, burstBytes: 0 } };
      assert.deepEqual(decodeQdisc(cursorOn(bytes)), expected);
      const burst = Buffer.from([8, 0, 6, 0, 0, 0, 0, 0]);
      burst.writeUInt32LE(bucket.burstBytes, 4);
      assert.deepEqual(bytes.subarray(-8), burst);
    });
  }

  test('clsact is where filters are', () => {
    const told = decodeQdisc(cursorOn(captured('qdisc-clsact')));
    const made = new MessageWriter(8);
    encodeClsact(made, REQUEST, 3);
    assert.deepEqual(decodeQdisc(cursorOn(Buffer.from(made.bytes()))), told);
    assert.equal(isFilterPlace(told), true);
    assert.equal(isFilterPlace(SMALL), false);
  });
});

describe('filters of a real kernel', () => {
  const redirect = { linkIndex: 3, priority: 113, redirectIndex: 2 };

  test('one of them leads all to another link', () => {
    const told = decodeFilter(cursorOn(captured('filter-redirect')));
    assert.deepEqual(told, { ...redirect, redirectIndex: 4 });
  });

  for (const name of ['filter-u32', 'filter-u32-table']) {
    test(`${name}, which belongs to it, leads nowhere`, () => {
      const told = decodeFilter(cursorOn(captured(name)));
      assert.deepEqual(told, { linkIndex: 3, priority: 113 });
    });
  }

  test('ours is understood, and not when it matches less than everything', () => {
    const writer = new MessageWriter(8);
    encodeRedirect(writer, ADD, redirect);
    const bytes = Buffer.from(writer.bytes());
    assert.deepEqual(decodeFilter(cursorOn(bytes)), redirect);
    const selector = bytes.indexOf(Buffer.from([1, 0, 1, 0]));
    assert.notEqual(selector, -1);
    bytes[selector + 16] = 0xff;
    assert.deepEqual(decodeFilter(cursorOn(bytes)), { linkIndex: 3, priority: 113 });
  });
});
