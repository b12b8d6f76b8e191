// Keeps the table of etcd's keys up to date: one list of the whole prefix, one watch from there on.
// After a cut it goes on from the revision that it has; when that is forgotten, it lists anew. A
// probe that a majority must answer finds out what a silent stream would hide. It never gives up.

import type { ClusterEvent } from '../../cluster/cluster.ts';
import type { Backoff } from '../../lib/backoff.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { EtcdApi, WatchEnd } from './api.ts';
import type { KeyLayout } from './keys.ts';
import { rangeOf } from './keys.ts';
import type { EtcdTable } from './table.ts';

export type FollowerTiming = { readonly probeIntervalMs: number; readonly backoff: Backoff };

export const FOLLOWER_TIMING: FollowerTiming = {
  probeIntervalMs: 15_000,
  backoff: { baseMs: 250, capMs: 5_000 },
};

export type FollowerParts = {
  readonly api: EtcdApi;
  readonly layout: KeyLayout;
  readonly table: EtcdTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly timing: FollowerTiming;
  onEvents(events: readonly ClusterEvent[]): void;
  /** etcd has answered. */
  onContact(): void;
  onProblem(problem: string | undefined): void;
};

export class Follower {
  readonly #parts: FollowerParts;
  /** Of the last list or change; undefined: a list is needed. */
  #revision: number | undefined;
  #failures = 0;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  async run(stop: AbortSignal): Promise<void> {
    const { clock, random, timing } = this.#parts;
    while (!stop.aborted) {
      const problem = await this.#round(stop);
      if (stop.aborted) return;
      this.#failures += 1;
      if (problem !== undefined) this.#report(problem);
      await clock.sleep(backoffMs(timing.backoff, this.#failures, random()), stop);
    }
  }

  /** Lists when it must, and watches as long as it goes. */
  async #round(stop: AbortSignal): Promise<string | undefined> {
    try {
      if (this.#revision === undefined) await this.#list(stop);
    } catch (error) {
      return describeError(error);
    }
    const end = await this.#watch(stop);
    if (end.kind !== 'compacted') return end.kind === 'ended' ? end.problem : undefined;
    this.#parts.log.info({ revision: this.#revision }, 'etcd forgot this revision: listing anew');
    this.#revision = undefined;
    return undefined;
  }

  async #list(stop: AbortSignal): Promise<void> {
    const { api, layout, table } = this.#parts;
    const listing = await api.list(rangeOf(`${layout.prefix}/`), stop);
    if (stop.aborted) return;
    this.#revision = listing.revision;
    this.#parts.onContact();
    this.#parts.onEvents(table.list(listing));
  }

  async #watch(stop: AbortSignal): Promise<WatchEnd> {
    const { api, layout, table } = this.#parts;
    const silent = new AbortController();
    const over = new AbortController();
    let probing: Promise<string | undefined> = Promise.resolve(undefined);
    const request = {
      range: rangeOf(`${layout.prefix}/`),
      fromRevision: (this.#revision ?? 0) + 1,
      handlers: {
        onOpen: () => {
          this.#recover();
          probing = this.#probe(silent, AbortSignal.any([stop, over.signal]));
        },
        onChanges: (changes: Parameters<EtcdTable['change']>[0], revision: number) => {
          this.#revision = revision;
          this.#parts.onContact();
          this.#parts.onEvents(table.change(changes, revision));
        },
      },
    };
    const end = await api.watch(request, AbortSignal.any([stop, silent.signal]));
    over.abort();
    const problem = await probing;
    return end.kind === 'stopped' && problem !== undefined ? { kind: 'ended', problem } : end;
  }

  /** Ends the watch with `silent` when etcd does not answer; yields why. */
  async #probe(silent: AbortController, over: AbortSignal): Promise<string | undefined> {
    const { api, clock, layout, timing } = this.#parts;
    for (;;) {
      await clock.sleep(timing.probeIntervalMs, over);
      if (over.aborted) return undefined;
      try {
        await api.probe(layout.config, over);
        this.#recover();
      } catch (error) {
        if (over.aborted) return undefined;
        silent.abort();
        return describeError(error);
      }
    }
  }

  #recover(): void {
    this.#failures = 0;
    this.#parts.onContact();
    this.#parts.onProblem(undefined);
  }

  #report(problem: string): void {
    this.#parts.onProblem(problem);
    const { failures } = { failures: this.#failures };
    this.#parts.log.warn({ problem, failures }, 'etcd does not answer as it should; trying again');
  }
}
