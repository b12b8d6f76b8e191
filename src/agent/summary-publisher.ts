// Publishes the node's summary: soon after something has become wrong or right, and now and then as
// a sign of life. Every write of a Node reaches every watcher of Nodes, so the pace goes by the
// size of the cluster: all nodes together write signs of life once a second, and not more than
// twenty times a second when all of them have news. It never holds up the loop.

import { renderSummary } from '../cluster/summary.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Source } from '../source/source.ts';
import type { Status } from './status.ts';
import { summaryOf, worthTelling } from './summary.ts';

export type SummaryPublisherParts = {
  readonly source: Pick<Source, 'publishSummary'>;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
};

/** Between two looks, and so between two writes, at least. */
const GAP_MS = 5_000;
const GAP_MS_PER_PEER = 50;
const BEAT_MS = 60_000;
const BEAT_MS_PER_PEER = 1_000;
/** The first one: what is wrong with a node that has just started is mostly that it starts. */
const FIRST_MS = 2_000;
const FAILURES_COUNTED = 4;

export class SummaryPublisher {
  readonly #parts: SummaryPublisherParts;
  #told = '';
  #beatDueMs = 0;
  #failures = 0;

  constructor(parts: SummaryPublisherParts) {
    this.#parts = parts;
  }

  /** Until `stop`; `status` is asked at each look. */
  async run(status: () => Status, stop: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    await clock.sleep(FIRST_MS * (0.5 + random()), stop);
    while (!stop.aborted) {
      const current = status();
      const gapMs = Math.max(GAP_MS, current.peers.length * GAP_MS_PER_PEER);
      await this.#look(current, gapMs, stop);
      // Nodes that saw the same at once do not write at once.
      const patience = 2 ** Math.min(this.#failures, FAILURES_COUNTED);
      await clock.sleep(gapMs * patience * (0.75 + random() / 2), stop);
    }
  }

  async #look(status: Status, gapMs: number, stop: AbortSignal): Promise<void> {
    const { source, clock, log, random } = this.#parts;
    const nowMs = clock.monotonicMs();
    const beatMs = Math.max(BEAT_MS, status.peers.length * BEAT_MS_PER_PEER);
    // It is looked at once in a gap, and that may take a quarter longer.
    const withinSeconds = Math.ceil((beatMs + 2 * gapMs) / 1000);
    const summary = summaryOf(status, { at: clock.now(), withinSeconds });
    const telling = worthTelling(summary);
    if (telling === this.#told && nowMs < this.#beatDueMs) return;
    const [problem] = summary.problems;
    const words = problem ?? 'pods can be started and reach the others';
    try {
      const published = { text: renderSummary(summary), isReady: summary.ready, words };
      await source.publishSummary(published, stop);
      this.#told = telling;
      this.#failures = 0;
      this.#beatDueMs = nowMs + beatMs * (0.9 + random() / 10);
    } catch (error) {
      this.#failures += 1;
      if (this.#failures > 1 || stop.aborted) return;
      log.warn({ problem: describeError(error) }, 'the summary is not published yet');
    }
  }
}
