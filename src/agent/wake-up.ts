// A pause that ends early when somebody has news: a hint that comes while nobody rests is kept for
// the next rest, so that none is lost between a look and the pause after it.

import type { Clock } from '../lib/clock.ts';

export class WakeUp {
  readonly #clock: Clock;
  #isHinted = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hint(): void {
    this.#isHinted = true;
    this.#wake?.();
  }

  /** So long, until a hint, or until `stop`. */
  async rest(limitMs: number, stop: AbortSignal): Promise<void> {
    if (!this.#isHinted && !stop.aborted) {
      const woken = new AbortController();
      const wake = (): void => woken.abort('woken');
      this.#wake = wake;
      stop.addEventListener('abort', wake, { once: true });
      await this.#clock.sleep(limitMs, woken.signal);
      stop.removeEventListener('abort', wake);
      this.#wake = undefined;
    }
    this.#isHinted = false;
  }
}
