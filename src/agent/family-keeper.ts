// Follows which families the node asks subnets of, serves, and gives to new pods, as the
// configuration, the node's pods and its peers change. A family that nobody uses any more goes in
// three steps, each done before the next: a while passes, since a peer may just be about to say
// that it needs it; the loop takes its objects out of the kernel; its subnet is given back.

import type { Remembered, Synced } from '../cluster/cluster.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { Config } from '../config/config.ts';
import type { FamilyPlan, RetiredFamily } from '../desired/families.ts';
import { planFamilies, retiredFamily } from '../desired/families.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES, FAMILY_LABEL } from '../net/family.ts';
import type { ConfigKeeper } from './config-keeper.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Pods } from './pods.ts';
import type { PassOutcome, Reconciler } from './reconciler.ts';

export type FamilyKeeperParts = {
  readonly nodeName: string;
  readonly config: Pick<ConfigKeeper, 'config' | 'retired' | 'forgetRetired'>;
  readonly leases: Pick<LeaseKeeper, 'view' | 'wish'>;
  readonly pods: Pick<Pods, 'addresses'>;
  readonly reconciler: Pick<Reconciler, 'last' | 'reachable'>;
  readonly clock: Clock;
};

type Cluster = Synced | Remembered;

/** Adverts reach every peer within tenths of a second (docs/benchmarks.md). */
const UNUSED_MS = 5_000;

export class FamilyKeeper {
  readonly #parts: FamilyKeeperParts;
  /** Since when nobody uses a dropped family. */
  readonly #unusedSinceMs = new Map<Family, number>();
  #retired: readonly RetiredFamily[] = [];
  #plan: FamilyPlan | undefined;

  constructor(parts: FamilyKeeperParts) {
    this.#parts = parts;
  }

  /** As of the last look; undefined before there was a configuration. */
  get plan(): FamilyPlan | undefined {
    return this.#plan;
  }

  /** Whether pods that come and go may decide about a family. */
  get watchesPods(): boolean {
    return this.#parts.config.retired.length > 0;
  }

  /** Those that new pods get now: by the newest configuration, whatever the last pass worked by. */
  isGiven(family: Family): boolean {
    return this.#parts.config.config?.families.some((each) => each.family === family) === true;
  }

  /** To be called after each change; asks for the subnets that follow from it. */
  look(cluster: Cluster): FamilyPlan | undefined {
    const { nodeName, config: keeper, leases, pods } = this.#parts;
    const { config, retired } = keeper;
    if (config === undefined) return undefined;
    const users = { podAddresses: pods.addresses, cluster, self: nodeName };
    this.#retired = retired.map((family) => this.#afterAWhile(retiredFamily(family, users)));
    const { subnets: held, lacks } = leases.view;
    const reachable = this.#reachable(familiesOf(config), cluster.nodes.get(nodeName));
    this.#plan = planFamilies({ config, retired: this.#retired, held, lacks, reachable });
    leases.wish(this.#plan.wished);
    return this.#plan;
  }

  /** After a pass; whether that was the end of a family, so that there is more to do. */
  passed({ ops, failures }: Pick<PassOutcome, 'ops' | 'failures'>, { kind }: Cluster): boolean {
    if (kind !== 'synced' || ops.length > 0 || failures.length > 0) return false;
    const gone = this.#retired.filter(({ reason }) => reason === '');
    for (const { config } of gone) {
      this.#unusedSinceMs.delete(config.family);
      this.#parts.config.forgetRetired(config.family);
    }
    return gone.length > 0;
  }

  /** Until a dropped family may go; undefined while none is about to. */
  get dueAfterMs(): number | undefined {
    if (this.#unusedSinceMs.size === 0) return undefined;
    const sinceMs = Math.min(...this.#unusedSinceMs.values());
    return Math.max(0, sinceMs + UNUSED_MS - this.#parts.clock.monotonicMs());
  }

  #reachable(families: readonly Family[], self: ClusterNode | undefined): readonly Family[] {
    const { reconciler } = this.#parts;
    const { last } = reconciler;
    const isKnown = families.every((family) => last?.searched.includes(family) === true);
    if (last !== undefined && isKnown) return last.reachable;
    try {
      return reconciler.reachable(families, self);
    } catch (error) {
      // A kernel that cannot be read now: the next pass reads it again.
      if (!(error instanceof AppError) || !error.retryable) throw error;
      return last?.reachable ?? [];
    }
  }

  #afterAWhile(retired: RetiredFamily): RetiredFamily {
    const { family } = retired.config;
    if (retired.reason !== '') {
      this.#unusedSinceMs.delete(family);
      return retired;
    }
    const nowMs = this.#parts.clock.monotonicMs();
    const sinceMs = this.#unusedSinceMs.get(family) ?? nowMs;
    this.#unusedSinceMs.set(family, sinceMs);
    if (nowMs - sinceMs >= UNUSED_MS) return retired;
    return { ...retired, reason: `the last pod with ${FAMILY_LABEL[family]} has just ended` };
  }
}

const familiesOf = ({ families }: Config): readonly Family[] =>
  families.map(({ family }) => family);

/** Of which a pass looks for an underlay: those that are served, and those that are to be. */
export const searchedFamilies = ({ served, states }: FamilyPlan): readonly Family[] =>
  FAMILIES.filter(
    (family) =>
      familiesOf(served).includes(family) ||
      states.some((each) => each.family === family && each.state !== 'kept'),
  );
