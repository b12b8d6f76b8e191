// Makes the kernel forget what it remembers of connections from and to the addresses of pods that
// are gone, so that none of it is found by the next pod of such an address. Looking through all
// connections of a node costs up to a second, so it is done after the answer to DEL, for all that
// went meanwhile together, and with pauses. An ADD that gets such an address before its turn has it
// looked through at once; from then on it is left alone.

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
  /** Those of the sweep that is under way. */
  #inSweep: ReadonlySet<Ip> = new Set();
  #isSweeping = false;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  /** These addresses are nobody's now. */
  leave(addresses: readonly Ip[]): void {
    for (const address of addresses) this.#gone.add(address);
    if (!this.#isSweeping && this.#gone.size > 0) void this.#sweepAll();
  }

  /**
   * A new pod is about to get these, and nothing leads to it yet. Costs time only where their turn
   * has not come. Never rejects with AppError: such a pod is better than none.
   */
  async arrive(addresses: readonly Ip[]): Promise<void> {
    const unswept = addresses.filter((ip) => this.#gone.has(ip) || this.#inSweep.has(ip));
    if (unswept.length === 0) return;
    for (const address of unswept) this.#gone.delete(address);
    await this.#forget(
      unswept.map((address) => ({ kind: 'of-address', address, isFree: () => true })),
    );
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
    const { isTaken } = this.#parts;
    this.#inSweep = new Set(this.#gone);
    this.#gone.clear();
    await this.#forget(
      [...this.#inSweep].map((address) => ({
        ...{ kind: 'of-address', address },
        isFree: () => !isTaken(address),
      })),
    );
    this.#inSweep = new Set();
  }

  async #forget(stale: readonly StaleConnections[]): Promise<void> {
    const { host, log } = this.#parts;
    try {
      const count = await host.forgetConnections(stale);
      log.debug({ addresses: stale.length, count }, 'connections of pods that are gone');
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.warn({ error: describeError(error) }, 'connections of pods that are gone remain');
    }
  }
}
