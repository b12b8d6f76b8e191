// Sends the probes that `desired` asks for and keeps what they said. A path that is about to be
// used is probed at once, small and of full size, and again with growing pauses; one that is in
// use is probed at a low rate, so that a path which dies is noticed. Where a path in use takes
// small packets only, the largest that it takes is searched for. It decides nothing: the next pass
// computes by verdicts and findings, and is asked for only when one of them has changed.

import type { PathVerdict, Verdicts } from '../desired/paths.ts';
import type { PathProbe } from '../desired/probes.ts';
import type { Echo } from '../kernel/echo.ts';
import type { Clock } from '../lib/clock.ts';
import type { Ip } from '../net/ip.ts';
import type { MtuSearch } from './mtu-search.ts';
import { cameBack, foundBy, missed, nextBytes, searchAbove, searchBelow } from './mtu-search.ts';
import type { PathTrack as Track, Tracks } from './path-track.ts';
import {
  beginAnew,
  FIRST_RETRY_MS,
  FIRST_SEARCH_PAUSE_MS,
  firstLookMs,
  isSameProbe,
  NONE,
  newTrack,
  noteAnswer,
  noteMiss,
  patienceMs,
  release,
  retryLater,
  riseEveryMs,
  testedToo,
  verdictsOf,
  WATCH_EVERY_MS,
  watchEveryMs,
} from './path-track.ts';
import { SentProbes } from './sent-probes.ts';
import { UnderlayMtus } from './underlay-mtus.ts';
import type { ProbeTurns } from './undone.ts';
import { VerdictNews } from './verdict-news.ts';

/** Of an IPv4 packet of ping's usual size; IPv6's header is 20 bytes longer. */
const SMALL_BYTES = 84;
/** After a probe without an answer it is asked again soon, so that a loss is no verdict. */
const DOUBT_EVERY_MS = 500;
const MISSES_OF_SILENCE = 3;
/** Only small packets came back so often, in a row: then the largest ones that do are searched. */
const SIZE_MISSES_OF_SEARCH = 2;
const LAST_SEARCH_PAUSE_MS = 600_000;
/** Probes that are due at one time go out in portions. */
const PORTION = 64;
const PORTION_PAUSE_MS = 5;
/** A path that fell silent must answer so often before it counts again. */
const ANSWERS_OF_RECOVERY = 4;
/** Paths in use are looked at together. */
const WATCH_PAUSE_MS = 100;

export type PathProberParts = {
  readonly echo: Echo;
  readonly clock: Clock;
  readonly random: () => number;
};

export class PathProber {
  readonly #parts: PathProberParts;
  /** By path and whether it is in use: a path that was tested is watched from then on. */
  readonly #tracks = new Map<string, Track>();
  readonly #sent: SentProbes;
  readonly #mtus = new UnderlayMtus();
  readonly #news = new VerdictNews();
  #wake: (() => void) | undefined;
  #changed: () => void = () => undefined;

