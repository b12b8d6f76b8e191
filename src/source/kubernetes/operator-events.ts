// Words for the operator as Kubernetes Events on the Node, where `kubectl describe node` shows
// them. The same words are one Event whose count grows, written at a bounded rate; different words
// share a budget. A problem that repeats in a tight loop on every node must not become a storm of
// requests.

import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { OperatorEvent } from '../source.ts';
import type { KubernetesApi } from './api.ts';
import { KubernetesApiError } from './api-error.ts';

export type OperatorEventsOptions = {
  readonly client: KubernetesApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  readonly limits?: OperatorEventLimits;
};

export type OperatorEventLimits = {
  /** The count of one Event is written at most this often. */
  readonly repeatIntervalMs: number;
  /** Requests in a row, and how fast the budget fills again. */
  readonly burst: number;
  readonly refillMs: number;
};

const LIMITS: OperatorEventLimits = { repeatIntervalMs: 60_000, burst: 20, refillMs: 30_000 };

/** Different words that are remembered; the oldest are forgotten first. */
const REMEMBERED = 64;
const TIMEOUT_MS = 5_000;
/** An Event belongs to a namespace, a Node does not: kubelets use this one. */
const NAMESPACE = 'default';

type Told = {
  readonly event: OperatorEvent;
  readonly name: string;
  count: number;
  /** What the server was told; 0 before the first time. */
  writtenCount: number;
  writtenAtMs: number;
};

export class OperatorEvents {
  readonly #options: OperatorEventsOptions;
  readonly #limits: OperatorEventLimits;
  readonly #told = new Map<string, Told>();
  #budget: number;
  #refilledAtMs: number;

  constructor(options: OperatorEventsOptions) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
    this.#budget = this.#limits.burst;
    this.#refilledAtMs = options.clock.monotonicMs();
  }

  /** Never rejects. */
  async tell(event: OperatorEvent): Promise<void> {
    const key = JSON.stringify([event.type, event.reason, event.message]);
    const told = this.#told.get(key) ?? this.#remember(key, event);
    told.count += 1;
    await this.#write(told);
  }

  /** Writes counts that were held back; runs until `stop`. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#options.clock.sleep(this.#limits.repeatIntervalMs, stop);
      for (const told of [...this.#told.values()]) {
        if (!stop.aborted && told.count > told.writtenCount) await this.#write(told, stop);
      }
    }
  }

  #remember(key: string, event: OperatorEvent): Told {
    for (const oldest of this.#told.keys()) {
      if (this.#told.size < REMEMBERED) break;
      this.#told.delete(oldest);
    }
    // Time makes the name unique over restarts, the hash among events of one moment.
    const time = this.#options.clock.now().getTime().toString(16);
    const hash = createHash('sha256').update(key).digest('hex').slice(0, 8);
    const name = `${this.#options.nodeName}.${time}${hash}`;
    const told = { event, name, count: 0, writtenCount: 0, writtenAtMs: Number.NEGATIVE_INFINITY };
    this.#told.set(key, told);
    return told;
  }

  async #write(told: Told, stop?: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const isTooSoon = nowMs - told.writtenAtMs < this.#limits.repeatIntervalMs;
    if (isTooSoon || !this.#takeFromBudget(nowMs)) return;
    told.writtenAtMs = nowMs;
    const count = told.count;
    try {
      if (told.writtenCount === 0) await this.#create(told, stop);
      else await this.#raiseCount(told, stop);
      told.writtenCount = count;
    } catch (error) {
      const status = error instanceof KubernetesApiError ? error.status : undefined;
      if (told.writtenCount === 0 && status === 409) {
        // Its first try did arrive, only the answer was lost: the name is nobody else's.
        told.writtenCount = count;
        return;
      }
      const isMissing = status === 404;
      // The server keeps Events for an hour or so: next time it is a new one.
      if (isMissing) told.writtenCount = 0;
      log.warn(
        { problem: describeError(error), reason: told.event.reason },
        'an event for the operator could not be written',
      );
    }
  }

  #takeFromBudget(nowMs: number): boolean {
    const { burst, refillMs } = this.#limits;
    const refilled = Math.floor((nowMs - this.#refilledAtMs) / refillMs);
    this.#budget = Math.min(burst, this.#budget + refilled);
    this.#refilledAtMs += refilled * refillMs;
    if (this.#budget <= 0) return false;
    this.#budget -= 1;
    return true;
  }

  async #create(told: Told, stop?: AbortSignal): Promise<void> {
    const { client, clock, nodeName } = this.#options;
    const time = `${clock.now().toISOString().slice(0, 19)}Z`;
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: told.name, namespace: NAMESPACE },
      // The name as uid: what kubelets write, and what every kubectl looks for (describe node).
      involvedObject: { kind: 'Node', apiVersion: 'v1', name: nodeName, uid: nodeName },
      source: { component: 'poplin', host: nodeName },
      ...told.event,
      firstTimestamp: time,
      lastTimestamp: time,
      count: told.count,
      reportingComponent: 'poplin',
      reportingInstance: nodeName,
    };
    const path = `/api/v1/namespaces/${NAMESPACE}/events`;
    await client.call({ method: 'POST', path, body, timeoutMs: TIMEOUT_MS }, stop);
  }

  async #raiseCount(told: Told, stop?: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const lastTimestamp = `${clock.now().toISOString().slice(0, 19)}Z`;
    await client.call(
      {
        method: 'PATCH',
        path: `/api/v1/namespaces/${NAMESPACE}/events/${encodeURIComponent(told.name)}`,
        contentType: 'application/merge-patch+json',
        body: { count: told.count, lastTimestamp },
        timeoutMs: TIMEOUT_MS,
      },
      stop,
    );
  }
}
