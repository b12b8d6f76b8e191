// Around one pass of the agent: what becomes of it when the kernel cannot be read, and when the
// next one is due if nothing happens.

import { AppError } from '../lib/errors.ts';
import type { Announcer } from './announcer.ts';
import type { PassInput, PassOutcome, Reconciler } from './reconciler.ts';
import type { RunnerLimits, RunReason, RunResult } from './runner.ts';

/** Who fights may cause news as fast as he can: they are looked at less often then. */
const FIGHT_REST_MS = 40;

export const LOOP_LIMITS = {
  minimumIntervalMs: 10,
  maximumIntervalMs: 30_000,
  firstRetryMs: 250,
  lastRetryMs: 30_000,
} as const satisfies RunnerLimits;

type Parts = {
  readonly reconciler: Pick<Reconciler, 'pass' | 'isSettled'>;
  readonly announcer: Pick<Announcer, 'report'>;
};

/** `retry`: the kernel cannot be read now, as when it changes too fast. `done`: it is settled. */
export async function tryPass(
  { reconciler, announcer }: Parts,
  input: PassInput,
  reason: RunReason,
): Promise<PassOutcome | 'retry' | 'done'> {
  try {
    if (reason === 'routine' && reconciler.isSettled(input)) return 'done';
    const outcome = await reconciler.pass(input);
    announcer.report('KernelNotRead', []);
    return outcome;
  } catch (error) {
    if (!(error instanceof AppError) || !error.retryable) throw error;
    announcer.report('KernelNotRead', [error.message]);
    return 'retry';
  }
}

/** After a pass that has nothing left to do. */
export function nextPass(
  { dueAfterMs: reconcilerDueMs, fights }: Reconciler,
  familiesDueMs: number | undefined,
): RunResult {
  const never = Number.POSITIVE_INFINITY;
  const dueAfterMs = Math.min(reconcilerDueMs ?? never, familiesDueMs ?? never);
  if (dueAfterMs === never) return 'done';
  return fights.count === 0
    ? { againAfterMs: dueAfterMs }
    : { againAfterMs: dueAfterMs, restMs: FIGHT_REST_MS };
}
