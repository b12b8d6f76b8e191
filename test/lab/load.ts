// Work that goes on beside what a test does: the same round over and over, until the test is done.

import { systemClock } from '../../src/lib/clock.ts';

const ROUND_MS = 50;

/** Runs `round` over and over until `work` is done; returns how often. */
export async function under(
  round: (number: number) => Promise<void>,
  work: () => Promise<void>,
): Promise<number> {
  const done = new AbortController();
  let rounds = 0;
  const loading = (async () => {
    for (; !done.signal.aborted; rounds += 1) {
      await round(rounds);
      await systemClock.sleep(ROUND_MS, done.signal);
    }
  })();
  // It is asked for below; until then a failure is nobody's.
  loading.catch(() => undefined);
  try {
    await work();
  } finally {
    done.abort();
    await loading;
  }
  return rounds;
}
