// Holds events back while a watch that was cut off catches up. The server then plays what happened
// meanwhile from its history, and whoever acted in the middle of it would act by a cluster of long
// ago: send by what a peer received before two changes, or drop a Node that was made again since.
// What has come of each object goes out as soon as nothing more comes for a moment: what was
// deleted and made again has changed, and nobody hears that it was gone.

import type { Clock } from '../../lib/clock.ts';

/** Histories come as fast as the server can send them. */
const QUIET_MS = 100;
/** A cluster with so much news that it is never quiet has caught up by then. */
const LONGEST_MS = 2_000;

/** Of the object of this name. */
export type Told<Event> = {
  readonly name: string;
  readonly isGone: boolean;
  readonly event: Event;
};

export class CatchUp<Event> {
  readonly #clock: Clock;
  readonly #deliver: (event: Event) => void;
  #held: Told<Event>[] | undefined;
  #lastMs = 0;

  constructor(clock: Clock, deliver: (event: Event) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
  }

  /** From now on events are held, until `follow` finds that they come no more. */
  fallBehind(): void {
    this.#held ??= [];
  }

  /** A list has said all: what was held is out of date. */
  forget(): void {
    this.#held = undefined;
  }

  take(told: Told<Event>): void {
    this.#lastMs = this.#clock.monotonicMs();
    if (this.#held === undefined) this.#deliver(told.event);
    else this.#held.push(told);
  }

  /** While a watch is open; what is held when it is cut off again waits for the next. */
  async follow(stop: AbortSignal): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    this.#lastMs = startedMs;
    while (this.#held !== undefined) {
      await this.#clock.sleep(QUIET_MS, stop);
      if (stop.aborted) return;
      const nowMs = this.#clock.monotonicMs();
      if (nowMs - this.#lastMs < QUIET_MS && nowMs - startedMs < LONGEST_MS) continue;
      const held = this.#held;
      this.#held = undefined;
      for (const { event } of outcomeOf(held ?? [])) this.#deliver(event);
    }
  }
}

/**
 * Of what is there in the end the last word alone; of what is gone all deletions, since each names
 * an object of its own, of which the listener knows the first.
 */
function outcomeOf<Event>(held: readonly Told<Event>[]): readonly Told<Event>[] {
  const last = new Map(held.map((told) => [told.name, told]));
  return held.filter((told) => told === last.get(told.name) || isGoneFor(told, last));
}

const isGoneFor = <Event>(
  { name, isGone }: Told<Event>,
  last: ReadonlyMap<string, Told<Event>>,
): boolean => isGone && last.get(name)?.isGone === true;
