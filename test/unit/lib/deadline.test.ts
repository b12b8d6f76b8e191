// Deadlines: what they end, and that nothing is left behind when they do not.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { backoffMs } from '../../../src/lib/backoff.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { DeadlineError, withDeadline } from '../../../src/lib/deadline.ts';
import { FakeClock } from '../../fake/clock.ts';

/** Rejects when the signal is aborted, as requests do. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) reject(new Error('aborted'));
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });

describe('work with a deadline', () => {
  const clock = systemClock;

  test('that is in time is left alone', async () => {
    assert.equal(await withDeadline({ clock, timeoutMs: 5_000 }, async () => 'done'), 'done');
  });

  test('that takes too long is aborted and says so', async () => {
    await assert.rejects(withDeadline({ clock, timeoutMs: 30 }, untilAborted), DeadlineError);
  });

  test('that shows progress gets more time', async () => {
    // Of time that passes as the test says, or a pause of the machine would be the end.
    const time = new FakeClock();
    const working = withDeadline({ clock: time, timeoutMs: 40 }, async (signal, extend) => {
      for (let round = 0; round < 6; round += 1) {
        await time.sleep(15);
        extend();
      }
      return signal.aborted;
    });
    await time.advance(90);
    assert.equal(await working, false);
  });

  test('that asks for more time gets more, and says how much when it is over', async () => {
    const aborted = await withDeadline({ clock, timeoutMs: 20 }, async (signal, extend) => {
      extend(60_000);
      await clock.sleep(60);
      return signal.aborted;
    });
    assert.equal(aborted, false);
    const work = withDeadline({ clock, timeoutMs: 20 }, (signal, extend) => {
      extend(30);
      return untilAborted(signal);
    });
    await assert.rejects(work, { name: 'DeadlineError', message: 'no answer within 30 ms' });
  });

  test('that is stopped rejects with its own error', async () => {
    const stop = new AbortController();
    const work = withDeadline({ clock, timeoutMs: 5_000, stop: stop.signal }, untilAborted);
    stop.abort();
    await assert.rejects(work, /^Error: aborted$/);
    const again = withDeadline({ clock, timeoutMs: 5_000, stop: stop.signal }, untilAborted);
    await assert.rejects(again, /^Error: aborted$/);
  });
});

describe('a back-off', () => {
  const BACKOFF = { baseMs: 100, capMs: 1_000 };
  const CASES = [
    [1, 0.5, 100],
    [2, 0.5, 200],
    [4, 0.5, 800],
    [5, 0.5, 1_000],
    [1_000, 0.5, 1_000],
    [1, 0, 50],
    [5, 0.99, 1_490],
  ] as const;
  for (const [failures, random, expected] of CASES) {
    test(`after ${failures} failures with random ${random} is ${expected} ms`, () => {
      assert.equal(backoffMs(BACKOFF, failures, random), expected);
    });
  }
});
