// One node's agent: connects its parts, each a file beside this one, to the source's events and to
// one loop. Stopping leaves the data plane as it is: pods go on while an agent is upgraded.

import type { ClusterEvent } from '../cluster/cluster.ts';
import type { NodeReadiness } from '../cni/node-network.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrFamily } from '../net/cidr.ts';
import type { Source } from '../source/source.ts';
import { AdvertPublisher } from './advert-publisher.ts';
import { agentStatus } from './agent-status.ts';
import type { Announcer } from './announcer.ts';
import type { BgpSpeaker } from './bgp-speaker.ts';
import type { BirdKeeper } from './bird-keeper.ts';
import { ClusterView, concerns } from './cluster-view.ts';
import type { CniCalls } from './cni-calls.ts';
import type { ConfigKeeper } from './config-keeper.ts';
import { Drift } from './drift.ts';
import { FamilyKeeper, searchedFamilies } from './family-keeper.ts';
import type { FlannelMove } from './flannel-move.ts';
import type { ForeignRules } from './foreign-rules.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { AgentMetrics } from './metrics.ts';
import { NetworkCondition } from './network-condition.ts';
import type { NodeFiles } from './node-files.ts';
import { LOOP_LIMITS, nextPass, tryPass } from './passes.ts';
import type { PathProber } from './path-prober.ts';
import type { PodMtus } from './pod-mtus.ts';
import type { RemakePod } from './pod-repair.ts';
import { PodRepair } from './pod-repair.ts';
import type { Pods } from './pods.ts';
import { readinessBy } from './readiness.ts';
import type { PassOutcome, Reconciler } from './reconciler.ts';
import { reportAll } from './reports.ts';
import type { RunReason, RunResult } from './runner.ts';
import { BoundedRunner } from './runner.ts';
import type { SnapshotKeeper } from './snapshot-keeper.ts';
import type { Status } from './status.ts';
import { SubnetStock } from './subnet-stock.ts';
import type { SummaryPublisher } from './summary-publisher.ts';
import type { Seen } from './verdict.ts';
import { blockerOf } from './verdict.ts';
import { WallClock } from './wall-clock.ts';

export type AgentParts = {
  readonly version: string;
  readonly nodeName: string;
  readonly kernel: Kernel;
  readonly source: Source;
  readonly reconciler: Reconciler;
  readonly prober: PathProber;
  /** Absent: the node has no BIRD. */
  readonly bgp?: BgpSpeaker;
  readonly config: ConfigKeeper;
  readonly leases: LeaseKeeper;
  readonly snapshots: SnapshotKeeper;
  readonly pods: Pods;
  readonly remakePod: RemakePod;
  readonly podMtus: PodMtus;
  readonly files: Pick<NodeFiles, 'write'>;
  readonly foreignRules: ForeignRules;
  readonly announcer: Announcer;
  readonly bird?: Pick<BirdKeeper, 'view' | 'run'>;
  readonly flannel?: FlannelMove;
  readonly metrics: AgentMetrics;
  readonly cniCalls?: Pick<CniCalls, 'view'>;
  readonly summaries?: SummaryPublisher;
  readonly clock: Clock;
  readonly log: Log;
  /** See SubnetStock. */
  readonly subnetRestMs?: number;
};

