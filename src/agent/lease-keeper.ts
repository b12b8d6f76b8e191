// Keeps the node's right to its subnets: asks the source for it by the configuration in force, asks
// again when that asks for something else, and says at each moment which subnets may be used. What
// was held stays until the source says otherwise or its end by CLOCK_BOOTTIME has passed; a
// datastore that is away takes nothing. It never decides about the kernel: that is the loop's.

import type {
  FurtherWish,
  Holding,
  HoldingEnd,
  SubnetAuthority,
  SubnetWish,
} from '../cluster/holding.ts';
import { BEING_CLAIMED } from '../cluster/holding.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import { containsCidr } from '../net/cidr.ts';
import type { Source } from '../source/source.ts';
import type { RunResult } from './runner.ts';
import { BoundedRunner } from './runner.ts';

/** What is known of the right from before this process. */
export type RememberedHolding = {
  readonly authority: SubnetAuthority | undefined;
  readonly explanation: string;
  /** Held last, IPv4 first: claimed again before any other. */
  readonly subnets: readonly Cidr[];
  /** By this boot's CLOCK_BOOTTIME. */
  readonly end?: HoldingEnd;
  /** The node was told that it has them no more, or their end had passed. */
  readonly isLost: boolean;
  /**
   * The machine was off meanwhile, when its Node may have been deleted: it has no pods to lose, so
   * it asks first, and goes by memory only while nobody answers.
   */
  readonly isOfEarlierBoot?: boolean;
};

export type LeaseView = {
  readonly authority: SubnetAuthority | undefined;
  readonly explanation: string;
  /** Whether anything is known of it, good or bad: before that nothing may be changed by it. */
  readonly isKnown: boolean;
  /** What the node may use now, IPv4 first. */
  readonly subnets: readonly Cidr[];
  /** Only remembered, and the source, which has seen everything, does not confirm it. */
  readonly isInDoubt: boolean;
  /** Whether new pods may take addresses of them. */
  readonly startsPods: boolean;
  /** Why nothing is held; '' while something is. */
  readonly reason: string;
  /** Why there is no subnet of a family that was wished for as well; '' when nothing lacks. */
  readonly lacks: string;
  /** Why there is no further subnet for the node; '' while none is needed, or one is. */
  readonly noFurther: string;
};

export type LeaseKeeperParts = {
  readonly source: Pick<Source, 'hold' | 'health'>;
  readonly machine: string;
  readonly clock: Clock;
  readonly log: Log;
};

/** Timers stand still while a machine sleeps, CLOCK_BOOTTIME does not: so it is asked often. */
const END_POLL_MS = 1_000;
const WATCH_LIMITS = {
  minimumIntervalMs: 10,
  maximumIntervalMs: 60_000,
  firstRetryMs: END_POLL_MS,
  lastRetryMs: END_POLL_MS,
} as const;

const UNDECIDED = 'the subnets of this node are not decided yet';

