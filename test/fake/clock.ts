// A clock that stands still until a test moves it: sleepers wake in the order of their time, and
// everything that they cause is run before the next wakes.

import type { Clock } from '../../src/lib/clock.ts';

type Sleeper = { readonly atMs: number; readonly wake: () => void };

export class FakeClock implements Clock {
  #nowMs = 0;
  #sleptMs = 0;
  #setMs = 0;
  #sleepers: Sleeper[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  boottimeMs(): number {
    return this.#nowMs + this.#sleptMs;
  }

  now(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.boottimeMs() + this.#setMs);
  }

  /** The machine sleeps: no timer goes on, nobody wakes. */
  suspend(byMs: number): void {
    this.#sleptMs += byMs;
  }

  /** Somebody sets the wall clock. */
  setWallClock(byMs: number): void {
    this.#setMs += byMs;
  }

  sleep(delayMs: number, stop?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (stop?.aborted) {
        resolve();
        return;
      }
      const wake = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        stop?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + delayMs, wake };
      this.#sleepers.push(sleeper);
      stop?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Lets time pass, waking whoever sleeps meanwhile. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await settle();
    for (;;) {
      const next = this.#sleepers
        .filter(({ atMs }) => atMs <= endMs)
        .sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
      await settle();
    }
    this.#nowMs = endMs;
  }
}

/** Lets everything run that is ready to run. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
