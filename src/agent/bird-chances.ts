// Which BGP sessions are still to be waited for before the node is ready: those that this BIRD has
// never had up and that have not had the time for it. A peer that is dead or misconfigured has had
// its chance after that and keeps no node from being ready; a node without peers waits for nobody.

import type { BirdSession } from '../bird/sessions.ts';

/** Connecting again takes BIRD some seconds, and a neighbour that starts as well some more. */
const CHANCE_MS = 30_000;

export class BirdChances {
  /** When it was first seen; undefined once it has been up, or has had its time. */
  readonly #sinceMs = new Map<string, number | undefined>();

  look(sessions: readonly BirdSession[], nowMs: number): void {
    const neighbours = new Set(sessions.map(({ neighbour }) => neighbour));
    for (const neighbour of this.#sinceMs.keys()) {
      if (!neighbours.has(neighbour)) this.#sinceMs.delete(neighbour);
    }
    for (const { neighbour, state } of sessions) {
      const sinceMs = this.#sinceMs.has(neighbour) ? this.#sinceMs.get(neighbour) : nowMs;
      const isOver = state === 'established' || state === 'down';
      const hadTime = sinceMs !== undefined && nowMs - sinceMs >= CHANCE_MS;
      this.#sinceMs.set(neighbour, isOver || hadTime ? undefined : sinceMs);
    }
  }

  /** Another BIRD is to come, and nobody has had a chance with that one. */
  forget(): void {
    this.#sinceMs.clear();
  }

  /** Neighbours whose session may still come up. */
  get waiting(): readonly string[] {
    return [...this.#sinceMs].flatMap(([neighbour, sinceMs]) =>
      sinceMs === undefined ? [] : [neighbour],
    );
  }
}
