// What the agent writes into the datastore besides its claims (the advert, the Node's condition):
// at which pace it is tried, and that a refusal is a line in the log and another try. It never
// holds up the loop, and never fails for it.

import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { RunnerLimits, RunResult } from './runner.ts';

export const SOURCE_WRITE_LIMITS: RunnerLimits = {
  minimumIntervalMs: 20,
  // Others may set it back; to look costs no request.
  maximumIntervalMs: 30_000,
  firstRetryMs: 500,
  lastRetryMs: 30_000,
};

export type SourceWrite = {
  readonly log: Log;
  readonly stop: AbortSignal;
  /** For the log: what is not done yet. */
  readonly notYet: string;
};

/** Never rejects. */
export async function trySourceWrite(
  write: (stop: AbortSignal) => Promise<void>,
  { log, stop, notYet }: SourceWrite,
): Promise<RunResult> {
  try {
    await write(stop);
    return 'done';
  } catch (error) {
    if (!stop.aborted) log.warn({ problem: describeError(error) }, notYet);
    return 'retry';
  }
}
