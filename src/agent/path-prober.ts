// Sends the probes that `desired` asks for and keeps what they said. A path that is about to be
// used is probed at once, small and of full size, and again with growing pauses; one that is in
// use is probed at a low rate, so that a path which dies is noticed. It decides nothing: the next
// pass computes by the verdicts, and is asked for only when one of them has changed.

import type { PathVerdict } from '../desired/paths.ts';
import type { PathProbe } from '../desired/probes.ts';
import type { Echo } from '../kernel/echo.ts';
import type { Clock } from '../lib/clock.ts';
import type { Ip } from '../net/ip.ts';

/** Of an IPv4 packet of ping's usual size; IPv6's header is 20 bytes longer. */
const SMALL_BYTES = 84;
/** A waiting path is tried this soon again, then after twice the time, and so on. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 30_000;
/** A path in use is asked this often, with thousands of peers less often. */
const WATCH_EVERY_MS = 3_000;
const WATCH_SPACING_MS = 10;
/** After a probe without an answer it is asked again soon, so that a loss is no verdict. */
const DOUBT_EVERY_MS = 500;
const MISSES_OF_SILENCE = 3;
const FIRST_ANSWER_WITHIN_MS = 200;
const ANSWER_WITHIN_MS = 1_000;
/** Probes that are due at one time go out in portions. */
const PORTION = 64;
const PORTION_PAUSE_MS = 5;
/** A path that fell silent must answer so often before it counts again. */
const ANSWERS_OF_RECOVERY = 4;
/** Paths in use are looked at together. */
const WATCH_PAUSE_MS = 100;
const COMPLAINTS_MAX = 10;
const SEQUENCES = 0x10000;
const NONE = -1;

type Track = {
  probe: PathProbe;
  verdict: PathVerdict;
  dueMs: number;
  retryMs: number;
  misses: number;
  /** When the answers must be there; undefined while none is awaited. */
  answerDueMs: number | undefined;
  /** Of the last small and full probe, while their answers are awaited; else NONE. */
  small: number;
  full: number;
  /** In a row. */
  answers: number;
  /** It answered once and then no more: one answer is not enough to trust it again. */
  hasDied: boolean;
  /** Why the last probe could not even be sent, or what did not come back. */
  problem: string;
};

export type PathProberParts = {
  readonly echo: Echo;
  readonly clock: Clock;
  readonly random: () => number;
};

export class PathProber {
  readonly #parts: PathProberParts;
  /** By path and whether it is in use: a path that was tested is watched from then on. */
  readonly #tracks = new Map<string, Track>();
  readonly #bySequence = new Map<number, Track>();
  readonly #verdicts = new Map<string, PathVerdict>();
  #lastSequence = 0;
  #wake: (() => void) | undefined;
  #changed: () => void = () => undefined;

  constructor(parts: PathProberParts) {
    this.#parts = parts;
    parts.echo.listen((from, sequence) => this.#answered(from, sequence));
  }

  /** By the key of a path. Those that are not in it are untried. */
  get verdicts(): ReadonlyMap<string, PathVerdict> {
    return this.#verdicts;
  }

  /** Paths that do not answer, in words; of many the first ones. */
  complaints(): readonly string[] {
    const silent = [...this.#tracks.values()].filter(({ verdict }) => verdict === 'silent');
    const words = silent.slice(0, COMPLAINTS_MAX).map(({ probe, problem }) => {
      const { peer, family, path, isMarked } = probe;
      const outcome = isMarked ? `: ${path} is prepared, and the path in use stays` : '';
      return `${peer} (${family}): ${problem || 'no answer'} over ${path}${outcome}`;
    });
    const rest = silent.length - words.length;
    return rest > 0 ? [...words, `and ${rest} more`] : words;
  }

  /** All that are wanted now; others are forgotten, and untried when they come back. */
  follow(probes: readonly PathProbe[]): void {
    const wanted = new Set<string>();
    const nowMs = this.#parts.clock.monotonicMs();
    let isSooner = false;
    for (const probe of probes) {
      wanted.add(probe.key);
      const track = this.#tracks.get(probe.key);
      if (track === undefined) {
        this.#tracks.set(probe.key, this.#newTrack(probe, nowMs, probes.length));
        isSooner = true;
      } else if (!isSameProbe(track.probe, probe)) {
        const wasTested = track.probe.isMarked;
        track.probe = probe;
        if (wasTested && !probe.isMarked) track.dueMs = nowMs + this.#watchEveryMs(probes.length);
        else if (probe.isMarked) this.#restart(track, nowMs);
        isSooner = true;
      }
    }
    for (const [key, track] of this.#tracks) if (!wanted.has(key)) this.#forget(key, track);
    if (isSooner) this.#wake?.();
  }

  /** Until `stop`; calls `changed` whenever a verdict has changed. */
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

  #newTrack(probe: PathProbe, nowMs: number, count: number): Track {
    const { random } = this.#parts;
    // Paths that are in use at the start are first looked at within a second, not all at once.
    const firstMs = probe.isMarked ? 0 : random() * Math.max(1_000, count * WATCH_SPACING_MS);
    return {
      probe,
      verdict: 'untried',
      dueMs: nowMs + firstMs,
      retryMs: FIRST_RETRY_MS,
      misses: 0,
      answerDueMs: undefined,
      small: NONE,
      full: NONE,
      answers: 0,
      hasDied: false,
      problem: '',
    };
  }

  #restart(track: Track, nowMs: number): void {
    this.#stopWaiting(track);
    track.dueMs = nowMs;
    track.retryMs = FIRST_RETRY_MS;
    track.misses = 0;
    track.answers = 0;
  }

  /** Sends what is due and gives up what is late; returns until when there is nothing to do. */
  #work(): number {
    const nowMs = this.#parts.clock.monotonicMs();
    let nextMs = nowMs + WATCH_EVERY_MS;
    let sent = 0;
    let isUrgent = false;
    for (const track of this.#tracks.values()) {
      if (track.answerDueMs !== undefined && track.answerDueMs <= nowMs) this.#missed(track, nowMs);
      if (track.answerDueMs === undefined && track.dueMs <= nowMs && sent < PORTION) {
        this.#send(track, nowMs);
        sent += 1;
      }
      nextMs = Math.min(nextMs, track.answerDueMs ?? track.dueMs);
      isUrgent ||= track.probe.isMarked;
    }
    return Math.max(isUrgent ? PORTION_PAUSE_MS : WATCH_PAUSE_MS, nextMs - nowMs);
  }

