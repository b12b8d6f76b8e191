// A write that is tried a few times: again after what passes by itself (a busy server, a conflict,
// no answer), with growing pauses, and not after a refusal that will be the same the next time.

import type { Backoff } from '../../lib/backoff.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { KubernetesApiError } from './api-error.ts';

export type Patience = { readonly clock: Clock; readonly random: () => number };

const TRIES = 4;
const BACKOFF: Backoff = { baseMs: 250, capMs: 5_000 };

/** Rejects with what the last try was rejected with. */
export async function patiently<Result>(
  { clock, random }: Patience,
  stop: AbortSignal,
  write: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      if (stop.aborted || attempt >= TRIES || !isPassing(error)) throw error;
      const waitMs = backoffMs(BACKOFF, attempt, random());
      await clock.sleep(waitMs + (error.retryAfterMs ?? 0), stop);
      if (stop.aborted) throw error;
    }
  }
}

function isPassing(error: unknown): error is KubernetesApiError {
  if (!(error instanceof KubernetesApiError)) return false;
  const { status } = error;
  return status === undefined || status === 429 || status === 409 || status >= 500;
}
