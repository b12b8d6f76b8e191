// Work that must not take for ever: it gets a signal that is aborted when the caller stops it or
// when its time is over, and it may ask for more time whenever it sees progress. Time comes from
// the Clock, so that tests decide it.

import { assert } from './assert.ts';
import type { Clock } from './clock.ts';

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';

  constructor(timeoutMs: number) {
    super(`no answer within ${Math.round(timeoutMs)} ms`);
  }
}

export type DeadlineOptions = {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly stop?: AbortSignal | undefined;
};

/**
 * Rejects with DeadlineError when `work` rejects after its time was over. `extend` gives it so much
 * time from now on, not less than at first; without an amount, the whole time again.
 */
export async function withDeadline<Result>(
  { clock, timeoutMs, stop }: DeadlineOptions,
  work: (signal: AbortSignal, extend: (byMs?: number) => void) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const finished = new AbortController();
  let allowedMs = timeoutMs;
  let dueMs = clock.monotonicMs() + timeoutMs;
  const onStop = (): void => controller.abort(stop?.reason);
  if (stop?.aborted === true) onStop();
  else stop?.addEventListener('abort', onStop, { once: true });
  const guard = async (): Promise<void> => {
    while (!finished.signal.aborted) {
      const leftMs = dueMs - clock.monotonicMs();
      if (leftMs <= 0) {
        controller.abort(new DeadlineError(allowedMs));
        return;
      }
      await clock.sleep(leftMs, finished.signal);
    }
  };
  const guarding = guard();
  try {
    return await work(controller.signal, (byMs = timeoutMs) => {
      assert(byMs >= timeoutMs, 'an extension is not less than the first time');
      allowedMs = byMs;
      dueMs = clock.monotonicMs() + byMs;
    });
  } catch (error) {
    const { reason } = controller.signal;
    throw reason instanceof DeadlineError ? reason : error;
  } finally {
    // With a reason of our own, or an error with its stack is made for each.
    finished.abort('finished');
    stop?.removeEventListener('abort', onStop);
    await guarding;
  }
}
