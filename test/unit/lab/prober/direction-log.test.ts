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

const summaryOf = (line: string) =>
  logOf(line).summary({ startedAtMs: 990, endedAtMs: 1_000 + line.length * 2 });

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
      const { gaps, ...summary } = summaryOf(line);
      assert.deepEqual(summary, { sent: line.length, lost, longestGapMs });
      assert.equal(Math.max(0, ...gaps.map(({ lengthMs }) => lengthMs)), longestGapMs);
    });
  }
});

test('gaps are told one by one, when each began and how many it took, up to a number', () => {
  assert.deepEqual(summaryOf('.x.xxx.x').gaps, [
    { fromMs: 12, lengthMs: 2, lost: 1 },
    { fromMs: 16, lengthMs: 6, lost: 3 },
    { fromMs: 24, lengthMs: 2, lost: 1 },
  ]);
  const { gaps, lost, longestGapMs } = summaryOf(`${'x.'.repeat(100)}xx`);
  assert.deepEqual([gaps.length, lost, longestGapMs], [20, 102, 4]);
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
  assert.deepEqual(log.summary({ startedAtMs: 0, endedAtMs: 306 }), {
    ...{ sent: 4, lost: 1, longestGapMs: 300 },
    gaps: [{ fromMs: 2, lengthMs: 300, lost: 1 }],
  });
});

test('what arrives twice, or was never sent, counts for nothing', () => {
  const log = new DirectionLog();
  const [first, second] = [log.sent(0), log.sent(2)];
  assert.equal(log.arrived(first), true);
  assert.equal(log.arrived(first), false);
  for (const number of [7, -1, 0.5]) assert.equal(log.arrived(number), false);
  assert.equal(log.missingCount, 1);
  assert.equal(log.arrived(second), true);
  assert.deepEqual(log.summary({ startedAtMs: 0, endedAtMs: 4 }), {
    ...{ sent: 2, lost: 0, longestGapMs: 0, gaps: [] },
  });
});
