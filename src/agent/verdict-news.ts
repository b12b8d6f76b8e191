// When a changed verdict is told to the loop. One of a path that is being tested is waited for and
// told at once; those of paths in use come by the thousand when an underlay fails, and each pass
// that they cause takes a tenth of a second in a network of that size: they are told together.

import type { PathVerdict } from '../desired/paths.ts';
import type { PathTrack } from './path-track.ts';

const TOGETHER_MS = 1_000;

export class VerdictNews {
  #isHeldBack = false;
  #toldMs = Number.NEGATIVE_INFINITY;

  /** Whether to tell now that this track, as it is, comes to another verdict. */
  isDueFor({ probe, verdict }: PathTrack, next: PathVerdict, nowMs: number): boolean {
    if (!probe.isMarked) {
      // A path in use that answers for the first time changes nothing.
      if (verdict !== 'silent' && next !== 'silent') return false;
      this.#isHeldBack = true;
      return this.isDue(nowMs);
    }
    this.#told(nowMs);
    return true;
  }

  /** Whether to tell now what was held back. */
  isDue(nowMs: number): boolean {
    if (!this.#isHeldBack || nowMs < this.#toldMs + TOGETHER_MS) return false;
    this.#told(nowMs);
    return true;
  }

  #told(nowMs: number): void {
    this.#isHeldBack = false;
    this.#toldMs = nowMs;
  }
}