  constructor(parts: PathProberParts) {
    this.#parts = parts;
    this.#sent = new SentProbes(parts.echo);
    parts.echo.listen((from, sequence) => this.#answered(from, sequence));
  }

  /** By the key of a path. Those that are not in it are untried. */
  get verdicts(): Verdicts {
    return verdictsOf(this.#tracks);
  }

  /** MTUs of the underlay that are smaller than believed, by underlayKey. */
  get underlayMtus(): ReadonlyMap<string, number> {
    return this.#mtus.all;
  }

  /** What is known of each path, for `status` and metrics. */
  get tracks(): Tracks {
    return this.#tracks;
  }

  /** All that are wanted now; others are forgotten, and untried when they come back. */
  follow(probes: readonly PathProbe[]): void {
    const wanted = new Set<string>();
    const nowMs = this.#parts.clock.monotonicMs();
    let isSooner = false;
    this.#mtus.follow(probes);
    for (const probe of probes) {
      wanted.add(probe.key);
      const track = this.#tracks.get(probe.key);
      const isReleased = track !== undefined && release(track);
      if (track === undefined) {
        if (probe.foundBytes !== undefined) this.#mtus.remember(probe, probe.foundBytes);
        const firstMs = firstLookMs(probe, probes.length, this.#parts.random);
        this.#tracks.set(probe.key, newTrack(probe, nowMs + firstMs));
        isSooner = true;
      } else if (!isSameProbe(track.probe, probe)) {
        const wasTested = track.probe.isMarked;
        track.probe = probe;
        track.search = undefined;
        if (wasTested && !probe.isMarked) track.dueMs = nowMs + watchEveryMs(probes.length);
        else if (probe.isMarked) this.#restart(track, nowMs);
        isSooner = true;
      } else if (isReleased || track.probe.isWaiting !== probe.isWaiting) {
        track.probe = probe;
        isSooner = true;
      }
    }
    for (const [key, track] of this.#tracks) {
      if (wanted.has(key)) continue;
      this.#sent.stopWaiting(track);
      this.#tracks.delete(key);
    }
    if (isSooner) this.#wake?.();
  }

  /** Where these marked packets go is about to change, until `follow` says what is tested. */
  hold({ families, destinations }: ProbeTurns): void {
    for (const track of this.#tracks.values()) {
      const { isMarked, family, destination } = track.probe;
      if (!isMarked || !(families.has(family) || destinations.has(destination))) continue;
      if (track.answerDueMs !== undefined) track.dueMs = 0;
      this.#sent.stopWaiting(track);
      track.isHeld = true;
    }
  }

  /** Until `stop`; calls `changed` when verdicts have changed that a pass has to know. */
  async run(changed: () => void, stop: AbortSignal): Promise<void> {
    this.#changed = changed;
    const { clock, echo } = this.#parts;
    const wake = (): void => this.#wake?.();
    stop.addEventListener('abort', wake, { once: true });
    try {
      while (!stop.aborted) {
        const waitMs = this.#work();
        if (stop.aborted) return;
        const woken = new AbortController();
        this.#wake = () => woken.abort('woken');
        await clock.sleep(waitMs, woken.signal);
        this.#wake = undefined;
      }
    } finally {
      stop.removeEventListener('abort', wake);
      echo.close();
    }
  }

  #restart(track: Track, nowMs: number): void {
    this.#sent.stopWaiting(track);
    beginAnew(track, nowMs);
  }

  /** Sends what is due and gives up what is late; returns until when there is nothing to do. */
  #work(): number {
    const nowMs = this.#parts.clock.monotonicMs();
    let nextMs = nowMs + WATCH_EVERY_MS;
    let sent = 0;
    let isUrgent = false;
    for (const track of this.#tracks.values()) {
      if (track.isHeld) continue;
      if (track.answerDueMs !== undefined && track.answerDueMs <= nowMs) this.#missed(track, nowMs);
      const isDue = track.answerDueMs === undefined && track.dueMs <= nowMs;
      if (isDue && track.probe.isWaiting) {
        this.#askForTurn(track);
        continue;
      }
      if (isDue && sent < PORTION) {
        this.#send(track, nowMs);
        sent += 1;
      }
      nextMs = Math.min(nextMs, track.answerDueMs ?? track.dueMs);
      isUrgent ||= track.probe.isMarked || track.search !== undefined;
    }
    if (this.#news.isDue(nowMs)) this.#changed();
    return Math.max(isUrgent ? PORTION_PAUSE_MS : WATCH_PAUSE_MS, nextMs - nowMs);
  }

  /** The next pass tests it, if nothing else that is due comes first. */
  #askForTurn(track: Track): void {
    if (track.isTurn || track.verdict === 'untried') return;
    track.isTurn = true;
    this.#changed();
  }

  #send(track: Track, nowMs: number): void {
    const { isMarked, fullBytes } = track.probe;
    track.problem = '';
    const foundBytes = this.#mtus.foundFor(track.probe);
    const mayRise = !isMarked && track.misses === 0 && nowMs >= track.riseDueMs;
    if (mayRise && foundBytes !== undefined) track.search ??= searchAbove(foundBytes, fullBytes);
    const { search } = track;
    track.quality.sentMs = this.#parts.clock.monotonicMs();
    track.withSmall = isMarked || search !== undefined || track.misses > 0;
    track.sentBytes = (search && nextBytes(search)) ?? foundBytes ?? fullBytes;
    if (track.withSmall) track.small = this.#sent.send(track, SMALL_BYTES);
    track.full = this.#sent.send(track, track.sentBytes);
    track.answerDueMs = nowMs + patienceMs(track);
  }

