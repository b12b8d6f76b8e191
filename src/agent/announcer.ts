// Tells operators, by Kubernetes Events and the log, when something starts or stops being wrong. A
// state that lasts is told once, whatever often it is seen, and one that changes all the time only
// now and then, by what it is then: a storm of events helps nobody. Reporting never waits for the
// datastore: Events are sent by a run of its own, so that an API that hangs holds up nothing.

import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { OperatorEvent, Source } from '../source/source.ts';
import type { RunResult } from './runner.ts';
import { BoundedRunner } from './runner.ts';

const LIMITS = {
  minimumIntervalMs: 10,
  maximumIntervalMs: 300_000,
  firstRetryMs: 1_000,
  lastRetryMs: 60_000,
} as const;

/** Events that wait to be sent; the oldest goes first when there are more. */
const QUEUE_LENGTH = 64;

/** So often what is wrong for one reason may change before it is told less often. */
const BURST = 20;
const REFILL_MS = 60_000;

/** So many of the last ones are kept for `status` and the page. */
const KEPT = 50;

export type RecentEvent = OperatorEvent & { readonly at: string };

/** What is said under one reason; '' means: all well. */
type Topic = { now: string; told: string; credit: number; refilledMs: number };

export class Announcer {
  readonly #source: Pick<Source, 'tell'>;
  readonly #log: Log;
  readonly #runner: BoundedRunner;
  readonly #clock: Clock;
  readonly #topics = new Map<string, Topic>();
  readonly #queue: OperatorEvent[] = [];
  readonly #recent: RecentEvent[] = [];

  constructor(source: Pick<Source, 'tell'>, clock: Clock, log: Log) {
    this.#source = source;
    this.#log = log;
    this.#clock = clock;
    this.#runner = new BoundedRunner(() => this.#send(), LIMITS, clock);
  }

  /** The last ones, oldest first. */
  get recent(): readonly RecentEvent[] {
    return this.#recent;
  }

  /** `problems` are all that is wrong under this reason now; an empty list means: all well. */
  report(reason: string, problems: readonly string[]): void {
    const now = problems.join('; ');
    const known = this.#topics.get(reason);
    if (now === (known?.now ?? '')) return;
    const refilledMs = this.#clock.monotonicMs();
    const topic = known ?? { now, told: '', credit: BURST, refilledMs };
    topic.now = now;
    this.#topics.set(reason, topic);
    this.#tell(reason, topic);
    this.#runner.trigger();
  }

  /** Sends what is reported, until `stop`. */
  run(stop: AbortSignal): Promise<void> {
    return this.#runner.run(stop);
  }

  /** If there is anything new, and not too often. */
  #tell(reason: string, topic: Topic): void {
    const { now, told } = topic;
    if (now === told || !this.#takeCredit(topic)) return;
    topic.told = now;
    if (now === '') {
      this.#log.info({ reason, was: told }, 'resolved');
      this.#enqueue({ type: 'Normal', reason: `${reason}Resolved`, message: told });
    } else {
      this.#log.warn({ reason }, now);
      this.#enqueue({ type: 'Warning', reason, message: now });
    }
  }

  #takeCredit(topic: Topic): boolean {
    const refills = Math.floor((this.#clock.monotonicMs() - topic.refilledMs) / REFILL_MS);
    topic.refilledMs += refills * REFILL_MS;
    topic.credit = Math.min(BURST, topic.credit + refills);
    if (topic.credit === 0) return false;
    topic.credit -= 1;
    return true;
  }

  #enqueue(event: OperatorEvent): void {
    if (this.#queue.length >= QUEUE_LENGTH) this.#queue.shift();
    this.#queue.push(event);
    if (this.#recent.length >= KEPT) this.#recent.shift();
    this.#recent.push({ at: this.#clock.now().toISOString(), ...event });
  }

  async #send(): Promise<RunResult> {
    for (const [reason, topic] of this.#topics) this.#tell(reason, topic);
    for (;;) {
      const event = this.#queue.shift();
      if (event === undefined) break;
      await this.#source.tell(event);
    }
    const isHeldBack = [...this.#topics.values()].some(({ now, told }) => now !== told);
    return isHeldBack ? { againAfterMs: REFILL_MS } : 'done';
  }
}
