// What the CNI calls of this agent were like, for `status`: how many of each verb, how many failed,
// how long the last ones took, and the last failure. Kept in memory since the agent started; the
// metrics have the whole distribution.

import type { CniCall } from '../cni/service.ts';
import type { Clock } from '../lib/clock.ts';

/** So many of the last durations of each verb are kept. */
const KEPT = 128;

export type VerbStatus = {
  readonly verb: string;
  readonly calls: number;
  readonly failures: number;
  /** Of the last 128 calls. */
  readonly medianMs: number;
  readonly slowestMs: number;
};

export type CniStatus = {
  readonly verbs: readonly VerbStatus[];
  /** Absent while none has failed. */
  readonly lastFailure?: {
    readonly at: string;
    readonly verb: string;
    readonly code: number;
    readonly message: string;
  };
};

type Kept = { calls: number; failures: number; readonly lastMs: number[] };

export class CniCalls {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #verbs = new Map<string, Kept>();
  #lastFailure: CniStatus['lastFailure'];

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  get view(): CniStatus {
    const verbs = [...this.#verbs].map(([verb, kept]) => verbStatus(verb, kept));
    const lastFailure = this.#lastFailure;
    return { verbs, ...(lastFailure === undefined ? {} : { lastFailure }) };
  }

  record({ verb, code, durationMs, failure }: CniCall): void {
    const kept = this.#verbs.get(verb) ?? { calls: 0, failures: 0, lastMs: [] };
    this.#verbs.set(verb, kept);
    kept.calls += 1;
    kept.lastMs.push(durationMs);
    if (kept.lastMs.length > KEPT) kept.lastMs.shift();
    if (code === 0) return;
    kept.failures += 1;
    this.#lastFailure = { at: this.#clock.now().toISOString(), verb, code, message: failure ?? '' };
  }
}

function verbStatus(verb: string, { calls, failures, lastMs }: Kept): VerbStatus {
  const sorted = [...lastMs].sort((a, b) => a - b);
  const medianMs = rounded(sorted[Math.floor(sorted.length / 2)] ?? 0);
  return { verb, calls, failures, medianMs, slowestMs: rounded(sorted.at(-1) ?? 0) };
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 100) / 100;
