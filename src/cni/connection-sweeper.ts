// Makes the kernel forget what it remembers of connections from and to the addresses of pods that
// are gone, so that none of it is found by the next pod of such an address. Looking through all
// connections of a node costs up to a second, so it is done after the answer to DEL, for all that
// went meanwhile together, and with pauses. An address that was given away again is left alone.

import type { Kernel, StaleConnections } from '../kernel/kernel.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Ip } from '../net/ip.ts';

/** Pods often go in groups, and the first of them need not be alone. */
const FIRST_PAUSE_MS = 200;
/** After a sweep: so many times as long as it took, so that it takes little of a busy node. */
const REST_FACTOR = 20;
const REST_MIN_MS = 1000;

export type SweeperParts = {
  readonly host: Kernel;
  readonly clock: Clock;
  readonly log: Log;
  readonly stop: AbortSignal;
  isTaken(address: Ip): boolean;
};

export class ConnectionSweeper {
  readonly #parts: SweeperParts;
  readonly #gone = new Set<Ip>();
  #isSweeping = false;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  /** These addresses are nobody's now. */
  leave(addresses: readonly Ip[]): void {
    for (const address of addresses) this.#gone.add(address);
    if (!this.#isSweeping && this.#gone.size > 0) void this.#sweepAll();
  }

  /** Ends when there is nothing left, or with the agent. */
  async #sweepAll(): Promise<void> {
    const { clock, stop } = this.#parts;
    this.#isSweeping = true;
    await clock.sleep(FIRST_PAUSE_MS, stop);
    while (this.#gone.size > 0 && !stop.aborted) {
      const startMs = clock.monotonicMs();
      await this.#sweep();
      const tookMs = clock.monotonicMs() - startMs;
      await clock.sleep(Math.max(REST_MIN_MS, tookMs * REST_FACTOR), stop);
    }
    this.#isSweeping = false;
  }

  async #sweep(): Promise<void> {
    const { host, log, isTaken } = this.#parts;
    const stale = [...this.#gone].map((address): StaleConnections => {
      return { kind: 'of-address', address, isFree: () => !isTaken(address) };
    });
    this.#gone.clear();
    try {
      const count = await host.forgetConnections(stale);
      log.debug({ addresses: stale.length, count }, 'connections of pods that are gone');
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.warn({ error: describeError(error) }, 'connections of pods that are gone remain');
    }
  }
}
