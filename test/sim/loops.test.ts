// The simulation notices what goes on for ever: in one moment of virtual time, by itself, and in a
// thread that does not answer any more, from outside.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ProcessClock } from './clock.ts';
import { NO_MUTATIONS } from './mutations.ts';
import { planSim } from './plan.ts';
import { runSeeds } from './pool.ts';
import { Random } from './random.ts';
import { World } from './world.ts';

async function violationOf(disturb: (world: World) => void): Promise<string | undefined> {
  const random = new Random(1);
  const directory = join(tmpdir(), `poplin-sim-${process.pid}-loops`);
  const plan = planSim(random.split('plan'), { nodeCount: 1 });
  const world = new World({ plan, random, directory, mutations: NO_MUTATIONS });
  try {
    disturb(world);
    await world.runUntil(3_000);
    return world.violation;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('an endless loop is noticed', () => {
  test('of sleeps that take no time', async () => {
    const violation = await violationOf(({ time }) => {
      const again = (): void => void time.after(0, again);
      again();
    });
    assert.match(violation ?? '', /virtual time does not go on/);
  });

  test('of sleeps that are over before they begin', async () => {
    const violation = await violationOf(({ time }) => {
      const clock = new ProcessClock(time);
      const aborted = AbortSignal.abort();
      const spin = async (): Promise<void> => {
        for (;;) await clock.sleep(1_000, aborted);
      };
      time.after(500, () => void spin());
    });
    assert.match(violation ?? '', /virtual time does not go on/);
  });

  test('but not of a wait for a moment that is too near to be told from now', async () => {
    const violation = await violationOf(({ time }) => {
      const clock = new ProcessClock(time, 1_999.5);
      const waitFor = async (dueMs: number): Promise<void> => {
        while (clock.monotonicMs() < dueMs) await clock.sleep(dueMs - clock.monotonicMs());
      };
      time.after(2_000, () => void waitFor(0.5 + 1e-13));
    });
    assert.equal(violation, undefined);
  });

  test('and nothing that ends', async () => {
    const violation = await violationOf(({ time }) => {
      const tick = (): void => void time.after(1, tick);
      tick();
    });
    assert.equal(violation, undefined);
  });
});

const scriptOf = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`);

describe('a thread that does not answer is ended, and its seed fails', () => {
  test('when it turns in circles', async () => {
    const script = scriptOf('for (;;);');
    const reports = await runSeeds({ seeds: [7, 8], script, threadCount: 1, stuckAfterMs: 500 });
    assert.deepEqual(
      reports.map(({ seed }) => seed),
      [7, 8],
    );
    for (const { seed, violation, failure } of reports) {
      assert.match(violation ?? '', /nothing has happened for 0\.5 s/);
      assert.match(failure, new RegExp(`^seed ${seed} fails: .*\\nreplay: npm run sim .*${seed}`));
    }
  });

  test('when it breaks', async () => {
    const script = scriptOf('throw new Error("broken for the test")');
    const [report] = await runSeeds({ seeds: [7], script });
    assert.match(report?.violation ?? '', /broken for the test/);
  });
});

test('seeds on several threads are as on one', async () => {
  const seeds = [11, 12, 13];
  const done: number[] = [];
  const reports = await runSeeds({
    ...{ seeds, threadCount: 3, overrides: { nodeCount: 3, faultsMs: 5_000 } },
    onReport: ({ seed }) => void done.push(seed),
  });
  assert.deepEqual(done.sort(), seeds);
  const again = await runSeeds({
    ...{ seeds, threadCount: 1, overrides: { nodeCount: 3, faultsMs: 5_000 } },
  });
  assert.deepEqual(again, reports);
});
