// How long devices have been of no use. A device that nobody needs any more is first left out of
// the advert and goes some seconds later: a peer may not have heard of it yet, or hear of the next
// change of the configuration first, and send by what the last advert said.

import type { Clock } from '../lib/clock.ts';

/** Adverts reach every peer within tenths of a second (docs/benchmarks.md). */
const DRAIN_MS = 5_000;

export class DrainingLinks {
  readonly #clock: Clock;
  readonly #sinceMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Names of devices that may go now. */
  drained(): ReadonlySet<string> {
    const dueMs = this.#clock.monotonicMs() - DRAIN_MS;
    return new Set([...this.#sinceMs].flatMap(([name, ms]) => (ms <= dueMs ? [name] : [])));
  }

  /** All devices that are of no use now, but are still kept. */
  follow(names: readonly string[]): void {
    for (const name of this.#sinceMs.keys()) {
      if (!names.includes(name)) this.#sinceMs.delete(name);
    }
    for (const name of names) {
      if (!this.#sinceMs.has(name)) this.#sinceMs.set(name, this.#clock.monotonicMs());
    }
  }

  /** Until the next of them may go; undefined when there is none. */
  remainingMs(): number | undefined {
    if (this.#sinceMs.size === 0) return undefined;
    return Math.max(0, Math.min(...this.#sinceMs.values()) + DRAIN_MS - this.#clock.monotonicMs());
  }
}
