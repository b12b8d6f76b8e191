// Time as a parameter. Nothing outside this file and the composition root reads the machine's clock
// or sets a timer, so that tests and the simulation can replace both.

import { uptime } from 'node:os';

export interface Clock {
  /** Milliseconds that only grow; for durations. */
  monotonicMs(): number;
  /** CLOCK_BOOTTIME in milliseconds: goes on while the machine sleeps, and no one can set it. */
  boottimeMs(): number;
  /** Wall-clock time; for humans and for stamps that other machines read. */
  now(): Date;
  /** Resolves after `delayMs`, or at once when `stop` is aborted. Never rejects. */
  sleep(delayMs: number, stop?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  // libuv reads /proc/uptime, which is CLOCK_BOOTTIME to a hundredth of a second.
  boottimeMs: () => uptime() * 1000,
  now: () => new Date(),
  sleep: (delayMs, stop) =>
    new Promise((resolve) => {
      if (stop?.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        stop?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      stop?.addEventListener('abort', done, { once: true });
    }),
};
