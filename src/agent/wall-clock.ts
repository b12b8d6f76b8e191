// Notices that somebody has set the machine's wall clock, and says by how much: stamps of logs and
// Events then do not fit to those of before. Nothing else depends on it, since rights to subnets
// end by CLOCK_BOOTTIME; whoever reads of a jump shall not look for it elsewhere.

import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

/** More than any slewing of the clock does between two looks. */
const JUMP_MIN_MS = 10_000;
const JUMPS_KEPT = 5;

export class WallClock {
  readonly #clock: Clock;
  readonly #log: Log;
  /** Of the wall clock, from CLOCK_BOOTTIME, which nobody can set. */
  #offsetMs: number;
  #jumps: readonly string[] = [];

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#offsetMs = this.#offset();
  }

  /** The last jumps of this process's time, in words, oldest first. */
  get jumps(): readonly string[] {
    return this.#jumps;
  }

  /** To be called now and then. */
  look(): void {
    const before = this.#offsetMs;
    this.#offsetMs = this.#offset();
    const byMs = this.#offsetMs - before;
    if (Math.abs(byMs) < JUMP_MIN_MS) return;
    const direction = byMs > 0 ? 'forward' : 'back';
    const bySeconds = Math.round(Math.abs(byMs) / 1000);
    const at = this.#clock.now().toISOString();
    const text = `the wall clock was set ${direction} by ${bySeconds} s, to ${at}`;
    this.#jumps = [...this.#jumps, text].slice(-JUMPS_KEPT);
    this.#log.warn({ bySeconds: Math.round(byMs / 1000) }, text);
  }

  #offset(): number {
    return this.#clock.now().getTime() - this.#clock.boottimeMs();
  }
}
