// Has a running BIRD take a configuration, and looks whether it does harm. BIRD reads it, takes it
// with a time after which it takes it back by itself, and is told that it is good once the sessions
// that were up are up again. One by which no session is up any more is taken back at once when its
// time is over: whatever else happens to this process, BIRD goes back by itself.

import type { Bird } from '../bird/bird.ts';
import type { BirdSession } from '../bird/sessions.ts';
import type { Clock } from '../lib/clock.ts';

export type TrialOutcome =
  /** `lost`: neighbours whose sessions did not come back, while others did. */
  | { readonly kind: 'confirmed'; readonly lost: readonly string[] }
  /** BIRD did not take it, in its own words. */
  | { readonly kind: 'refused'; readonly words: string }
  /** It was not given it, as no session would be left. */
  | { readonly kind: 'withheld'; readonly words: string }
  /** It did take it, and what was before is back. */
  | { readonly kind: 'taken-back'; readonly words: string };

export type Trial = {
  /** The file to take. */
  readonly candidate: string;
  /** What BIRD is given when that does harm; undefined: what it had before. */
  readonly good: string | undefined;
  /** What BIRD runs is known to be good: where it has no session, there is nothing to lose. */
  readonly isSettled: boolean;
  /** It has no session, and nobody means that: whatever is up would end. */
  readonly isLoss: boolean;
  /** Something else is wanted by now. */
  readonly isOver: () => boolean;
  readonly clock: Clock;
  readonly stop: AbortSignal;
};

/** BIRD's own time is longer than ours, or it would be first. */
const UNDO_AFTER_SECONDS = 30;
const COME_BACK_MS = 20_000;
const POLL_MS = 100;
/** A neighbour may end a session some time after it has seen what changed. */
const STEADY_MS = 500;

/** Rejects with AppError when BIRD ends or does not answer. */
export async function tryConfiguration(bird: Bird, trial: Trial): Promise<TrialOutcome> {
  const checked = await bird.check(trial.candidate);
  if (checked.kind === 'refused') return checked;
  const before = new Set(upNeighbours(await bird.sessions()));
  if (trial.isLoss && before.size > 0) {
    return { kind: 'withheld', words: `it has no session, and ${before.size} would end` };
  }
  const taken = await bird.configure(trial.candidate, UNDO_AFTER_SECONDS);
  if (taken.kind === 'refused') return taken;
  const lost = await lostBy(bird, trial, before);
  if (lost === 'all') {
    await takeBack(bird, trial.good);
    return {
      kind: 'taken-back',
      words: `no session came up by it within ${COME_BACK_MS / 1000} s`,
    };
  }
  if (await bird.confirm()) return { kind: 'confirmed', lost };
  return { kind: 'taken-back', words: 'BIRD had taken it back before it was confirmed' };
}

/** As soon as it is known. */
async function lostBy(
  bird: Bird,
  { isSettled, isOver, clock, stop }: Trial,
  before: ReadonlySet<string>,
): Promise<readonly string[] | 'all'> {
  const startMs = clock.monotonicMs();
  let steadyMs: number | undefined;
  for (;;) {
    const isTaken = (await bird.status()).state === 'running';
    const sessions = await bird.sessions();
    const nowMs = clock.monotonicMs();
    const harm = isTaken ? harmOf(sessions, before, isSettled) : 'all';
    if (harm !== 'all' && harm.length === 0) {
      steadyMs ??= nowMs;
      if (before.size === 0 || nowMs - steadyMs >= STEADY_MS) return harm;
    } else {
      steadyMs = undefined;
    }
    // Sessions that the text has ended may not be gone yet: none of its own is up then.
    const isKnown = isTaken && (harm !== 'all' || nowMs - startMs >= STEADY_MS);
    if (nowMs - startMs >= COME_BACK_MS || (isKnown && isOver())) return harm;
    await clock.sleep(POLL_MS, stop);
    stop.throwIfAborted();
  }
}

/** Neighbours whose sessions were up and should be. */
function harmOf(
  sessions: readonly BirdSession[],
  before: ReadonlySet<string>,
  isSettled: boolean,
): readonly string[] | 'all' {
  const wanted = sessions.filter(({ state }) => state !== 'down').map(({ neighbour }) => neighbour);
  const up = new Set(upNeighbours(sessions));
  if (wanted.length === 0 || (before.size === 0 && isSettled)) return [];
  if (up.size === 0) return 'all';
  return wanted.filter((neighbour) => before.has(neighbour) && !up.has(neighbour));
}

const upNeighbours = (sessions: readonly BirdSession[]): string[] =>
  sessions.filter(({ state }) => state === 'established').map(({ neighbour }) => neighbour);

async function takeBack(bird: Bird, good: string | undefined): Promise<void> {
  if (good !== undefined && (await bird.configure(good)).kind === 'taken') return;
  await bird.undo();
}

const WHAT = {
  refused: 'refuses',
  withheld: 'is not given',
  'taken-back': 'has taken back',
} as const;

export function describeFailure(outcome: Exclude<TrialOutcome, { kind: 'confirmed' }>): string {
  return `BIRD ${WHAT[outcome.kind]} its new configuration: ${outcome.words}`;
}
