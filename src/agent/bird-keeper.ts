// Keeps one BIRD as it should be: it has the configuration that is wanted, and what it says of
// itself and its sessions is known. BIRD is another process, which somebody else starts: it may be
// absent, die, hang, and come back with another configuration at any time. None of that is an error
// here, but what `view` says. Only the directory and the control socket are shared with it.

import type { Bird } from '../bird/bird.ts';
import type { BirdSession } from '../bird/sessions.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { BirdChances } from './bird-chances.ts';
import type { BirdFiles } from './bird-files.ts';
import type { BirdText } from './bird-text.ts';
import {
  birdText,
  CONFIG_CONSTANT,
  hashIn,
  hasSessions,
  keyIn,
  withoutPasswords,
} from './bird-text.ts';
import type { TrialOutcome } from './bird-trial.ts';
import { describeFailure, tryConfiguration } from './bird-trial.ts';
import type { FailedTrial } from './trial-retries.ts';
import { failedTrial, hasNothingToLose, isDueAgain } from './trial-retries.ts';
import { WakeUp } from './wake-up.ts';

export type BirdRunning = {
  readonly version: string;
  readonly upSeconds: number;
  /** Names the configuration that it has for good; undefined while it has none of ours. */
  readonly config: string | undefined;
  /** It restarted, and waits for what its neighbours say before it changes the kernel. */
  readonly isRecovering: boolean;
  /** In all of its tables. */
  readonly routes: number;
};

export type BirdView = {
  /** Names the configuration that is wanted; undefined: this node has no use for a BIRD. */
  readonly wanted: string | undefined;
  /** undefined: none answers. */
  readonly running: BirdRunning | undefined;
  /** None answers, and it has had the time to start. */
  readonly isMissing: boolean;
  /** Why none answers; '' while one does. */
  readonly absence: string;
  readonly sessions: readonly BirdSession[];
  /** Neighbours whose sessions may still come up; see BirdChances. */
  readonly waiting: readonly string[];
  /** Why BIRD does not run by what is wanted; it goes on by what it has. */
  readonly problems: readonly string[];
};

export type BirdKeeperParts = {
  /** Rejects with AppError when no BIRD answers. */
  readonly open: (stop: AbortSignal) => Promise<Bird>;
  readonly files: BirdFiles;
  /** The text of bird.conf; undefined: this node has no use for a BIRD, and one is left alone. */
  readonly wanted: () => string | undefined;
  /** Whether that text may leave no session where some are up. */
  readonly mayEndAll: () => boolean;
  /** Hex digits that nobody can guess. */
  readonly newKey: () => string;
  readonly tried?: (outcome: TrialOutcome['kind']) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
};

/** How often BIRD is asked how it is; its end needs no asking. */
const LOOK_MS = 1_000;
/** An answer of hundreds of sessions costs both some milliseconds. */
const LOOK_MS_PER_SESSION = 10;
const RECONNECT_MS = 200;
/** A sidecar that is started together with the agent is no news. */
const START_MS = 5_000;

export class BirdKeeper {
  readonly #parts: BirdKeeperParts;
  readonly #wakeUp: WakeUp;
  readonly #key: string;
  readonly #chances = new BirdChances();
  #changed: () => void = () => undefined;
  #wanted: BirdText | undefined;
  #running: BirdRunning | undefined;
  #sessions: readonly BirdSession[] = [];
  /** When a session was last seen up. */
  #upMs = Number.NEGATIVE_INFINITY;
  /** Since when nothing is expected of it but to start; undefined once it was there. */
  #startMs: number | undefined;
  #absence = 'it has not been asked yet';
  #fileProblem: string | undefined;
  #failed: FailedTrial | undefined;
  #told = '';

  constructor(parts: BirdKeeperParts) {
    this.#parts = parts;
    // Of the agent before, so that it names a text as that one did.
    this.#key = keyIn(parts.files.readGood() ?? '') ?? parts.newKey();
    this.#wakeUp = new WakeUp(parts.clock);
  }