  #send(track: Track, nowMs: number): void {
    const { isMarked, fullBytes } = track.probe;
    track.problem = '';
    if (isMarked) track.small = this.#sendOne(track, SMALL_BYTES);
    track.full = this.#sendOne(track, fullBytes);
    const patienceMs = Math.max(track.retryMs, FIRST_ANSWER_WITHIN_MS);
    track.answerDueMs =
      nowMs + (isMarked ? Math.min(ANSWER_WITHIN_MS, patienceMs) : ANSWER_WITHIN_MS);
  }

  #sendOne(track: Track, packetBytes: number): number {
    const { destination, isMarked } = track.probe;
    const sequence = this.#nextSequence();
    const failure = this.#parts.echo.send({ destination, sequence, packetBytes, isMarked });
    if (failure === undefined) this.#bySequence.set(sequence, track);
    else track.problem = `a probe of ${packetBytes} bytes cannot be sent: ${failure}`;
    return sequence;
  }

  #nextSequence(): number {
    this.#lastSequence = (this.#lastSequence + 1) % SEQUENCES;
    return this.#lastSequence;
  }

  #answered(from: Ip, sequence: number): void {
    const track = this.#bySequence.get(sequence);
    if (track === undefined || track.probe.destination !== from) return;
    this.#bySequence.delete(sequence);
    if (sequence === track.small) track.small = NONE;
    else track.full = NONE;
    if (track.small !== NONE || track.full !== NONE) return;
    const nowMs = this.#parts.clock.monotonicMs();
    this.#stopWaiting(track);
    track.misses = 0;
    track.retryMs = FIRST_RETRY_MS;
    track.problem = '';
    track.answers += 1;
    const isRecovering = track.hasDied && track.answers < ANSWERS_OF_RECOVERY;
    track.dueMs = nowMs + (isRecovering ? DOUBT_EVERY_MS : this.#watchEveryMs(this.#tracks.size));
    if (isRecovering) {
      this.#wake?.();
      return;
    }
    track.hasDied = false;
    this.#judge(track, 'answers');
  }

  #missed(track: Track, nowMs: number): void {
    const { isMarked, fullBytes } = track.probe;
    const cameBack = isMarked && track.small === NONE;
    if (track.problem === '') {
      track.problem = cameBack
        ? `small packets come back, but not those of ${fullBytes} bytes`
        : 'no answer';
    }
    this.#stopWaiting(track);
    track.misses += 1;
    track.answers = 0;
    if (isMarked) {
      track.dueMs = nowMs + track.retryMs;
      track.retryMs = Math.min(track.retryMs * 2, LAST_RETRY_MS);
    } else {
      const isDoubt = track.misses < MISSES_OF_SILENCE;
      track.dueMs = nowMs + (isDoubt ? DOUBT_EVERY_MS : this.#watchEveryMs(this.#tracks.size));
    }
    if (track.misses < MISSES_OF_SILENCE) return;
    track.hasDied ||= track.verdict === 'answers';
    this.#judge(track, 'silent');
  }

  #judge(track: Track, verdict: PathVerdict): void {
    if (track.verdict === verdict) return;
    track.verdict = verdict;
    this.#verdicts.set(track.probe.key, verdict);
    this.#changed();
  }

  #stopWaiting(track: Track): void {
    this.#bySequence.delete(track.small);
    this.#bySequence.delete(track.full);
    track.small = NONE;
    track.full = NONE;
    track.answerDueMs = undefined;
  }

  #forget(key: string, track: Track): void {
    this.#stopWaiting(track);
    this.#tracks.delete(key);
    this.#verdicts.delete(key);
  }

  #watchEveryMs(count: number): number {
    return Math.max(WATCH_EVERY_MS, count * WATCH_SPACING_MS);
  }
}

const isSameProbe = (a: PathProbe, b: PathProbe): boolean =>
  a.isMarked === b.isMarked && a.destination === b.destination && a.fullBytes === b.fullBytes;
