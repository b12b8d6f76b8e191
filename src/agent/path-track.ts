// What the prober keeps of one path: when it is due, what it waits for and what it has heard so
// far. Only src/agent/path-prober.ts changes it.

import { underlayKeyOf } from '../desired/path-mtu.ts';
import type { PathVerdict, Verdicts } from '../desired/paths.ts';
import type { PathProbe } from '../desired/probes.ts';
import type { MtuSearch } from './mtu-search.ts';
import type { PathQuality } from './path-quality.ts';
import { newQuality, probeCameBack, probeWasLost } from './path-quality.ts';

/** In the end it is tried so often. */
const LAST_RETRY_MS = 30_000;
/** A waiting path is tried this soon again, then after twice the time, and so on. */
export const FIRST_RETRY_MS = 50;
/** After a search that found nothing the next one waits so long, and then twice as long. */
export const FIRST_SEARCH_PAUSE_MS = 30_000;
/** A path in use is asked this often, with thousands of peers less often. */
export const WATCH_EVERY_MS = 3_000;
const WATCH_SPACING_MS = 10;
/** A path that takes less than believed is asked so often whether it takes more. */
const RISE_EVERY_MS = 15_000;
const RISE_SPACING_MS = 100;
export const NONE = -1;
const FIRST_ANSWER_WITHIN_MS = 200;
const ANSWER_WITHIN_MS = 1_000;

export type PathTrack = {
  probe: PathProbe;
  verdict: PathVerdict;
  /** It waits for its turn and is due: it counts as untried until it was tried again. */
  isTurn: boolean;
  /** Its route is being changed: nothing is sent, and no answer counts. */
  isHeld: boolean;
  dueMs: number;
  retryMs: number;
  misses: number;
  /** Of these the last ones in a row, in which small packets came back. */
  sizeMisses: number;
  /** When the answers must be there; undefined while none is awaited. */
  answerDueMs: number | undefined;
  /** Of the last small and full probe, while their answers are awaited; else NONE. */
  small: number;
  full: number;
  /** Of the last probes. */
  withSmall: boolean;
  sentBytes: number;
  /** In a row. */
  answers: number;
  /** Once at least, small and of full size. */
  hasAnswered: boolean;
  /** It answered once and then no more: one answer is not enough to trust it again. */
  hasDied: boolean;
  /** Why the last probe could not even be sent, or what did not come back. */
  problem: string;
  search: MtuSearch | undefined;
  searchPauseMs: number;
  searchNotBeforeMs: number;
  /** When a path that takes less than believed is asked whether it takes more. */
  riseDueMs: number;
  quality: PathQuality;
  /** When something last came back, of any size; undefined before. */
  heardMs: number | undefined;
  /** When the last probe was sent of which nothing came back. */
  missedMs: number | undefined;
};

/** By PathProbe.key; only the prober changes them. */
export type Tracks = ReadonlyMap<string, Readonly<PathTrack>>;

export const newTrack = (probe: PathProbe, dueMs: number): PathTrack => ({
  probe,
  verdict: 'untried',
  isTurn: false,
  isHeld: false,
  dueMs,
  retryMs: FIRST_RETRY_MS,
  misses: 0,
  sizeMisses: 0,
  answerDueMs: undefined,
  small: NONE,
  full: NONE,
  withSmall: false,
  sentBytes: 0,
  answers: 0,
  hasAnswered: false,
  hasDied: false,
  problem: '',
  search: undefined,
  searchPauseMs: FIRST_SEARCH_PAUSE_MS,
  searchNotBeforeMs: 0,
  riseDueMs: 0,
  quality: newQuality(),
  heardMs: undefined,
  missedMs: undefined,
});

export function beginAnew(track: PathTrack, nowMs: number): void {
  track.dueMs = nowMs;
  track.retryMs = FIRST_RETRY_MS;
  track.misses = 0;
  track.answers = 0;
}

export const watchEveryMs = (count: number): number =>
  Math.max(WATCH_EVERY_MS, count * WATCH_SPACING_MS);

/** Paths that are in use at the start are first looked at within a second, not all at once. */
export const firstLookMs = (probe: PathProbe, count: number, random: () => number): number =>
  probe.isMarked ? 0 : random() * Math.max(1_000, count * WATCH_SPACING_MS);

export const riseEveryMs = (count: number): number =>
  Math.max(RISE_EVERY_MS, count * RISE_SPACING_MS);

/** What came back, of a path in use, says how good it is; a search loses probes on purpose. */
export function noteAnswer(track: PathTrack, nowMs: number): void {
  const { probe, search, quality } = track;
  track.heardMs = nowMs;
  if (!probe.isMarked && search === undefined) probeCameBack(quality, nowMs);
}

/** `isTooLarge`: only the small one of the probes has come back. */
export function noteMiss(track: PathTrack, isTooLarge: boolean): void {
  const { probe, search, quality, sentBytes } = track;
  if (isTooLarge) track.heardMs = quality.sentMs;
  else track.missedMs = quality.sentMs;
  if (!probe.isMarked && search === undefined) probeWasLost(quality);
  if (track.problem !== '') return;
  track.problem = isTooLarge
    ? `small packets come back, but not those of ${sentBytes} bytes`
    : 'no answer';
}

/** How long the answers are waited for. */
export function patienceMs({ probe, search, retryMs }: PathTrack): number {
  if (search !== undefined) return FIRST_ANSWER_WITHIN_MS << search.misses;
  if (!probe.isMarked) return ANSWER_WITHIN_MS;
  return Math.min(ANSWER_WITHIN_MS, Math.max(retryMs, FIRST_ANSWER_WITHIN_MS));
}

/** Of all that were tried. */
export function verdictsOf(tracks: ReadonlyMap<string, PathTrack>): Verdicts {
  const get = (key: string): PathVerdict | undefined => {
    const track = tracks.get(key);
    return track?.verdict === 'untried' || track?.isTurn === true ? undefined : track?.verdict;
  };
  const isHopeless = (key: string): boolean => {
    const track = tracks.get(key);
    return track !== undefined && isGivenUp(track);
  };
  return { get, has: (key) => get(key) !== undefined, isHopeless };
}

/** Never has anything come back, and little more is tried. */
const isGivenUp = ({ verdict, hasAnswered, probe, retryMs }: PathTrack): boolean =>
  verdict === 'silent' && !hasAnswered && (!probe.isMarked || retryMs >= LAST_RETRY_MS);

/** Tested paths over the same underlay, for which the same finding holds. */
export function testedToo(tracks: Iterable<PathTrack>, { probe }: PathTrack): PathTrack[] {
  const underlay = underlayKeyOf(probe.key);
  return [...tracks].filter(
    (other) => other.probe.isMarked && underlayKeyOf(other.probe.key) === underlay,
  );
}

/** Its route is as it is to be; says whether it was not. */
export function release(track: PathTrack): boolean {
  const { isHeld } = track;
  track.isHeld = false;
  return isHeld;
}

export const isSameProbe = (a: PathProbe, b: PathProbe): boolean =>
  a.isMarked === b.isMarked && a.destination === b.destination && a.fullBytes === b.fullBytes;

/** Says whether it has been given up with that. */
export function retryLater(track: PathTrack, nowMs: number): boolean {
  const wasGivenUp = isGivenUp(track);
  track.dueMs = nowMs + track.retryMs;
  track.retryMs = Math.min(track.retryMs * 2, LAST_RETRY_MS);
  return isGivenUp(track) && !wasGivenUp;
}
