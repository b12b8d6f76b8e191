// Runs one task again and again: soon after a trigger, never more often than the minimum interval
// nor, but for a short burst, for more than half of the time, at least once per maximum interval,
// and after a failure with growing pauses. Triggers that come while the task runs are one further
// run. One run is in flight at most, so the task needs no lock.

import type { Clock } from '../lib/clock.ts';

export type RunnerLimits = {
  readonly minimumIntervalMs: number;
  readonly maximumIntervalMs: number;
  readonly firstRetryMs: number;
  readonly lastRetryMs: number;
};

/** `again`: there is more to do now, or later. `retry`: it failed in part and is tried later. */
export type RunResult =
  | 'done'
  | 'again'
  | 'retry'
  /** `restMs`: not before, whatever triggers it. */
  | { readonly againAfterMs: number; readonly restMs?: number };

/** `routine`: it has been `done`, and only the maximum interval is over. */
export type RunReason = 'triggered' | 'planned' | 'routine';

type Task = (stop: AbortSignal, reason: RunReason) => Promise<RunResult>;

/**
 * So long it may work without a rest after an idle time: what somebody changes right after a
 * repair does not wait for the rest that belongs to that one.
 */
const BURST_MS = 250;
/** After that a task that takes long rests as long, but not longer than this. */
const REST_MAX_MS = 200;

export class BoundedRunner {
  readonly #task: Task;
  readonly #limits: RunnerLimits;
  readonly #clock: Clock;
  #triggered = false;
  #wake: (() => void) | undefined;
  #taskSinceMs: number | undefined;

  constructor(task: Task, limits: RunnerLimits, clock: Clock) {
    this.#task = task;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** By the clock's monotonic time: since when the task is at work; undefined between two. */
  get taskSinceMs(): number | undefined {
    return this.#taskSinceMs;
  }

  trigger(): void {
    this.#triggered = true;
    this.#wake?.();
  }

  /** Until `stop`; rejects only with what the task throws, which is a broken assumption. */
  async run(stop: AbortSignal): Promise<void> {
    // One listener for the whole run: a signal made of two for every wait costs more than the wait.
    const wake = (): void => this.#wake?.();
    stop.addEventListener('abort', wake, { once: true });
    try {
      await this.#runUntil(stop);
    } finally {
      stop.removeEventListener('abort', wake);
    }
  }

  async #runUntil(stop: AbortSignal): Promise<void> {
    let waitMs = this.#limits.maximumIntervalMs;
    let retryMs = this.#limits.firstRetryMs;
    let earliestMs = Number.NEGATIVE_INFINITY;
    let creditMs = BURST_MS;
    let endedMs = this.#clock.monotonicMs();
    let result: RunResult = 'again';
    while (!stop.aborted) {
      await this.#untilTriggered(waitMs, stop);
      const early = earliestMs - this.#clock.monotonicMs();
      if (early > 0) await this.#clock.sleep(early, stop);
      if (stop.aborted) return;
      const untriggered = result === 'done' ? 'routine' : 'planned';
      const reason = this.#triggered ? 'triggered' : untriggered;
      this.#triggered = false;
      const startedMs = this.#clock.monotonicMs();
      this.#taskSinceMs = startedMs;
      result = await this.#task(stop, reason);
      this.#taskSinceMs = undefined;
      creditMs = Math.min(creditMs + startedMs - endedMs, BURST_MS);
      endedMs = this.#clock.monotonicMs();
      creditMs = Math.max(creditMs - (endedMs - startedMs), -REST_MAX_MS);
      const restMs = Math.max(-creditMs, 0);
      const atLeastMs = typeof result === 'object' ? (result.restMs ?? 0) : 0;
      earliestMs = Math.max(
        startedMs + this.#limits.minimumIntervalMs,
        endedMs + Math.max(restMs, atLeastMs),
      );
      waitMs = this.#limits.maximumIntervalMs;
      if (result === 'retry') {
        waitMs = Math.min(retryMs, this.#limits.maximumIntervalMs);
        retryMs = Math.min(retryMs * 2, this.#limits.lastRetryMs);
      } else {
        retryMs = this.#limits.firstRetryMs;
        if (result === 'again') this.#triggered = true;
        if (typeof result === 'object') waitMs = Math.min(waitMs, result.againAfterMs);
      }
    }
  }

  async #untilTriggered(limitMs: number, stop: AbortSignal): Promise<void> {
    if (this.#triggered || stop.aborted) return;
    const woken = new AbortController();
    // With a reason of our own, or an error with its stack is made for each.
    this.#wake = () => woken.abort('woken');
    await this.#clock.sleep(limitMs, woken.signal);
    this.#wake = undefined;
  }
}
