// What became of the probes that went one way between two pods. A probe has the number that it was
// sent as, and the moment; whether it arrived is told later, and in any order. Losses and gaps are
// counted by these alone, never by when this process came to read an answer: a pause of its own
// hides no gap and makes none. It reads no clock.

export type DirectionSummary = {
  readonly sent: number;
  readonly lost: number;
  /** From the first lost probe of a row of them to the next one that arrived; 0 without losses. */
  readonly longestGapMs: number;
};

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

  /** `endedAtMs`: when no more was sent, the end of a gap that never ended. */
  summary(endedAtMs: number): DirectionSummary {
    let longestGapMs = 0;
    let firstLostMs: number | undefined;
    for (const [sequence, atMs] of this.#sentAtMs.entries()) {
      if (this.#hasArrived[sequence] === true) {
        longestGapMs = Math.max(longestGapMs, atMs - (firstLostMs ?? atMs));
        firstLostMs = undefined;
      } else {
        firstLostMs ??= atMs;
      }
    }
    longestGapMs = Math.max(longestGapMs, endedAtMs - (firstLostMs ?? endedAtMs));
    longestGapMs = Math.round(longestGapMs * 10) / 10;
    return { sent: this.#sentAtMs.length, lost: this.missingCount, longestGapMs };
  }
}
