// When a text that was taken back is tried again. A password that changes reaches each node at
// another time, and a trial succeeds only while another node has the new one too. So each pause is
// longer than the last by less than a trial takes: whatever is between two nodes that try, one of
// their trials meets one of the other's. Then seldom, and by chance. Pure.

import type { TrialOutcome } from './bird-trial.ts';

const FIRST_PAUSE_MS = 15_000;
/** Two trials of 20 s meet by at least 7 s then: BIRD needs some seconds for a session. */
const LONGER_MS = 25_000;
const LAST_PAUSE_MS = 300_000;
/** The last pauses vary by so much, or two nodes could miss each other for ever. */
const SPREAD_MS = 150_000;
/** Sessions of the good text that was put back need some time, and then they are to be lost. */
const COME_BACK_MS = 60_000;

export type FailedTrial = {
  readonly hash: string;
  readonly kind: TrialOutcome['kind'];
  readonly words: string;
  readonly atMs: number;
  /** The pause after it. */
  readonly pauseMs: number;
  /** In a row, with the same text. */
  readonly count: number;
};

export function failedTrial(
  { hash, kind, words, atMs }: Omit<FailedTrial, 'pauseMs' | 'count'>,
  before: FailedTrial | undefined,
  random: () => number,
): FailedTrial {
  const count = before?.hash === hash ? before.count + 1 : 1;
  const growingMs = FIRST_PAUSE_MS + (count - 1) * LONGER_MS;
  const pauseMs =
    growingMs < LAST_PAUSE_MS ? growingMs : LAST_PAUSE_MS - Math.floor(random() * SPREAD_MS);
  return { hash, kind, words, atMs, pauseMs, count };
}

/** `upMs`: when a session was last up by what BIRD has. */
export function isDueAgain(failed: FailedTrial, nowMs: number, upMs: number): boolean {
  if (failed.kind === 'refused') return false;
  return nowMs - failed.atMs >= failed.pauseMs || hasNothingToLose(failed, nowMs, upMs);
}

/** The good text has had its time since, and no session has been up by it for as long. */
export const hasNothingToLose = ({ atMs }: FailedTrial, nowMs: number, upMs: number): boolean =>
  nowMs - Math.max(atMs, upMs) >= COME_BACK_MS;
