// How losses and gaps are counted from numbers and moments alone.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DirectionLog } from '../../../../src/lab/prober/direction-log.ts';

/** One character per probe, 2 ms apart: `.` arrived, `x` did not. */
function logOf(line: string): DirectionLog {
  const log = new DirectionLog();
  const numbers = [...line].map((_, index) => log.sent(1_000 + index * 2));
  for (const number of numbers.reverse()) if (line[number] === '.') log.arrived(number);
  return log;
}

const summaryOf = (line: string) => logOf(line).summary(1_000 + line.length * 2);

describe('a gap is as long as from its first lost probe to the next that arrived', () => {
  for (const [line, lost, longestGapMs] of [
    ['', 0, 0],
    ['....', 0, 0],
    ['..x..', 1, 2],
    ['x....', 1, 2],
    ['....x', 1, 2],
    ['.x.xxx.x.', 5, 6],
    ['.xxx.xxxx', 7, 8],
    ['xxxx', 4, 8],
  ] as const) {
    test(`"${line}" has ${lost} lost and a gap of ${longestGapMs} ms`, () => {
      assert.deepEqual(summaryOf(line), { sent: line.length, lost, longestGapMs });
    });
  }
});

test('a gap is as long as the sender took, also when it was held up within it', () => {
  const log = new DirectionLog();
  for (const [atMs, arrives] of [
    [0, true],
    [2, false],
    [302, true],
    [304, true],
  ] as const) {
    const number = log.sent(atMs);
    if (arrives) log.arrived(number);
  }
  assert.deepEqual(log.summary(306), { sent: 4, lost: 1, longestGapMs: 300 });
});

test('what arrives twice, or was never sent, counts for nothing', () => {
  const log = new DirectionLog();
  const [first, second] = [log.sent(0), log.sent(2)];
  assert.equal(log.arrived(first), true);
  assert.equal(log.arrived(first), false);
  for (const number of [7, -1, 0.5]) assert.equal(log.arrived(number), false);
  assert.equal(log.missingCount, 1);
  assert.equal(log.arrived(second), true);
  assert.deepEqual(log.summary(4), { sent: 2, lost: 0, longestGapMs: 0 });
});
