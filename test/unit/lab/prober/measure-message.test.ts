// The packets of a measurement, and what is not one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeMeasureMessage,
  encodeMeasureMessage,
} from '../../../../src/lab/prober/measure-message.ts';

test('a message is read as it was written', () => {
  for (const kind of ['question', 'answer'] as const) {
    const message = { kind, run: 0xffff_fffe, direction: 39_800, sequence: 123_456 };
    assert.deepEqual(decodeMeasureMessage(encodeMeasureMessage(message)), message);
  }
});

test('other packets are none', () => {
  const right = encodeMeasureMessage({ kind: 'question', run: 1, direction: 2, sequence: 3 });
  assert.equal(decodeMeasureMessage(Buffer.alloc(0)), undefined);
  assert.equal(decodeMeasureMessage(right.subarray(1)), undefined);
  for (const at of [0, 4]) {
    const wrong = Buffer.from(right);
    wrong[at] = 0xff;
    assert.equal(decodeMeasureMessage(wrong), undefined);
  }
});
