// One watch as a connection: the hub writes lines at one end, a reflector reads pieces at the
// other, and in between they are late, lost, repeated or cut off, as the weather has it. Lines
// never overtake each other, as in TCP.

import { tooOldRevision } from '../../src/lab/api/status.ts';
import type { Sink } from '../../src/lab/api/watch.ts';
import type { ProcessClock } from './clock.ts';
import type { Random } from './random.ts';
import type { Weather } from './weather.ts';

export type WatchConnectionParts = {
  readonly weather: Weather;
  readonly clock: ProcessClock;
  readonly random: Random;
  /** The client's: ends the connection. */
  readonly signal: AbortSignal;
  /** The server says 410 first of all. */
  readonly isExpired: boolean;
  readonly onSkip: () => void;
  /** Possibly before the constructor returns. */
  readonly onEnd: (ended: WatchConnection) => void;
};

type Line = { readonly bytes: Buffer; readonly dueMs: number };

/** So many of the last lines come again when lines are repeated. */
const REPEATED_MAX = 3;

export class WatchConnection implements Sink {
  readonly #parts: WatchConnectionParts;
  readonly #closing = new AbortController();
  readonly #queue: Line[] = [];
  readonly #sent: Buffer[] = [];
  #lastDueMs = 0;
  #hasSkipped = false;
  #isStalled = false;
  #end: 'open' | 'ended' | 'broken' = 'open';
  #wake: (() => void) | undefined;

  constructor(parts: WatchConnectionParts) {
    this.#parts = parts;
    const { signal, isExpired } = parts;
    if (signal.aborted) this.destroy();
    else signal.addEventListener('abort', () => this.destroy(), { once: true });
    if (isExpired) this.expire();
  }

  /** For the hub: aborted when nobody reads any more. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  get hasSkipped(): boolean {
    return this.#hasSkipped;
  }

  /** Nothing comes any more, and nobody has noticed yet. */
  get isSilent(): boolean {
    return this.#isStalled;
  }

  write(bytes: Buffer): void {
    const { weather, random, onSkip } = this.#parts;
    if (this.#end !== 'open') return;
    if (random.chance(weather.skipRate)) {
      this.#hasSkipped = true;
      onSkip();
      return;
    }
    this.#push(bytes);
    this.#sent.push(bytes);
    if (this.#sent.length > REPEATED_MAX) this.#sent.shift();
    if (random.chance(weather.repeatRate)) {
      const count = random.int(1, REPEATED_MAX);
      for (const again of this.#sent.slice(-count)) this.#push(again);
    }
    if (random.chance(weather.cutRate)) {
      // In the middle of a line.
      if (random.chance(0.5)) this.#push(bytes.subarray(0, bytes.length / 2));
      this.destroy();
    }
  }

  end(): void {
    if (this.#end === 'open') this.#close('ended');
  }

  destroy(): void {
    if (this.#end === 'open') this.#close('broken');
  }

  /** 410, as after a compaction, and the end. */
  expire(): void {
    const { body } = tooOldRevision(0, 0);
    this.#push(Buffer.from(`${JSON.stringify({ type: 'ERROR', object: body })}\n`));
    this.end();
  }

  /** Nobody reads any more, and nobody is told. */
  abandon(): void {
    this.#isStalled = true;
    this.destroy();
  }

  bufferedBytes(): number {
    return 0;
  }

  /** A server that is gone cuts; after lost packets it goes on, breaks, or is dead in silence. */
  weatherChanged(): void {
    const { weather, random } = this.#parts;
    if (weather.reach === 'refused') this.destroy();
    if (weather.reach !== 'open') return;
    if (this.#queue.length > 0 || random.chance(0.3)) {
      const outcome = random.weighted([
        [5, 'goes-on'],
        [3, 'breaks'],
        [1, 'silent'],
      ] as const);
      if (outcome === 'breaks') this.destroy();
      if (outcome === 'silent') this.#isStalled = true;
    }
    this.#wake?.();
  }

  async *pieces(): AsyncGenerator<Buffer, void, undefined> {
    const { clock } = this.#parts;
    try {
      for (;;) {
        const next = this.#isStalled ? undefined : this.#queue[0];
        if (next === undefined && this.#end === 'ended') return;
        if (next === undefined && this.#end === 'broken') throw new Error('aborted');
        if (next === undefined || this.#isBlocked()) {
          await this.#change();
          continue;
        }
        const earlyMs = next.dueMs - clock.monotonicMs();
        if (earlyMs > 0) await clock.sleep(earlyMs, this.#parts.signal);
        if (this.#parts.signal.aborted) throw new Error('aborted');
        if (this.#isBlocked()) continue;
        this.#queue.shift();
        yield next.bytes;
      }
    } finally {
      this.destroy();
    }
  }

  /** Nothing comes through; what had come before the end is read all the same. */
  #isBlocked(): boolean {
    return this.#parts.weather.reach === 'lost' && this.#end === 'open';
  }

  #push(bytes: Buffer): void {
    const { clock, random, weather } = this.#parts;
    const delayMs = 1 + random.next() * (weather.latencyMs + weather.eventDelayMs) + weather.lagMs;
    this.#lastDueMs = Math.max(this.#lastDueMs, clock.monotonicMs() + delayMs);
    this.#queue.push({ bytes, dueMs: this.#lastDueMs });
    this.#wake?.();
  }

  #close(end: 'ended' | 'broken'): void {
    this.#end = end;
    this.#closing.abort();
    this.#parts.onEnd(this);
    this.#wake?.();
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}