export class Agent {
  readonly #parts: AgentParts;
  readonly #loop: BoundedRunner;
  readonly #publisher: AdvertPublisher;
  readonly #condition: NetworkCondition;
  readonly #cluster: ClusterView;
  readonly #wallClock: WallClock;
  readonly #podRepair: PodRepair;
  readonly #families: FamilyKeeper;
  readonly #stock: SubnetStock;
  readonly #drift: Drift;
  readonly #startedAt: Date;
  #passes = 0;
  #quietPass = false;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#cluster = new ClusterView(parts.nodeName, parts.source.ownNode);
    this.#wallClock = new WallClock(parts.clock, parts.log);
    this.#loop = new BoundedRunner((_, reason) => this.#pass(reason), LOOP_LIMITS, parts.clock);
    this.#publisher = new AdvertPublisher(parts, () => this.#loop.trigger());
    this.#condition = new NetworkCondition(parts);
    this.#families = new FamilyKeeper(parts);
    this.#stock = new SubnetStock(parts);
    this.#drift = new Drift(parts.clock);
    this.#startedAt = parts.clock.now();
    const { fights } = parts.reconciler;
    this.#podRepair = new PodRepair({ ...parts, fights, remake: parts.remakePod });
  }

  readonly passSinceMs = (): number | undefined => this.#loop.taskSinceMs;

  /** Until `stop`; rejects only when an assumption is broken. */
  async run(stop: AbortSignal): Promise<void> {
    const { source, kernel, reconciler, log } = this.#parts;
    const unwatch = kernel.watch((hint) => {
      log.debug({ hint }, 'the kernel changed');
      if (hint === 'foreign-nft' || hint === 'overflow') this.#parts.foreignRules.hint();
      if (hint === 'foreign-nft') return;
      reconciler.forgetLookups();
      this.#loop.trigger();
    });
    this.#recall();
    try {
      await Promise.all([
        source.run((event) => this.#take(event), stop),
        this.#parts.snapshots.run(stop),
        this.#parts.leases.run(() => this.#onLease(), stop),
        this.#stock.run(() => this.#loop.trigger(), stop),
        this.#loop.run(stop),
        this.#parts.prober.run(() => this.#loop.trigger(), stop),
        this.#publisher.run(stop),
        this.#condition.run(stop),
        this.#podRepair.run(() => this.#loop.trigger(), stop),
        this.#parts.foreignRules.run(() => this.#report(), stop),
        this.#parts.announcer.run(stop),
        this.#parts.summaries?.run(() => this.status(), stop),
        this.#parts.bird?.run(() => this.#loop.trigger(), stop),
        this.#parts.bgp?.run(() => this.#loop.trigger(), stop),
      ]);
    } finally {
      unwatch();
    }
  }

  /** What a CNI call is answered by now. */
  readiness(): NodeReadiness {
    const outcome = this.#parts.reconciler.last;
    const held = this.#parts.leases.view.subnets;
    const blocker = blockerOf(this.#seen());
    if (outcome === undefined || blocker !== undefined) {
      return { kind: 'not-ready', reason: blocker ?? 'the agent is starting' };
    }
    // The right may have ended since the last pass.
    const isGiven = (subnet: Cidr): boolean =>
      held.includes(subnet) &&
      this.#families.isGiven(cidrFamily(subnet)) &&
      this.#stock.isGiven(subnet);
    return readinessBy(outcome, { isGiven, stock: this.#stock, prober: this.#parts.prober });
  }

  /** Told after each pod that came or went: the last one of a dropped family may have been it. */
  podsChanged(): void {
    this.#stock.hint();
    const { flannel } = this.#parts;
    if (this.#families.watchesPods || flannel?.bridge !== undefined) this.#loop.trigger();
  }

  status(): Status {
    return agentStatus(this.#parts, {
      seen: this.#seen(),
      usage: this.#stock.view,
      passes: this.#passes,
      clockJumps: this.#wallClock.jumps,
      drift: this.#drift.view,
      startedAt: this.#startedAt,
    });
  }

  /** What the process before this one knew: all there is while the datastore is away. */
  #recall(): void {
    const { snapshots, leases, reconciler, log } = this.#parts;
    const { cluster, holding } = snapshots.read();
    leases.restore(holding ?? reconciler.holdingInKernel());
    if (cluster === undefined) return;
    log.info({ nodes: cluster.nodes.size }, 'a cluster is remembered');
    this.#cluster.restore(cluster);
    this.#configure();
    this.#loop.trigger();
  }

  #take(event: ClusterEvent): void {
    if (!this.#cluster.take(event)) return;
    this.#configure();
    const own = this.#cluster.known.nodes?.get(this.#parts.nodeName);
    if (concerns(event, this.#parts.nodeName)) this.#publisher.look(own?.advert);
    this.#loop.trigger();
  }

  #onLease(): void {
    this.#stock.hint();
    this.#configure();
    this.#loop.trigger();
  }

  /** The newest text, and what the node holds by it. */
  #configure(): void {
    const { config, leases, snapshots } = this.#parts;
    const cluster = this.#cluster.current;
    const synced = cluster?.kind === 'synced' ? cluster : undefined;
    snapshots.offer(synced, leases.toRemember);
    const { configText } = this.#cluster;
    if (cluster === undefined || configText === undefined) return;
    config.offer(configText, leases.view.subnets);
    this.#families.look(cluster);
  }

  async #pass(reason: RunReason): Promise<RunResult> {
    const cluster = this.#cluster.current;
    const { config: keeper, leases, pods } = this.#parts;
    this.#wallClock.look();
    const plan = cluster === undefined ? undefined : this.#families.look(cluster);
    const held = leases.view.subnets.filter(this.#stock.isKept);
    const right = { ...leases.view, subnets: held };
    if (cluster === undefined || plan === undefined || !right.isKnown) {
      this.#report();
      return 'done';
    }
    const { served: config, needed: neededFamilies } = plan;
    this.#parts.foreignRules.follow(config);
    const families = searchedFamilies(plan);
    const { promised } = this.#publisher;
    const { retired } = keeper;
    const input = { config, families, neededFamilies, retired, cluster, right, promised };
    const outcome = await tryPass(this.#parts, input, reason);
    if (outcome === 'retry' || outcome === 'done') return outcome;
    this.#passes += 1;
    this.#stock.passed(right.subnets, outcome);
    this.#parts.metrics.passed(outcome, this.#parts.prober.tracks);
    this.#parts.metrics.driftRepaired(this.#drift.passed(input, outcome));
    for (const { op, error } of outcome.failures) {
      this.#parts.log.warn({ code: error.code, object: op.object }, error.message);
    }
    // Pods send less before a smaller path may be used, which a probe decides.
    const receiveMtuBytes = await this.#parts.podMtus.follow(outcome.desired.podMtuBytes);
    this.#parts.bgp?.follow({ config, cluster, outcome });
    this.#parts.prober.follow(cluster.kind === 'synced' ? outcome.probes : []);
    const { ownSubnets, flannelBackend: backend } = outcome.desired;
    const advert = { ...outcome.desired.advert, receiveMtuBytes };
    pods.follow(ownSubnets);
    this.#podRepair.look(ownSubnets);
    this.#parts.reconciler.fights.look();
    if (ownSubnets.length > 0) this.#publisher.offer({ advert, backend });
    else this.#publisher.withhold();
    const written = await this.#writeFiles(outcome);
    const own = cluster.kind === 'synced' ? cluster.nodes.get(this.#parts.nodeName) : undefined;
    const isProgrammed = outcome.failures.length === 0 && leases.view.startsPods;
    if (own !== undefined && isProgrammed && ownSubnets.length > 0) {
      this.#condition.programmed(own.uid);
    }
    this.#report();
    const isEnd = this.#families.passed(outcome, cluster);
    // What the pass has found out, or ended, may ask for other subnets.
    this.#configure();
    return isEnd ? 'again' : this.#result(outcome, written);
  }

  /** A pass that changed something is followed by one that finds nothing left to change. */
  #result(outcome: PassOutcome, written: boolean): RunResult {
    if (outcome.failures.length > 0 || !written) return 'retry';
    const again = outcome.ops.length > 0 && !this.#quietPass;
    this.#quietPass = again;
    if (again) return 'again';
    return nextPass(this.#parts.reconciler, this.#families.dueAfterMs);
  }

  /** Subnet file and conflist, last of all: with the conflist the runtime starts pods. */
  async #writeFiles(outcome: PassOutcome): Promise<boolean> {
    const config = this.#parts.config.config;
    if (config === undefined || blockerOf(this.#seen()) !== undefined) return true;
    try {
      await this.#parts.files.write(config, outcome.desired);
      this.#parts.announcer.report('NodeFilesNotWritten', []);
      return true;
    } catch (error) {
      this.#parts.announcer.report('NodeFilesNotWritten', [describeError(error)]);
      return false;
    }
  }

  #seen(): Seen {
    const { nodeName, config, source, reconciler, leases } = this.#parts;
    const cluster = this.#cluster;
    const outcome = reconciler.last;
    const { plan } = this.#families;
    const lease = leases.view;
    const bird = this.#parts.bird?.view;
    return { nodeName, cluster, config, lease, plan, source: source.health(), outcome, bird };
  }

  #report(): void {
    reportAll(this.#parts, { plan: this.#families.plan, scarce: this.#stock.scarce });
  }
}
