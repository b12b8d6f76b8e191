// Claims and keeps the node's subnets: looks at everything that is known, tells the agent, takes
// the one step that assess.ts names, and looks again. What it remembers outlives a wish, so that
// who wishes again has what was held. A stop gives nothing back.
//
//   change, answer, tick ─► assess ─► tell ─► step ─► answer ─┐
//                             ▲                               │
//                             └───────────────────────────────┘

import type { Holding, SubnetWish } from '../../cluster/holding.ts';
import { AssertionFailure } from '../../lib/assert.ts';
import type { Backoff } from '../../lib/backoff.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Cidr } from '../../net/cidr.ts';
import type { Family } from '../../net/family.ts';
import { KubernetesApiError } from './api-error.ts';
import { assess } from './assess.ts';
import type { ClaimStepsMemory } from './claim-steps.ts';
import { ClaimSteps } from './claim-steps.ts';
import type { Assessment, ClaimMemory, ClaimView, RecordView } from './claim-view.ts';
import type { ClusterView } from './cluster-view.ts';
import type { LeaseCalls } from './lease-calls.ts';
import { parseLeaseName } from './lease-name.ts';
import type { LeaseRecord } from './lease-record.ts';
import { RecordSteps } from './record-steps.ts';
import type { Reflected } from './reflector.ts';

export type SubnetClaimsOptions = {
  readonly calls: LeaseCalls;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  readonly nodeName: string;
  readonly cluster: ClusterView;
  readonly backoff: Backoff;
  /** How long a cluster may be without any podCIDR before `auto` means Leases. */
  readonly autoGraceMs: number;
  /** Why lists are missing, while they are. */
  readonly contactProblem: () => string | undefined;
  readonly onRecord: (record: RecordView) => void;
  /** What the configuration asks for and does not get. */
  readonly onRefusal: (refusal: string) => void;
};

/** Without any change everything is looked at again after this time. */
const TICK_MS = 60_000;
/** The same while a subnet may be free again that was refused. */
const REFUSED_TICK_MS = 10_000;
/** How long whoever asked for a change of the record has, before another finishes it. */
const CHANGE_MS = 30_000;
/** Claims in a row that others were faster at, before a pause. */
const CONFLICTS_MAX = 8;

type Listener = (holding: Holding) => void;
type Session = { readonly wish: SubnetWish; readonly listener: Listener };

