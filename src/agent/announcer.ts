// Tells operators, by Kubernetes Events and the log, when something starts or stops being wrong. A
// state that lasts is told once, whatever often it is seen: a storm of equal events helps nobody.
// Reporting never waits for the datastore: Events are sent by a run of its own, so that an API that
// hangs cannot hold up the loop.

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

export class Announcer {
  readonly #source: Pick<Source, 'tell'>;
  readonly #log: Log;
  readonly #runner: BoundedRunner;
  /** What is wrong now, by reason. */
  readonly #current = new Map<string, string>();
  readonly #queue: OperatorEvent[] = [];

  constructor(source: Pick<Source, 'tell'>, clock: Clock, log: Log) {
    this.#source = source;
    this.#log = log;
    this.#runner = new BoundedRunner(() => this.#send(), LIMITS, clock);
  }

  /** `problems` are all that is wrong under this reason now; an empty list means: all well. */
  report(reason: string, problems: readonly string[]): void {
    const message = problems.join('; ');
    const before = this.#current.get(reason) ?? '';
    if (message === before) return;
    if (message === '') {
      this.#current.delete(reason);
      this.#log.info({ reason, was: before }, 'resolved');
      this.#enqueue({ type: 'Normal', reason: `${reason}Resolved`, message: before });
    } else {
      this.#current.set(reason, message);
      this.#log.warn({ reason }, message);
      this.#enqueue({ type: 'Warning', reason, message });
    }
  }

  /** Sends what is reported, until `stop`. */
  run(stop: AbortSignal): Promise<void> {
    return this.#runner.run(stop);
  }

  #enqueue(event: OperatorEvent): void {
    if (this.#queue.length >= QUEUE_LENGTH) this.#queue.shift();
    this.#queue.push(event);
    this.#runner.trigger();
  }

  async #send(): Promise<RunResult> {
    for (;;) {
      const event = this.#queue.shift();
      if (event === undefined) return 'done';
      await this.#source.tell(event);
    }
  }
}