  #answered(from: Ip, sequence: number): void {
    const track = this.#sent.answered(from, sequence);
    if (track === undefined) return;
    const nowMs = this.#parts.clock.monotonicMs();
    this.#sent.stopWaiting(track);
    noteAnswer(track, nowMs);
    track.misses = 0;
    track.sizeMisses = 0;
    if (track.search !== undefined) {
      this.#searchOn(track, cameBack(track.search), nowMs);
      return;
    }
    track.retryMs = FIRST_RETRY_MS;
    track.problem = '';
    track.answers += 1;
    const isRecovering = track.hasDied && track.answers < ANSWERS_OF_RECOVERY;
    track.dueMs = nowMs + (isRecovering ? DOUBT_EVERY_MS : watchEveryMs(this.#tracks.size));
    if (isRecovering) {
      this.#wake?.();
      return;
    }
    track.hasDied = false;
    track.hasAnswered = true;
    this.#judge(track, 'answers');
  }

  #missed(track: Track, nowMs: number): void {
    const { isMarked, family } = track.probe;
    const isTooLarge = track.withSmall && track.small === NONE;
    noteMiss(track, isTooLarge);
    this.#sent.stopWaiting(track);
    if (track.search !== undefined && isTooLarge) {
      this.#searchOn(track, missed(track.search), nowMs);
      return;
    }
    track.misses += 1;
    track.sizeMisses = isTooLarge ? track.sizeMisses + 1 : 0;
    track.answers = 0;
    if (isMarked) {
      if (retryLater(track, nowMs)) this.#changed();
    } else {
      const isDoubt = track.misses < MISSES_OF_SILENCE || track.sizeMisses === 1;
      track.dueMs = nowMs + (isDoubt ? DOUBT_EVERY_MS : watchEveryMs(this.#tracks.size));
      if (isDoubt) return;
    }
    if (track.misses < MISSES_OF_SILENCE) return;
    track.search = undefined;
    const maySearch = !isMarked && isTooLarge && nowMs >= track.searchNotBeforeMs;
    const search = maySearch ? searchBelow(track.sentBytes, family) : undefined;
    if (track.sizeMisses >= SIZE_MISSES_OF_SEARCH && search !== undefined) {
      this.#searchOn(track, search, nowMs);
      return;
    }
    this.#judge(track, 'silent');
  }

  #searchOn(track: Track, search: MtuSearch, nowMs: number): void {
    track.search = nextBytes(search) === undefined ? undefined : search;
    track.misses = 0;
    track.dueMs = nowMs;
    if (track.search === undefined) this.#searched(track, search, nowMs);
    this.#wake?.();
  }

  /** The next probe is of the size that was found, and tells whether the path works by it. */
  #searched(track: Track, search: MtuSearch, nowMs: number): void {
    const foundBytes = foundBy(search, track.probe.family);
    if (foundBytes === undefined) {
      track.searchNotBeforeMs = nowMs + track.searchPauseMs;
      track.searchPauseMs = Math.min(track.searchPauseMs * 2, LAST_SEARCH_PAUSE_MS);
      track.dueMs = nowMs + watchEveryMs(this.#tracks.size);
      this.#judge(track, 'silent');
      return;
    }
    track.searchPauseMs = FIRST_SEARCH_PAUSE_MS;
    track.riseDueMs = nowMs + riseEveryMs(this.#tracks.size);
    if (!this.#mtus.learn(track.probe, foundBytes)) return;
    for (const other of testedToo(this.#tracks.values(), track)) this.#restart(other, nowMs);
    this.#changed();
  }

  #judge(track: Track, verdict: PathVerdict): void {
    if (track.verdict === verdict && !track.isTurn) return;
    track.isTurn = false;
    const isDue = this.#news.isDueFor(track, verdict, this.#parts.clock.monotonicMs());
    track.hasDied ||= track.verdict === 'answers';
    track.verdict = verdict;
    if (isDue) this.#changed();
  }
}
