// Keeps as many subnets as the node's pods need: looks at how full they are, wishes for a further
// one in time, and gives one back that was empty for a while, so that late packets to its pods do
// not reach those of another node. That takes three steps, each after the one before: no new pod
// gets an address of it; the loop takes it out of the kernel; the source gives it back. A restart
// begins at the first of them. Where somebody else gives subnets out (podCIDR), it only counts.

import type { SubnetAuthority } from '../cluster/holding.ts';
import type { SubnetUsage } from '../cni/ipam.ts';
import type { WhenFull } from '../cni/node-network.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrFamily } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { FAMILY_LABEL } from '../net/family.ts';
import type { Source } from '../source/source.ts';
import type { ConfigKeeper } from './config-keeper.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { AgentMetrics } from './metrics.ts';
import type { Pods } from './pods.ts';
import type { PassOutcome } from './reconciler.ts';
import { BoundedRunner } from './runner.ts';
import { planSubnets } from './subnet-plan.ts';

export type SubnetStockParts = {
  readonly config: Pick<ConfigKeeper, 'config'>;
  readonly leases: Pick<LeaseKeeper, 'view' | 'need'>;
  readonly pods: Pick<Pods, 'usage'>;
  readonly source: Pick<Source, 'health'>;
  readonly metrics: Pick<AgentMetrics, 'addresses'>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a further subnet is empty before it is given back. */
  readonly subnetRestMs?: number;
};

export type SubnetState =
  | 'in use'
  /** No new pod gets an address of it. */
  | 'draining'
  /** Empty, and out of the kernel or about to be. */
  | 'leaving';

export type StockedSubnet = SubnetUsage & { readonly state: SubnetState };

export const SUBNET_REST_MS = 300_000;

const LIMITS = {
  minimumIntervalMs: 100,
  maximumIntervalMs: 30_000,
  firstRetryMs: 1_000,
  lastRetryMs: 1_000,
} as const;

export class SubnetStock {
  readonly #parts: SubnetStockParts;
  readonly #runner: BoundedRunner;
  #changed: () => void = () => undefined;
  #draining: ReadonlySet<Cidr> = new Set();
  /** Those that are drained, since when they are empty. */
  readonly #emptySinceMs = new Map<Cidr, number>();
  /** And whether they are out of the kernel. */
  readonly #leaving = new Map<Cidr, { isOut: boolean }>();
  #scarce: readonly string[] = [];

  constructor(parts: SubnetStockParts) {
    this.#parts = parts;
    this.#runner = new BoundedRunner(async () => this.#look(), LIMITS, parts.clock);
  }

  /** Pods have come or gone, or the subnets have changed. */
  hint(): void {
    this.#runner.trigger();
  }

  /** Until `stop`; `changed` is called when a subnet is to go out of the kernel. */
  async run(changed: () => void, stop: AbortSignal): Promise<void> {
    this.#changed = changed;
    await this.#runner.run(stop);
  }

  /** Whether it is to be in the kernel. */
  isKept = (subnet: Cidr): boolean => !this.#leaving.has(subnet);

  /** Whether new pods may have addresses of it. */
  isGiven(subnet: Cidr): boolean {
    return this.isKept(subnet) && !this.#draining.has(subnet);
  }

  /** Of families in which nearly all addresses are taken and no subnet is to come, in words. */
  get scarce(): readonly string[] {
    return this.#scarce;
  }

