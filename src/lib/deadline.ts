// Work that must not take for ever: it gets a signal that is aborted when the caller stops it or
// when its time is over, and it may ask for more time whenever it sees progress. Time comes from
// the Clock, so that tests decide it.

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
 * Rejects with DeadlineError when `work` rejects after its time was over. `extend` gives it the
 * whole time again, counted from now.
 */
export async function withDeadline<Result>(
  { clock, timeoutMs, stop }: DeadlineOptions,
  work: (signal: AbortSignal, extend: () => void) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const finished = new AbortController();
  let dueMs = clock.monotonicMs() + timeoutMs;
  const onStop = (): void => controller.abort(stop?.reason);
  if (stop?.aborted === true) onStop();
  else stop?.addEventListener('abort', onStop, { once: true });
  const guard = async (): Promise<void> => {
    while (!finished.signal.aborted) {
      const leftMs = dueMs - clock.monotonicMs();
      if (leftMs <= 0) {
        controller.abort(new DeadlineError(timeoutMs));
        return;
      }
      await clock.sleep(leftMs, finished.signal);
    }
  };
  const guarding = guard();
  try {
    return await work(controller.signal, () => {
      dueMs = clock.monotonicMs() + timeoutMs;
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
