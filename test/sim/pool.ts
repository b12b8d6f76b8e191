// Runs many seeds on all cores, each in a thread that does nothing else. A thread in which nothing
// happens any more is ended, and its seed reported as one that fails: a loop without an end must
// not take the numbers of all other seeds with it.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PlanOverrides } from './plan.ts';
import { replayCommand } from './report.ts';
import type { SeedReport } from './run.ts';
import type { SeedWorkerData } from './seed-worker.ts';

export type PoolOptions = {
  readonly seeds: readonly number[];
  readonly overrides?: PlanOverrides;
  /** Called as soon as a seed is done, in the order in which they are. */
  readonly onReport?: (report: SeedReport) => void;
  readonly threadCount?: number;
  /** What a thread runs. */
  readonly script?: URL;
  /** How long nothing may happen: much longer than any event takes on the slowest machine. */
  readonly stuckAfterMs?: number;
};

const SCRIPT = new URL('./seed-worker.ts', import.meta.url);
const STUCK_AFTER_MS = 120_000;

/** In the order of the seeds. */
export async function runSeeds(options: PoolOptions): Promise<SeedReport[]> {
  const { seeds, threadCount = availableParallelism(), onReport } = options;
  const waiting = [...seeds];
  const reports = new Map<number, SeedReport>();
  const work = async (): Promise<void> => {
    let thread: SeedThread | undefined;
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      thread ??= new SeedThread(options);
      const report = await thread.run(seed);
      if (thread.isOver) thread = undefined;
      reports.set(seed, report);
      onReport?.(report);
    }
    await thread?.end();
  };
  await Promise.all(Array.from({ length: Math.min(threadCount, seeds.length) }, work));
  return seeds.flatMap((seed) => reports.get(seed) ?? []);
}

class SeedThread {
  readonly #options: PoolOptions;
  readonly #events = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;
  #tell: (report: SeedReport | string) => void = () => undefined;
  isOver = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    const { script = SCRIPT, overrides = {} } = options;
    const workerData: SeedWorkerData = { overrides, events: this.#events };
    this.#worker = new Worker(script, { workerData });
    this.#worker.on('message', (report: SeedReport) => this.#tell(report));
    this.#worker.on('error', (error) => this.#tell(error.stack ?? error.message));
    this.#worker.on('exit', () => this.#tell('its thread has ended'));
  }

  async run(seed: number): Promise<SeedReport> {
    const { stuckAfterMs = STUCK_AFTER_MS } = this.#options;
    const { promise, resolve } = Promise.withResolvers<SeedReport | string>();
    this.#tell = resolve;
    this.#worker.postMessage(seed);
    let seen = -1;
    const watch = setInterval(() => {
      const now = Atomics.load(this.#events, 0);
      if (now === seen) resolve(`nothing has happened for ${stuckAfterMs / 1000} s: a loop?`);
      seen = now;
    }, stuckAfterMs);
    const report = await promise;
    clearInterval(watch);
    if (typeof report !== 'string') return report;
    await this.end();
    return this.#failed(seed, report);
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.#worker.terminate();
  }

  #failed(seed: number, violation: string): SeedReport {
    const replay = `replay: ${replayCommand(seed, this.#options.overrides ?? {})}`;
    return {
      ...{ seed, violation, failure: `seed ${seed} fails: ${violation}\n${replay}\n` },
      ...{ wholeAfterMs: undefined, virtualMs: 0, walks: 0 },
      events: Atomics.load(this.#events, 0),
    };
  }
}