  /** For `status`. */
  get view(): readonly StockedSubnet[] {
    const { subnets } = this.#parts.leases.view;
    return this.#parts.pods
      .usage(subnets)
      .map((usage) => ({ ...usage, state: this.#stateOf(usage.subnet) }));
  }

  /** What becomes of an ADD that finds no address in subnets of these families. */
  get whenFull(): WhenFull {
    const { view } = this.#parts.leases;
    // A look brings one back in time, also where there may not be another.
    if (this.#draining.size > 0) return { kind: 'grows' };
    for (const { family } of this.#parts.config.config?.families ?? []) {
      const count = view.subnets.filter((subnet) => cidrFamily(subnet) === family).length;
      const reason = this.#hindrance(count, view);
      if (reason !== undefined) return { kind: 'stays', reason };
    }
    return { kind: 'grows' };
  }

  /** After a pass by these subnets: what is not among them is out of the kernel. */
  passed(subnets: readonly Cidr[], { ops, failures }: Pick<PassOutcome, 'ops' | 'failures'>): void {
    if (ops.length > 0 || failures.length > 0) return;
    for (const [subnet, state] of this.#leaving) {
      if (state.isOut || subnets.includes(subnet)) continue;
      state.isOut = true;
      this.hint();
    }
  }

  #stateOf(subnet: Cidr): SubnetState {
    if (!this.isKept(subnet)) return 'leaving';
    return this.#draining.has(subnet) ? 'draining' : 'in use';
  }

  #look(): 'done' | { readonly againAfterMs: number } {
    const { config, leases, pods, metrics } = this.#parts;
    const { view } = leases;
    const families = config.config?.families.map(({ family }) => family);
    if (families === undefined || view.subnets.length === 0) return 'done';
    for (const subnet of this.#leaving.keys()) {
      if (!view.subnets.includes(subnet)) this.#leaving.delete(subnet);
    }
    const usage = pods.usage(view.subnets);
    metrics.addresses(usage);
    if (view.authority === 'podCIDR') {
      this.#scarce = families.flatMap((family) => this.#lookAt(family, usage).scarce);
      return 'done';
    }
    const looks = families.map((family) => ({ family, ...this.#lookAt(family, usage) }));
    this.#draining = new Set(looks.flatMap(({ draining }) => [...draining]));
    this.#scarce = looks.flatMap(({ scarce }) => scarce);
    this.#endEmpty(usage);
    leases.need({
      counts: Object.fromEntries(
        looks.flatMap(({ family, count }) => (count === undefined ? [] : [[family, count]])),
      ),
      spare: [...this.#leaving].flatMap(([subnet, { isOut }]) => (isOut ? [subnet] : [])),
    });
    return this.#dueAfter();
  }

  #lookAt(family: Family, all: readonly SubnetUsage[]) {
    const usage = all.filter(({ subnet }) => cidrFamily(subnet) === family && this.isKept(subnet));
    const question = { usage, draining: this.#draining };
    const { draining, isShort, isNearlyFull } = planSubnets(question);
    const { view } = this.#parts.leases;
    const reason = this.#hindrance(usage.length, view);
    const full = usage.map(({ subnet }) => subnet).join(' and ');
    // Where there is none at all, the first one is claimed, whatever pods need.
    const hasFirst = usage.length > 0;
    return {
      draining,
      count: isShort && hasFirst && this.#mayGrow(usage.length) ? usage.length + 1 : undefined,
      scarce:
        isNearlyFull && hasFirst && reason !== undefined
          ? [`nearly all ${FAMILY_LABEL[family]} addresses of ${full} are in use: ${reason}`]
          : [],
    };
  }

  #mayGrow = (count: number): boolean => count < this.#max;

  get #max(): number {
    return this.#parts.config.config?.maxSubnetsPerNode ?? 1;
  }

  /** Why a node with so many subnets of a family gets no other, and what would help. */
  #hindrance(
    count: number,
    { authority, noFurther }: { authority: SubnetAuthority | undefined; noFurther: string },
  ): string | undefined {
    if (authority === 'podCIDR') return ONE_POD_CIDR;
    if (!this.#mayGrow(count)) {
      return `it has ${count} and MaxSubnetsPerNode is ${this.#max}: a larger number there helps`;
    }
    return noFurther === '' ? undefined : noFurther;
  }

  /** Of those that are drained and empty, those that have been so for long enough leave. */
  #endEmpty(usage: readonly SubnetUsage[]): void {
    const { clock, log, source } = this.#parts;
    const nowMs = clock.monotonicMs();
    const empty = usage.filter(({ subnet, used }) => used === 0 && this.#draining.has(subnet));
    for (const subnet of this.#emptySinceMs.keys()) {
      if (!empty.some((each) => each.subnet === subnet)) this.#emptySinceMs.delete(subnet);
    }
    const { synced, problem } = source.health();
    for (const { subnet } of empty) {
      const sinceMs = this.#emptySinceMs.get(subnet) ?? nowMs;
      this.#emptySinceMs.set(subnet, sinceMs);
      // Without the datastore it would be neither the node's own nor anybody's.
      if (nowMs - sinceMs < this.#restMs || !synced || problem !== undefined) continue;
      this.#emptySinceMs.delete(subnet);
      this.#leaving.set(subnet, { isOut: false });
      log.info({ subnet }, 'a further subnet is empty, and is given back');
      this.#changed();
    }
  }

  get #restMs(): number {
    return this.#parts.subnetRestMs ?? SUBNET_REST_MS;
  }

  #dueAfter(): 'done' | { readonly againAfterMs: number } {
    if (this.#emptySinceMs.size === 0) return 'done';
    const leftMs =
      Math.min(...this.#emptySinceMs.values()) + this.#restMs - this.#parts.clock.monotonicMs();
    return { againAfterMs: Math.max(1_000, leftMs) };
  }
}

const ONE_POD_CIDR =
  'a podCIDR is all that a node gets: a smaller --node-cidr-mask-size of the ' +
  'controller-manager makes it larger, and with SubnetSource "lease" a node claims what it needs';
