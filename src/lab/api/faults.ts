// Faults that a test asks for: requests answered with an error, late, or not at all, and a server
// that freezes while its connections stay open, as under SIGSTOP. Without rules it does nothing.

import { assertNever } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Refusal } from './status.ts';
import { StatusError } from './status.ts';

export type FaultyRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
};

type FaultEffect =
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** The connection is closed without an answer. */
  | { readonly kind: 'hang-up' };

export type FaultRule = {
  readonly matches: (request: FaultyRequest) => boolean;
  readonly effect: FaultEffect;
  /** How many requests it hits; without it, all until it is removed. */
  readonly times?: number;
};

export class Faults {
  readonly #clock: Clock;
  readonly #rules: { readonly rule: FaultRule; left: number }[] = [];
  readonly #onThaw: (() => void)[] = [];
  #frozen: PromiseWithResolvers<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns what removes the rule. */
  add(rule: FaultRule): () => void {
    const entry = { rule, left: rule.times ?? Number.POSITIVE_INFINITY };
    this.#rules.push(entry);
    return () => {
      entry.left = 0;
    };
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined;
  }

  /** From now on nothing is answered and nothing is sent to watchers. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers<void>();
  }

  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
    for (const callback of this.#onThaw.splice(0)) callback();
  }

  /** Calls once, when the server is no longer frozen. */
  onThaw(callback: () => void): void {
    this.#onThaw.push(callback);
  }

  /** Resolves once the server is not frozen. */
  async thawed(): Promise<void> {
    await this.#frozen?.promise;
  }

  /** What happens to a request before it is looked at: throws, waits, or says 'hang-up'. */
  async before(request: FaultyRequest, stop: AbortSignal): Promise<'serve' | 'hang-up'> {
    await this.thawed();
    for (const entry of this.#rules) {
      if (entry.left <= 0 || !entry.rule.matches(request)) continue;
      entry.left -= 1;
      const { effect } = entry.rule;
      switch (effect.kind) {
        case 'refuse':
          throw new StatusError(effect.refusal);
        case 'delay':
          await this.#clock.sleep(effect.delayMs, stop);
          break;
        case 'hang-up':
          return 'hang-up';
        default:
          assertNever(effect);
      }
    }
    return 'serve';
  }
}
