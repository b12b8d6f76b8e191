// What became of the probes that went one way between two pods. A probe has the number that it was
// sent as, and the moment; whether it arrived is told later, and in any order. Losses and gaps are
// counted by these alone, never by when this process came to read an answer: a pause of its own
// hides no gap and makes none. It reads no clock.

export type DirectionSummary = {
  readonly sent: number;
  readonly lost: number;
  /** From the first lost probe of a row of them to the next one that arrived; 0 without losses. */
  readonly longestGapMs: number;
  /** The first gaps, in order. */
  readonly gaps: readonly Gap[];
};

/** A row of probes of which none arrived. */
export type Gap = {
  /** When the first of them was sent, counted from the beginning of the measurement. */
  readonly fromMs: number;
  readonly lengthMs: number;
  readonly lost: number;
};

/** Of the times of an operation: begun, and when no more was sent, the end of a gap without one. */
type Span = { readonly startedAtMs: number; readonly endedAtMs: number };

/** Of a network that loses one packet in two the first ones tell as much as all of them. */
const GAPS_MAX = 20;

export class DirectionLog {
  readonly #sentAtMs: number[] = [];
  readonly #hasArrived: boolean[] = [];
  #arrivedCount = 0;

  /** The number of the probe. */
  sent(atMs: number): number {
    this.#hasArrived.push(false);
    return this.#sentAtMs.push(atMs) - 1;
  }

  /** false for a number that was never sent, or that has arrived before. */
  arrived(sequence: number): boolean {
    if (this.#hasArrived[sequence] !== false) return false;
    this.#hasArrived[sequence] = true;
    this.#arrivedCount += 1;
    return true;
  }

  get arrivedCount(): number {
    return this.#arrivedCount;
  }

  get missingCount(): number {
    return this.#sentAtMs.length - this.#arrivedCount;
  }

  summary({ startedAtMs, endedAtMs }: Span): DirectionSummary {
    const gaps: Gap[] = [];
    let longestGapMs = 0;
    let open: { readonly sinceMs: number; lost: number } | undefined;
    const close = (atMs: number): void => {
      if (open === undefined) return;
      const lengthMs = tenths(atMs - open.sinceMs);
      longestGapMs = Math.max(longestGapMs, lengthMs);
      const fromMs = tenths(open.sinceMs - startedAtMs);
      if (gaps.length < GAPS_MAX) gaps.push({ fromMs, lengthMs, lost: open.lost });
      open = undefined;
    };
    for (const [sequence, atMs] of this.#sentAtMs.entries()) {
      if (this.#hasArrived[sequence] === true) close(atMs);
      else {
        open ??= { sinceMs: atMs, lost: 0 };
        open.lost += 1;
      }
    }
    close(endedAtMs);
    return { sent: this.#sentAtMs.length, lost: this.missingCount, longestGapMs, gaps };
  }
}

const tenths = (durationMs: number): number => Math.round(durationMs * 10) / 10;
