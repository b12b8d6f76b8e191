// The loop's rhythm: soon after a trigger, never too often, at least now and then, slower while it
// fails, and never twice at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunResult } from '../../../src/agent/runner.ts';
import { BoundedRunner } from '../../../src/agent/runner.ts';
import { FakeClock } from '../../fake/clock.ts';

const LIMITS = {
  minimumIntervalMs: 10,
  maximumIntervalMs: 1000,
  firstRetryMs: 100,
  lastRetryMs: 400,
};

async function withRunner(
  results: readonly RunResult[],
  body: (world: { clock: FakeClock; runner: BoundedRunner; runs: number[] }) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock();
  const runs: number[] = [];
  const runner = new BoundedRunner(
    async () => {
      runs.push(clock.monotonicMs());
      return results[runs.length - 1] ?? 'done';
    },
    LIMITS,
    clock,
  );
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  await body({ clock, runner, runs });
  stop.abort();
  await running;
}

test('a trigger runs the task at once', () =>
  withRunner([], async ({ clock, runner, runs }) => {
    await clock.advance(500);
    assert.deepEqual(runs, []);
    runner.trigger();
    await clock.advance(0);
    assert.deepEqual(runs, [500]);
  }));

test('triggers in a burst are one further run after the minimum interval', () =>
  withRunner([], async ({ clock, runner, runs }) => {
    runner.trigger();
    await clock.advance(1);
    for (let count = 0; count < 50; count += 1) runner.trigger();
    await clock.advance(100);
    assert.deepEqual(runs, [0, 10]);
  }));

test('a task that is due at a time runs then, and a trigger before it counts as well', () =>
  withRunner([{ againAfterMs: 300 }, { againAfterMs: 5000 }], async ({ clock, runner, runs }) => {
    runner.trigger();
    await clock.advance(1100);
    assert.deepEqual(runs, [0, 300]);
    runner.trigger();
    await clock.advance(100);
    assert.deepEqual(runs, [0, 300, 1100]);
  }));

test('without a trigger it runs once per maximum interval', () =>
  withRunner([], async ({ clock, runs }) => {
    await clock.advance(3500);
    assert.deepEqual(runs, [1000, 2000, 3000]);
  }));

test('a failing task is tried again with growing pauses up to a bound', () =>
  withRunner(['retry', 'retry', 'retry', 'retry'], async ({ clock, runner, runs }) => {
    runner.trigger();
    await clock.advance(1500);
    assert.deepEqual(runs, [0, 100, 300, 700, 1100]);
    await clock.advance(1000);
    assert.deepEqual(runs.slice(5), [2100]);
  }));

test('a task with more to do runs again after the minimum interval', () =>
  withRunner(['again'], async ({ clock, runner, runs }) => {
    runner.trigger();
    await clock.advance(900);
    assert.deepEqual(runs, [0, 10]);
  }));

test('a trigger while the task runs is not lost, and two runs never overlap', async () => {
  const clock = new FakeClock();
  const log: string[] = [];
  const runner = new BoundedRunner(
    async () => {
      log.push('start');
      await clock.sleep(50);
      log.push('end');
      return 'done';
    },
    LIMITS,
    clock,
  );
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  runner.trigger();
  await clock.advance(20);
  runner.trigger();
  await clock.advance(200);
  assert.deepEqual(log, ['start', 'end', 'start', 'end']);
  stop.abort();
  await running;
});

test('stopping ends it while it waits', () => withRunner([], async () => {}));

/** When runs begin of a task that takes so long each time and always has more to do. */
async function runsOf(durationsMs: readonly number[]): Promise<number[]> {
  const clock = new FakeClock();
  const runs: number[] = [];
  const work = async (): Promise<RunResult> => {
    runs.push(clock.monotonicMs());
    await clock.sleep(durationsMs[runs.length - 1] ?? 0);
    return runs.length < durationsMs.length ? 'again' : 'done';
  };
  const runner = new BoundedRunner(work, LIMITS, clock);
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  runner.trigger();
  await clock.advance(LIMITS.maximumIntervalMs - 1);
  stop.abort();
  await clock.advance(1_000);
  await running;
  return runs;
}

test('a task that takes long rests as long after a burst', async () => {
  assert.deepEqual(await runsOf([100, 100, 100, 100, 100]), [0, 100, 200, 350, 550]);
});

test('a task that takes very long rests up to a bound', async () => {
  assert.deepEqual(await runsOf([700, 50]), [0, 900]);
});

test('a task that is done may work without a rest again', async () => {
  const clock = new FakeClock();
  const runs: number[] = [];
  const work = async (): Promise<RunResult> => {
    runs.push(clock.monotonicMs());
    await clock.sleep(90);
    return 'done';
  };
  const runner = new BoundedRunner(work, { ...LIMITS, maximumIntervalMs: 60_000 }, clock);
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  for (let trigger = 0; trigger < 12; trigger += 1) {
    runner.trigger();
    await clock.advance(200);
  }
  assert.deepEqual(
    runs,
    Array.from({ length: 12 }, (_, index) => index * 200),
  );
  stop.abort();
  await running;
});