export class SubnetClaims {
  readonly #options: SubnetClaimsOptions;
  readonly #steps: ClaimSteps;
  readonly #memory: ClaimStepsMemory = {
    fresh: new Set<Cidr>(),
    verified: new Set<Cidr>(),
    refused: new Map<Cidr, string>(),
    pending: new Map<Family, Cidr>(),
    conflicts: 0,
  };
  #record: RecordView = { kind: 'unknown' };
  #told: Holding | undefined;
  #lastHeld: readonly Cidr[] = [];
  #loss: string | undefined;
  #lostFurther: readonly Cidr[] = [];
  #refusal: string | undefined;
  #problem: string | undefined;
  #failures = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  /** Since when the cluster is without a decision, or its record is about to change. */
  #since: { readonly what: string; readonly atMs: number } | undefined;
  #change = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  constructor(options: SubnetClaimsOptions) {
    this.#options = options;
    const { calls, clock, log, nodeName, cluster } = options;
    const records = new RecordSteps({
      ...{ calls, clock, log, nodeName },
      record: () => this.#record,
      seeRecord: (record) => this.seeRecord(record),
    });
    this.#steps = new ClaimSteps({ calls, log, nodeName, cluster, records }, this.#memory);
  }

  /** Why the last request failed; undefined while all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Something has changed. */
  wake(): void {
    // With a reason: the default one is an error with a stack, made at each change.
    this.#change.abort('changed');
    this.#change = new AbortController();
  }

  /** Before it is entered: who was refused because of a Lease may try again when it changes. */
  seeLease(event: Reflected<LeaseRecord | undefined>): void {
    const { refused } = this.#memory;
    if (event.kind === 'listed') refused.clear();
    const subnet = event.kind === 'gone' ? parseLeaseName(event.name) : undefined;
    if (subnet !== undefined) refused.delete(subnet);
    if (event.kind === 'put' && event.item !== undefined) refused.delete(event.item.subnet);
  }

  /** As the watch or an answer says. */
  seeRecord(record: RecordView): void {
    this.#record = record;
    this.#options.onRecord(record);
    this.wake();
  }

  /** See Source.hold. */
  async hold(wish: SubnetWish, listener: Listener, stop: AbortSignal): Promise<void> {
    const session = { wish, listener };
    this.#tell(this.#assess(wish), { session, first: true });
    const before = this.#ended;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    const onStop = (): void => this.wake();
    stop.addEventListener('abort', onStop);
    try {
      await before;
      while (!stop.aborted) await this.#round(session, stop);
    } finally {
      stop.removeEventListener('abort', onStop);
      resolve();
    }
  }

  async #round(session: Session, stop: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const change = this.#change.signal;
    const assessment = this.#assess(session.wish);
    this.#tell(assessment, { session, first: false });
    const { step } = assessment;
    const sleep = (delayMs: number): Promise<void> => clock.sleep(delayMs, change);
    if (step.kind === 'rest') {
      this.#settle(assessment);
      await sleep(step.againAfterMs ?? this.#tickMs());
      // A tick without a change: what was refused may be free by now, unseen.
      if (!change.aborted) this.#memory.refused.clear();
      return;
    }
    const waitMs = this.#retryAtMs - clock.monotonicMs();
    if (waitMs > 0) {
      await sleep(waitMs);
      return;
    }
    try {
      await this.#steps.take(step, session.wish, stop);
      this.#problem = undefined;
      this.#failures = 0;
      if (this.#memory.conflicts >= CONFLICTS_MAX) this.#pause(0);
    } catch (error) {
      if (error instanceof AssertionFailure) throw error;
      if (!stop.aborted) this.#fail(error);
    }
  }

  /** Nothing is under way: what was only of interest meanwhile is forgotten. */
  #settle({ holding }: Assessment): void {
    this.#problem = undefined;
    this.#failures = 0;
    this.#memory.conflicts = 0;
    if (holding.kind === 'none') return;
    this.#loss = undefined;
    this.#memory.fresh.clear();
    this.#memory.pending.clear();
  }

  #tickMs(): number {
    const { random } = this.#options;
    const tickMs = this.#memory.refused.size > 0 ? REFUSED_TICK_MS : TICK_MS;
    return tickMs * (0.5 + random());
  }

  #fail(error: unknown): void {
    this.#problem = describeError(error);
    this.#failures += 1;
    const retryAfterMs = error instanceof KubernetesApiError ? (error.retryAfterMs ?? 0) : 0;
    this.#pause(retryAfterMs);
    const { log } = this.#options;
    log.warn({ problem: this.#problem, failures: this.#failures }, 'subnets could not be claimed');
  }

  #pause(atLeastMs: number): void {
    const { clock, backoff, random } = this.#options;
    const waitMs = backoffMs(backoff, Math.max(1, this.#failures), random());
    this.#retryAtMs = clock.monotonicMs() + atLeastMs + waitMs;
    this.#memory.conflicts = 0;
  }

  #tell(
    { holding, loss, lostFurther, refusal }: Assessment,
    { session, first }: { readonly session: Session; readonly first: boolean },
  ): void {
    if (loss !== undefined) this.#loss = loss;
    if (lostFurther !== undefined) this.#lostFurther = lostFurther;
    if (refusal !== this.#refusal) {
      this.#refusal = refusal;
      if (refusal !== undefined) this.#options.onRefusal(refusal);
    }
    const isNews = JSON.stringify(holding) !== JSON.stringify(this.#told);
    if (!isNews && !first) return;
    this.#told = holding;
    if (holding.kind === 'held' && holding.authority === 'lease') this.#lastHeld = holding.subnets;
    if (isNews) this.#options.log.info({ holding }, 'what this node holds');
    session.listener(holding);
  }

  #assess(wish: SubnetWish): Assessment {
    const { nodeName, cluster, contactProblem, autoGraceMs, random } = this.#options;
    const view: ClaimView = {
      nodeName,
      wish,
      nodes: cluster,
      record: this.#record,
      leases: cluster.leases,
      memory: this.#remembered(),
      contactProblem: contactProblem(),
      graceLeftMs: this.#leftMs('undecided', this.#isUndecided(), autoGraceMs),
      changeLeftMs: this.#leftMs('changing', this.#isChanging(), CHANGE_MS),
    };
    return assess(view, random);
  }

  #remembered(): ClaimMemory {
    const { fresh, verified, refused, pending } = this.#memory;
    return {
      ...{ told: this.#told, lastHeld: this.#lastHeld, loss: this.#loss, problem: this.#problem },
      ...{ fresh, verified, refused, pending, lostFurther: this.#lostFurther },
    };
  }

  #isUndecided(): boolean {
    return this.#record.kind === 'none' && this.#options.cluster.own !== undefined;
  }

  #isChanging(): boolean {
    return this.#record.kind === 'is' && this.#record.record.next !== undefined;
  }

  /** What is left of `limitMs` since `what` began to be so. */
  #leftMs(what: string, isSo: boolean, limitMs: number): number {
    const nowMs = this.#options.clock.monotonicMs();
    if (!isSo) {
      if (this.#since?.what === what) this.#since = undefined;
      return limitMs;
    }
    if (this.#since?.what !== what) this.#since = { what, atMs: nowMs };
    return this.#since.atMs + limitMs - nowMs;
  }
}