export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts;
  readonly #watch: BoundedRunner;
  #changed: () => void = () => undefined;
  #config: Config | undefined;
  #further: FurtherWish | undefined;
  #wishKey = '';
  /** Aborted when another wish replaces the one that the source works by. */
  #call = new AbortController();
  #holding: Holding | undefined;
  #remembered: RememberedHolding | undefined;
  /** What a right that is only remembered waits for, as of the last look. */
  #doubt = '';
  /** Of a right that ended without a word of the source. */
  #ended = false;

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
    this.#watch = new BoundedRunner(async () => this.#watchEnd(), WATCH_LIMITS, parts.clock);
  }

  /** What a process before this one held; to be called before `run`. */
  restore(remembered: RememberedHolding | undefined): void {
    this.#remembered = remembered;
  }

  /** The configuration to ask by; asks again only when it asks for something else. */
  wish(config: Config): void {
    this.#config = config;
    this.#wishAnew();
  }

  /** What the node needs beside the first subnets; before this is called, what it has. */
  need(further: FurtherWish): void {
    const isNothing = Object.keys(further.counts).length === 0 && further.spare.length === 0;
    this.#further = isNothing ? undefined : further;
    this.#wishAnew();
  }

  #wishAnew(): void {
    if (this.#config === undefined) return;
    const { subnetSource, families } = this.#config;
    const key = JSON.stringify([subnetSource, families, this.#further]);
    if (key === this.#wishKey) return;
    this.#wishKey = key;
    this.#call.abort();
  }

  get view(): LeaseView {
    const holding = this.#holding;
    const { authority, explanation } = holding ?? this.#remembered ?? NOTHING;
    const subnets = this.#inUse()?.subnets ?? [];
    const isRemembered = this.#remembered !== undefined && !this.#asksFirst();
    const isKnown = holding?.kind === 'held' || isRemembered || this.#isTold();
    // A right that is only remembered is good for new pods while nobody can say otherwise.
    const isInDoubt = holding?.kind !== 'held' && this.#parts.source.health().synced;
    const startsPods = subnets.length > 0 && !isInDoubt;
    const reason = startsPods ? '' : this.#reason();
    const { lacks = '', noFurther = '' } = holding?.kind === 'held' ? holding : {};
    const words = { reason, lacks, noFurther };
    return { authority, explanation, isKnown, subnets, isInDoubt, startsPods, ...words };
  }

  /** For the next process on this machine; undefined when nothing was ever held. */
  get toRemember(): RememberedHolding | undefined {
    const last = this.#last();
    // What nobody answered for since the boot stays on disk as it is: as of an earlier one. What
    // was refused is lost there too, or the next start without the datastore would go by it.
    if (last === undefined || (this.#isUnconfirmed() && !this.#isRefused())) return undefined;
    const { authority, explanation, subnets, end } = last;
    const isLost = this.#inUse() === undefined;
    return { authority, explanation, subnets, isLost, ...(end === undefined ? {} : { end }) };
  }

  /** Until `stop`; `changed` is called after each change of the view. */
  async run(changed: () => void, stop: AbortSignal): Promise<void> {
    this.#changed = changed;
    await Promise.all([this.#hold(stop), this.#watch.run(stop)]);
  }

  async #hold(stop: AbortSignal): Promise<void> {
    const { source, machine, clock } = this.#parts;
    while (!stop.aborted) {
      const signal = AbortSignal.any([stop, this.#call.signal]);
      if (this.#config === undefined || signal.aborted) {
        // Nothing to ask by yet: the first wish aborts this.
        if (this.#config === undefined) await clock.sleep(WATCH_LIMITS.maximumIntervalMs, signal);
        if (this.#call.signal.aborted) this.#call = new AbortController();
        continue;
      }
      const previous = this.#last()?.subnets ?? [];
      const further = this.#further === undefined ? {} : { further: this.#further };
      const wish: SubnetWish = { config: this.#config, machine, previous, ...further };
      await source.hold(wish, (holding) => void (signal.aborted || this.#take(holding)), signal);
      // A source that gives up early is asked again, but not all the time.
      await clock.sleep(END_POLL_MS, signal);
    }
  }

  #take(holding: Holding): void {
    const before = this.#inUse();
    if (holding.kind === 'held') {
      this.#remembered = undefined;
      this.#ended = false;
    } else if (this.#holding?.kind === 'held') {
      // From held to none: the right is lost, and with it what was remembered.
      this.#remembered = { ...this.#holding, isLost: true };
    }
    this.#holding = holding;
    this.#say(before);
    this.#watch.trigger();
    this.#changed();
  }

  #say(before: { readonly subnets: readonly Cidr[] } | undefined): void {
    const now = this.#inUse()?.subnets ?? [];
    const was = before?.subnets ?? [];
    const lost = was.filter((subnet) => !now.includes(subnet));
    const { log } = this.#parts;
    const isWished = (subnet: Cidr): boolean =>
      this.#further?.spare.includes(subnet) !== true &&
      this.#config?.families.some(({ network }) => containsCidr(network, subnet)) === true;
    if (lost.some(isWished)) {
      log.warn({ lost, reason: this.#reason() }, 'subnets are not held any more');
    } else if (lost.length > 0) log.info({ subnets: lost }, 'subnets are given back');
    const gained = now.filter((subnet) => !was.includes(subnet));
    if (gained.length > 0) log.info({ subnets: now }, 'subnets are held');
  }

  /** The source has seen everything, and this node holds nothing by it. */
  #isTold(): boolean {
    return this.#holding?.kind === 'none' && this.#parts.source.health().synced;
  }

  /** And that is its answer: it neither decides nor claims any more. */
  #isRefused(): boolean {
    const { authority, reason } = this.#holding?.kind === 'none' ? this.#holding : UNASKED;
    return this.#isTold() && authority !== undefined && reason !== BEING_CLAIMED;
  }

  /** What was held last, lost or not. */
  #last(): Omit<RememberedHolding, 'isLost'> | undefined {
    return this.#holding?.kind === 'held' ? this.#holding : this.#remembered;
  }

  /** What is held unless its end has passed. */
  #right(): Omit<RememberedHolding, 'isLost'> | undefined {
    const isLost = this.#holding?.kind !== 'held' && this.#remembered?.isLost === true;
    const isOnlyAsked = this.#isUnconfirmed() && (this.#asksFirst() || this.#isTold());
    return isLost || isOnlyAsked ? undefined : this.#last();
  }

  /** From before a reboot, without an end of its own, and nobody has said since that it is so. */
  #isUnconfirmed(): boolean {
    if (this.#holding?.kind === 'held') return false;
    const remembered = this.#remembered;
    return remembered?.isOfEarlierBoot === true && remembered.end === undefined;
  }

  /** A right from before a reboot that was refused does not come back when the source goes away. */
  #forget(): void {
    if (this.#remembered === undefined) return;
    const { isOfEarlierBoot: _, ...remembered } = this.#remembered;
    this.#remembered = { ...remembered, isLost: true };
  }

  /** The datastore has not answered yet, well or badly. */
  #asksFirst(): boolean {
    const { synced, problem } = this.#parts.source.health();
    return this.#isUnconfirmed() && !synced && problem === undefined;
  }

  #inUse(): Omit<RememberedHolding, 'isLost'> | undefined {
    const right = this.#right();
    return right === undefined || this.#isOver(right.end) ? undefined : right;
  }

  #isOver(end: HoldingEnd | undefined): boolean {
    return end !== undefined && this.#parts.clock.boottimeMs() >= end.boottimeMs;
  }

  #reason(): string {
    const right = this.#right();
    if (right?.end !== undefined && this.#isOver(right.end)) {
      const problem = this.#parts.source.health().problem ?? 'the datastore did not renew it';
      const at = new Date(right.end.wallClockMs).toISOString();
      return `the right to ${right.subnets.join(', ')} ended at ${at}: ${problem}`;
    }
    if (this.#holding?.kind === 'none') return this.#holding.reason;
    return this.#parts.source.health().problem ?? UNDECIDED;
  }

  #watchEnd(): RunResult {
    if (this.#isUnconfirmed()) {
      const isRefused = this.#isRefused();
      if (isRefused) this.#forget();
      // Who is asked tells nothing while nothing changes for it.
      const doubt = this.#asksFirst() ? 'asked' : this.#isTold() ? 'told' : 'unanswered';
      if (doubt !== this.#doubt) this.#changed();
      this.#doubt = doubt;
      return isRefused ? 'done' : { againAfterMs: END_POLL_MS };
    }
    const end = this.#right()?.end;
    if (end === undefined || this.#ended) return 'done';
    const leftMs = end.boottimeMs - this.#parts.clock.boottimeMs();
    if (leftMs > 0) return { againAfterMs: Math.min(leftMs, END_POLL_MS) };
    this.#ended = true;
    this.#parts.log.warn({ reason: this.#reason() }, 'subnets are not held any more');
    this.#changed();
    return 'done';
  }
}

const UNASKED = { authority: undefined, reason: '' } as const;
const NOTHING = { authority: undefined, explanation: UNDECIDED } as const;
