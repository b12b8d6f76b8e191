// The time of the simulation: it stands still but when the world takes the next event, which is one
// sleeper or one scheduled action; everything that this causes runs before the next. Each process
// sleeps on a clock of its own that dies with it, so that a crash is a process that never wakes.
// Who sleeps again and again while no time passes is found out, and never woken again.

import type { Clock } from '../../src/lib/clock.ts';
import { EventQueue } from './event-queue.ts';

type Sleeper = { wake: (() => void) | undefined };

/** More sleeps in a second of virtual time are an endless loop; 200 agents at once need 56,000. */
const TURNS_MAX = 300_000;

/** As of timers of Node.js. Less might be lost in a number with the time added to it. */
const SHORTEST_SLEEP_MS = 1;

/** The wall clock at the start of every simulation. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

export class SimTime {
  readonly #queue = new EventQueue<Sleeper>();
  nowMs = 0;
  #turns = 0;
  #turnsSinceMs = 0;

  /** Whether something goes on and on in one moment of virtual time. */
  get isStuck(): boolean {
    return this.#turns > TURNS_MAX;
  }

  /** One more who sleeps, or does not even have to. */
  turn(): void {
    if (this.nowMs - this.#turnsSinceMs >= 1000) {
      this.#turnsSinceMs = this.nowMs;
      this.#turns = 0;
    }
    this.#turns += 1;
  }

  /** Returns what takes it back. */
  at(timeMs: number, action: () => void): () => void {
    this.turn();
    const sleeper: Sleeper = { wake: action };
    this.#queue.push(Math.max(timeMs, this.nowMs), sleeper);
    return () => {
      sleeper.wake = undefined;
    };
  }

  after(delayMs: number, action: () => void): () => void {
    return this.at(this.nowMs + delayMs, action);
  }

  /** Does the next event that is due until `endMs`; false, and the time is `endMs`, if none is. */
  async step(endMs: number): Promise<boolean> {
    for (;;) {
      const next = this.#queue.pop(endMs);
      if (next === undefined) {
        this.nowMs = endMs;
        return false;
      }
      const { wake } = next.item;
      if (wake === undefined) continue;
      this.nowMs = next.atMs;
      wake();
      await settle();
      return true;
    }
  }
}

/** Everything here is promises: when the loop turns, all that was ready has run. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One process's view of the time. */
export class ProcessClock implements Clock {
  readonly #time: SimTime;
  /** Of CLOCK_BOOTTIME and CLOCK_MONOTONIC: when the machine was switched on. */
  readonly #bootedAtMs: number;
  #isDead = false;

  constructor(time: SimTime, bootedAtMs = 0) {
    this.#time = time;
    this.#bootedAtMs = bootedAtMs;
  }

  monotonicMs(): number {
    return this.#time.nowMs - this.#bootedAtMs;
  }

  boottimeMs(): number {
    return this.monotonicMs();
  }

  now(): Date {
    return new Date(EPOCH_MS + this.#time.nowMs);
  }

  sleep(delayMs: number, stop?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isDead || this.#time.isStuck) return;
      if (stop?.aborted) {
        this.#time.turn();
        resolve();
        return;
      }
      const done = (): void => {
        cancel();
        stop?.removeEventListener('abort', done);
        if (!this.#isDead) resolve();
      };
      const cancel = this.#time.after(Math.max(SHORTEST_SLEEP_MS, delayMs), done);
      stop?.addEventListener('abort', done, { once: true });
    });
  }

  /** From now on nobody who sleeps here ever wakes. */
  die(): void {
    this.#isDead = true;
  }
}
