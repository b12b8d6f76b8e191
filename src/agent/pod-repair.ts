// Makes pods' host veths again that somebody deleted, with all that lies on them in both
// namespaces. What cannot be made is tried again with growing pauses and named in `status`; what
// somebody deletes again and again waits as every fight does. It decides nothing about which pods
// there are: that is the store's, and the runtime's call for the same pod goes first or last, never
// at the same time.

import type { RemakeOutcome, RemakeRequest } from '../cni/remake.ts';
import { isWithin } from '../desired/subnets.ts';
import type { Attachment } from '../endpoint/attachment.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrAddress } from '../net/cidr.ts';
import { keyOfLink } from '../state/op-key.ts';
import type { Fights, Repair } from './fights.ts';
import type { Pods } from './pods.ts';
import { podName } from './pods.ts';
import type { RunResult } from './runner.ts';
import { BoundedRunner } from './runner.ts';

export type RemakePod = (request: RemakeRequest) => Promise<RemakeOutcome>;

export type PodRepairParts = {
  readonly pods: Pods;
  readonly remake: RemakePod;
  readonly fights: Fights;
  readonly clock: Clock;
  readonly log: Log;
};

const LIMITS = {
  minimumIntervalMs: 10,
  maximumIntervalMs: 300_000,
  firstRetryMs: 250,
  lastRetryMs: 30_000,
} as const;
const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 30_000;

type FailedRemake = RemakeOutcome & { readonly kind: 'failed' };
type Failure = { readonly pauseMs: number; readonly notBeforeMs: number };

export class PodRepair {
  readonly #parts: PodRepairParts;
  readonly #runner: BoundedRunner;
  /** By host link. */
  readonly #failures = new Map<string, Failure>();
  #subnets: readonly Cidr[] = [];
  #onMade: () => void = () => undefined;

  constructor(parts: PodRepairParts) {
    this.#parts = parts;
    this.#runner = new BoundedRunner(() => this.#repair(), LIMITS, parts.clock);
  }

  /** After a pass, which has found out what is missing. `subnets`: what the node uses. */
  look(subnets: readonly Cidr[]): void {
    this.#subnets = subnets;
    const { repairable } = this.#parts.pods;
    const names = new Set(repairable.map(({ hostLink }) => hostLink));
    for (const name of this.#failures.keys()) if (!names.has(name)) this.#failures.delete(name);
    // A fight goes on as long as its object is found undone.
    for (const name of names) this.#parts.fights.waitMs(repairOf(name));
    if (names.size > 0) this.#runner.trigger();
  }

  /** Until `stop`. `onMade` is told when the loop should look at the kernel again. */
  run(onMade: () => void, stop: AbortSignal): Promise<void> {
    this.#onMade = onMade;
    return this.#runner.run(stop);
  }

  async #repair(): Promise<RunResult> {
    const { pods } = this.#parts;
    const waits = await Promise.all(
      pods.repairable.map(async (attachment) => {
        const waitMs = this.#waitMs(attachment);
        return waitMs > 0 ? waitMs : this.#remake(attachment);
      }),
    );
    const againAfterMs = Math.min(...waits);
    return againAfterMs === Number.POSITIVE_INFINITY ? 'done' : { againAfterMs };
  }

  #waitMs({ hostLink }: Attachment): number {
    const { clock, fights } = this.#parts;
    const failure = this.#failures.get(hostLink);
    const forFailureMs = (failure?.notBeforeMs ?? 0) - clock.monotonicMs();
    return Math.max(forFailureMs, fights.waitMs(repairOf(hostLink)), 0);
  }

  /** How long until the next try. */
  async #remake(attachment: Attachment): Promise<number> {
    const { pods, remake, fights, log } = this.#parts;
    const { hostLink } = attachment;
    const subnets = this.#subnets;
    const routed = attachment.addresses.filter((ip) => isWithin(ip, subnets));
    pods.beginRemake(hostLink);
    let outcome: RemakeOutcome = { kind: 'unwanted' };
    try {
      outcome = await remake({ attachment, routed, sources: subnets.map(cidrAddress) });
      if (outcome.kind === 'failed') return this.#failed(attachment, outcome);
      this.#failures.delete(hostLink);
      if (outcome.kind === 'unwanted') return Number.POSITIVE_INFINITY;
      log.info({ hostLink, pod: podName(attachment) }, 'a host veth that was gone is made again');
      fights.repaired(repairOf(hostLink));
      return Number.POSITIVE_INFINITY;
    } finally {
      pods.endRemake(hostLink, outcome.kind === 'failed' ? outcome.reason : undefined);
      this.#onMade();
    }
  }

  #failed(attachment: Attachment, { reason, isFinal }: FailedRemake): number {
    const { clock, log } = this.#parts;
    const { hostLink } = attachment;
    const before = this.#failures.get(hostLink);
    const doubledMs = before === undefined ? FIRST_PAUSE_MS : before.pauseMs * 2;
    const pauseMs = isFinal ? Number.POSITIVE_INFINITY : Math.min(doubledMs, LAST_PAUSE_MS);
    if (before === undefined) {
      log.warn({ hostLink, pod: podName(attachment) }, `its host veth cannot be made: ${reason}`);
    }
    this.#failures.set(hostLink, { pauseMs, notBeforeMs: clock.monotonicMs() + pauseMs });
    return pauseMs;
  }
}

const repairOf = (hostLink: string): Repair => {
  const key = keyOfLink(hostLink);
  return { key, intent: 'a pod has it', name: key };
};