  get view(): BirdView {
    const failed = this.#failed?.hash === this.#wanted?.hash ? this.#failed : undefined;
    return {
      wanted: this.#wanted?.hash,
      running: this.#running,
      isMissing: this.#isMissing(),
      absence: this.#absence,
      sessions: this.#sessions,
      waiting: this.#chances.waiting,
      problems: [this.#fileProblem, failed?.words].filter((words) => words !== undefined),
    };
  }

  #isMissing(): boolean {
    if (this.#wanted === undefined || this.#running !== undefined) return false;
    const { clock } = this.#parts;
    return this.#startMs === undefined || clock.monotonicMs() - this.#startMs >= START_MS;
  }

  /** Another text may be wanted by now. */
  hint(): void {
    this.#wakeUp.hint();
  }

  /** Until `stop`; never rejects. `changed` is told of what matters to others. */
  async run(changed: () => void, stop: AbortSignal): Promise<void> {
    this.#changed = changed;
    while (!stop.aborted) {
      this.#look();
      if (this.#wanted === undefined) await this.#wakeUp.rest(LOOK_MS, stop);
      else await this.#follow(this.#wanted, stop);
    }
  }

  /** One BIRD from its start, or ours, to its end; a while when there is none. */
  async #follow(wanted: BirdText, stop: AbortSignal): Promise<void> {
    this.#prepareStart(wanted);
    const attending = new AbortController();
    const end = (): void => attending.abort('stopped');
    stop.addEventListener('abort', end, { once: true });
    let bird: Bird | undefined;
    let why = 'nobody wants it';
    try {
      bird = await this.#parts.open(attending.signal);
      const ended = bird.ended.then((reason) => {
        why = reason;
        attending.abort('BIRD has ended');
      });
      while (!attending.signal.aborted && this.#wanted !== undefined) {
        const lookMs = await this.#attend(bird, attending.signal);
        await this.#wakeUp.rest(lookMs, attending.signal);
        this.#look();
      }
      if (!stop.aborted && this.#wanted !== undefined) await ended;
    } catch (error) {
      why = describeError(error);
    } finally {
      bird?.close();
      stop.removeEventListener('abort', end);
    }
    if (stop.aborted) return;
    this.#absent(why);
    if (this.#wanted !== undefined) await this.#wakeUp.rest(RECONNECT_MS, stop);
  }

  /** Before any BIRD has taken one there is nothing to try it against: it starts by the first. */
  #prepareStart({ text }: BirdText): void {
    const { files } = this.#parts;
    const good = files.readGood();
    if (good === text || (good !== undefined && files.refusal() === undefined)) return;
    this.#write(() => files.writeGood(text));
  }

  /** Looks how BIRD is, and gives it what it should have. When to look again. */
  async #attend(bird: Bird, signal: AbortSignal): Promise<number> {
    await this.#see(bird);
    const wanted = this.#wanted;
    if (wanted !== undefined && this.#isDue(wanted)) {
      await this.#try(bird, wanted, signal);
      await this.#see(bird);
    }
    return LOOK_MS + this.#sessions.length * LOOK_MS_PER_SESSION;
  }

  /** What BIRD starts by is what it has for good: another one it may be only trying. */
  async #see(bird: Bird): Promise<void> {
    const { version, upSeconds, recovery } = await bird.status();
    const hash = await bird.constant(CONFIG_CONSTANT);
    const routes = await bird.routeCount();
    this.#sessions = await bird.sessions();
    const nowMs = this.#parts.clock.monotonicMs();
    this.#chances.look(this.#sessions, nowMs);
    if (this.#sessions.some(({ state }) => state === 'established')) this.#upMs = nowMs;
    const config = hash === this.#goodHash() ? hash : undefined;
    if (this.#running === undefined) this.#parts.log.info({ version, upSeconds }, 'BIRD answers');
    this.#running = { version, upSeconds, config, isRecovering: recovery !== undefined, routes };
    this.#absence = '';
    this.#startMs = undefined;
    this.#tell();
  }

  #goodHash(): string | undefined {
    return hashIn(this.#parts.files.readGood() ?? '');
  }

  /** Neither what BIRD runs nor what it would start by may be anything else. */
  #isDue({ hash, text }: BirdText): boolean {
    const { files, clock } = this.#parts;
    const failed = this.#failed?.hash === hash ? this.#failed : undefined;
    if (failed === undefined) return this.#running?.config !== hash || files.readGood() !== text;
    return isDueAgain(failed, clock.monotonicMs(), this.#upMs);
  }

  async #try(bird: Bird, wanted: BirdText, signal: AbortSignal): Promise<void> {
    const { files, clock, random, log, tried, mayEndAll } = this.#parts;
    if (!this.#write(() => files.writeCandidate(wanted.text))) return;
    const failed = this.#failed?.hash === wanted.hash ? this.#failed : undefined;
    const nowMs = clock.monotonicMs();
    const isFree = failed === undefined || hasNothingToLose(failed, nowMs, this.#upMs);
    const outcome = await tryConfiguration(bird, {
      candidate: files.candidate,
      good: this.#goodHash() === undefined ? undefined : files.good,
      isSettled: this.#running?.config !== undefined && isFree,
      isLoss: !hasSessions(wanted.text) && !mayEndAll(),
      isOver: () => {
        const text = this.#parts.wanted();
        return text === undefined || birdText(text, this.#key).hash !== wanted.hash;
      },
      clock,
      stop: signal,
    });
    tried?.(outcome.kind);
    if (outcome.kind === 'confirmed') {
      this.#failed = undefined;
      this.#write(() => files.promote());
      log.info({ config: wanted.hash, lost: outcome.lost }, 'BIRD has another configuration');
      return;
    }
    const words = withoutPasswords(describeFailure(outcome), wanted.text);
    const { hash } = wanted;
    const atMs = clock.monotonicMs();
    this.#failed = failedTrial({ hash, kind: outcome.kind, words, atMs }, failed, random);
    this.#write(() => files.dropCandidate());
    log.warn({ config: wanted.hash }, words);
  }

  #look(): void {
    const text = this.#parts.wanted();
    const next = text === undefined ? undefined : birdText(text, this.#key);
    if (next?.hash === this.#wanted?.hash) return;
    if (this.#wanted === undefined) this.#startMs = this.#parts.clock.monotonicMs();
    this.#wanted = next;
    this.#tell();
  }

  #absent(why: string): void {
    const { files, log } = this.#parts;
    if (this.#running !== undefined) log.warn({ why }, 'BIRD does not answer any more');
    this.#running = undefined;
    this.#sessions = [];
    this.#chances.forget();
    const refusal = files.refusal();
    this.#absence = refusal === undefined ? why : withoutPasswords(refusal, files.readGood() ?? '');
    // Another BIRD may take what this one has refused.
    if (this.#failed?.kind === 'refused') this.#failed = undefined;
    this.#tell();
  }

  /** The disk may be full or read-only: then BIRD goes on as it is, and `view` says why. */
  #write(act: () => void): boolean {
    try {
      act();
      this.#fileProblem = undefined;
      return true;
    } catch (error) {
      this.#fileProblem = `the directory of BIRD: ${describeError(error)}`;
      return false;
    }
  }

  /** Others are told only of what they would do something about. */
  #tell(): void {
    const { running, isMissing, absence, problems, waiting, wanted } = this.view;
    const states = this.#sessions.map(({ neighbour, state }) => `${neighbour} ${state}`);
    const bird = [running?.version, running?.config, isMissing, absence];
    const now = JSON.stringify([bird, problems, waiting, wanted, states]);
    if (now === this.#told) return;
    this.#told = now;
    this.#changed();
  }
}
