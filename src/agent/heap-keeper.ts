// Gives memory back when there is nothing to do. A list of thousands of Nodes or a pass over them
// leaves tens of megabytes of garbage; V8 keeps it for as long as nothing presses, since it takes
// memory for free. On a node it is not: pods need it. A release stops everything for some 50 ms, so
// it waits for quiet, and for enough to be gained.

import type { Clock } from '../lib/clock.ts';

export type Heap = {
  /** Live objects and garbage together. */
  usedBytes(): number;
  release(): void;
};

export type HeapKeeperParts = { readonly heap: Heap; readonly clock: Clock };

const LOOK_EVERY_MS = 1_000;
const BETWEEN_RELEASES_MS = 10_000;
const MIB = 1024 * 1024;
/** Less than this comes from looking, from probing thousands of peers, and from V8's own rhythm. */
const QUIET_BYTES = 2.5 * MIB;
const WORTH_BYTES = 3 * MIB;

export class HeapKeeper {
  readonly #parts: HeapKeeperParts;
  /** After the last release: what is really needed, as far as is known. */
  #neededBytes = 0;

  constructor(parts: HeapKeeperParts) {
    this.#parts = parts;
  }

  /** Until `stop`. */
  async run(stop: AbortSignal): Promise<void> {
    const { heap, clock } = this.#parts;
    let beforeBytes = heap.usedBytes();
    let pauseMs = LOOK_EVERY_MS;
    while (!stop.aborted) {
      await clock.sleep(pauseMs, stop);
      if (stop.aborted) return;
      const usedBytes = heap.usedBytes();
      const isQuiet = Math.abs(usedBytes - beforeBytes) < QUIET_BYTES;
      const released = isQuiet && usedBytes - this.#neededBytes >= WORTH_BYTES;
      if (released) this.#release();
      beforeBytes = heap.usedBytes();
      pauseMs = released ? BETWEEN_RELEASES_MS : LOOK_EVERY_MS;
    }
  }

  #release(): void {
    const { heap } = this.#parts;
    heap.release();
    this.#neededBytes = heap.usedBytes();
  }
}
