// One thread of the pool: runs the seeds that it is sent, one after the other, and sends back what
// is to be said of each. It counts its events where the pool can see them, so that a loop which
// never ends is noticed from outside.

import { parentPort, workerData } from 'node:worker_threads';
import type { PlanOverrides } from './plan.ts';
import { renderFailure, reportOf } from './report.ts';
import { runSeed } from './run.ts';

export type SeedWorkerData = {
  readonly overrides: PlanOverrides;
  /** How many events there were: shared with the pool. */
  readonly events: Int32Array<SharedArrayBuffer>;
};

const { overrides, events } = workerData as SeedWorkerData;

parentPort?.on('message', (seed: number) => void run(seed));

async function run(seed: number): Promise<void> {
  const onEvent = (): void => void Atomics.add(events, 0, 1);
  const verdict = await runSeed({ seed, overrides, onEvent });
  const failure = verdict.violation === undefined ? '' : renderFailure(verdict, overrides);
  parentPort?.postMessage(reportOf(verdict, failure));
}
