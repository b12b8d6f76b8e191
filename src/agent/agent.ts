// One node's agent: takes events from the source, keeps the kernel as it should be, serves CNI
// calls and says how it is. This file only connects the parts; each of them is a file beside it.
// Stopping leaves the data plane as it is: pods go on while an agent restarts or is upgraded.

import type { ClusterEvent, PartialCluster } from '../cluster/cluster.ts';
import { fold, NOTHING_KNOWN, synced } from '../cluster/cluster.ts';
import type { NodeReadiness } from '../cni/node-network.ts';
import { renderProblem } from '../config/problems.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { cidrAddress } from '../net/cidr.ts';
import type { Source } from '../source/source.ts';
import { AdvertPublisher } from './advert-publisher.ts';
import type { Announcer } from './announcer.ts';
import type { ConfigKeeper } from './config-keeper.ts';
import type { ForeignRules } from './foreign-rules.ts';
import type { AgentMetrics } from './metrics.ts';
import type { NodeFiles } from './node-files.ts';
import type { Pods } from './pods.ts';
import type { PassOutcome, Reconciler } from './reconciler.ts';
import type { RunResult } from './runner.ts';
import { BoundedRunner } from './runner.ts';
import type { Status } from './status.ts';
import { buildStatus } from './status.ts';

export type AgentParts = {
  readonly version: string;
  readonly nodeName: string;
  readonly kernel: Kernel;
  readonly source: Source;
  readonly reconciler: Reconciler;
  readonly config: ConfigKeeper;
  readonly pods: Pods;
  readonly files: Pick<NodeFiles, 'write'>;
  readonly foreignRules: ForeignRules;
  readonly announcer: Announcer;
  readonly metrics: AgentMetrics;
  readonly clock: Clock;
  readonly log: Log;
};

const LOOP_LIMITS = {
  minimumIntervalMs: 10,
  maximumIntervalMs: 30_000,
  firstRetryMs: 250,
  lastRetryMs: 30_000,
} as const;

export class Agent {
  readonly #parts: AgentParts;
  readonly #loop: BoundedRunner;
  readonly #publisher: AdvertPublisher;
  #cluster: PartialCluster = NOTHING_KNOWN;
  #passes = 0;
  #quietPass = false;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#loop = new BoundedRunner(() => this.#pass(), LOOP_LIMITS, parts.clock);
    this.#publisher = new AdvertPublisher(parts);
  }

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
    try {
      await Promise.all([
        source.run((event) => this.#take(event), stop),
        this.#loop.run(stop),
        this.#publisher.run(stop),
        this.#parts.foreignRules.run(() => this.#report(), stop),
        this.#parts.announcer.run(stop),
      ]);
    } finally {
      unwatch();
    }
  }

  /** What a CNI call is answered by now. */
  readiness(): NodeReadiness {
    const outcome = this.#parts.reconciler.last;
    const blocker = this.#blocker();
    if (outcome === undefined || blocker !== undefined) {
      return { kind: 'not-ready', reason: blocker ?? 'the agent is starting' };
    }
    const { ownSubnets, podMtuBytes } = outcome.desired;
    const network = {
      subnets: ownSubnets,
      sources: ownSubnets.map(cidrAddress),
      linkMtuBytes: podMtuBytes.link,
      routeMtuBytes: podMtuBytes.route,
    };
    const [failure] = outcome.failures;
    return failure === undefined
      ? { kind: 'ready', network }
      : { kind: 'degraded', network, reason: failure.error.message };
  }

  status(): Status {
    const { reconciler, config, pods, source, foreignRules } = this.#parts;
    return buildStatus({
      version: this.#parts.version,
      node: this.#parts.nodeName,
      problems: this.#problems(),
      config: {
        hash: config.config?.hash ?? '',
        origin: config.origin,
        backend: config.config?.backend.type ?? '',
        problems: config.problems,
      },
      outcome: reconciler.last,
      passes: this.#passes,
      foreignDrops: foreignRules.findings,
      pods: { attached: pods.attachedCount, broken: pods.broken },
      source: source.health(),
    });
  }

  #take(event: ClusterEvent): void {
    const before = this.#cluster;
    this.#cluster = fold(before, event);
    if (this.#cluster === before) return;
    const known = synced(this.#cluster);
    if (known !== undefined) {
      const { config, nodeName } = this.#parts;
      config.offer(known.config, known.nodes.get(nodeName)?.subnets ?? []);
    }
    if (concerns(event, this.#parts.nodeName)) this.#publisher.look();
    this.#loop.trigger();
  }

  async #pass(): Promise<RunResult> {
    const cluster = synced(this.#cluster);
    const config = this.#parts.config.config;
    // A cluster without this node is one that has lost its memory, or that deleted the Node of a
    // machine which lives on: the network of its pods stays as it is until the Node is back.
    const isMember = cluster?.nodes.has(this.#parts.nodeName) === true;
    if (cluster === undefined || config === undefined || !isMember) {
      this.#report();
      return 'done';
    }
    this.#parts.foreignRules.follow(config);
    const outcome = await this.#parts.reconciler.pass({ config, cluster });
    this.#passes += 1;
    this.#parts.metrics.passed(outcome);
    for (const { op, error } of outcome.failures) {
      this.#parts.log.warn({ code: error.code, object: op.object }, error.message);
    }
    const { advert, ownSubnets } = outcome.desired;
    if (ownSubnets.length > 0) this.#publisher.offer({ advert, backend: config.backend.type });
    const written = await this.#writeFiles(outcome);
    this.#report();
    return this.#result(outcome, written);
  }

  /** A pass that changed something is followed by one that finds nothing left to change. */
  #result(outcome: PassOutcome, written: boolean): RunResult {
    if (outcome.failures.length > 0 || !written) return 'retry';
    const again = outcome.ops.length > 0 && !this.#quietPass;
    this.#quietPass = again;
    if (again) return 'again';
    const dueAfterMs = this.#parts.reconciler.dueAfterMs;
    return dueAfterMs === undefined ? 'done' : { againAfterMs: dueAfterMs };
  }

  /** Subnet file and conflist, last of all: with the conflist the runtime starts pods. */
  async #writeFiles(outcome: PassOutcome): Promise<boolean> {
    const config = this.#parts.config.config;
    if (config === undefined || this.#blocker() !== undefined) return true;
    try {
      await this.#parts.files.write(config, outcome.desired);
      this.#parts.announcer.report('NodeFilesNotWritten', []);
      return true;
    } catch (error) {
      this.#parts.announcer.report('NodeFilesNotWritten', [describeError(error)]);
      return false;
    }
  }

  /** Why no pod can be started now; undefined when one can. */
  #blocker(): string | undefined {
    const { config, source, reconciler, nodeName } = this.#parts;
    const { nodes } = this.#cluster;
    if (config.config === undefined) {
      const [problem] = config.problems;
      if (problem !== undefined) return `the configuration is not valid: ${renderProblem(problem)}`;
    }
    if (nodes === undefined || config.config === undefined) {
      return source.health().problem ?? 'the cluster has not been listed yet';
    }
    if (!nodes.has(nodeName)) return `there is no Node named ${nodeName}`;
    const outcome = reconciler.last;
    if (outcome === undefined) return 'the agent is starting';
    if (outcome.desired.ownSubnets.length > 0) return undefined;
    const own = outcome.desired.nodeProblems.get(nodeName) ?? [];
    return own.length > 0 ? own.join('; ') : noSubnetText(nodeName);
  }

  #problems(): string[] {
    const outcome = this.#parts.reconciler.last;
    const blocker = this.#blocker();
    const unreachable = outcome?.desired.paths.filter(({ used }) => used === 'none') ?? [];
    return [
      ...(blocker === undefined ? [] : [blocker]),
      ...(outcome?.underlay.problems ?? []),
      ...(outcome?.failures.map(({ error }) => error.message) ?? []),
      ...unreachable.map(({ peer, family, reason }) => `${peer} (${family}): ${reason}`),
    ];
  }

  #report(): void {
    const { announcer, config, reconciler, metrics, foreignRules, nodeName } = this.#parts;
    const outcome = reconciler.last;
    metrics.configInvalid(config.problems.length > 0);
    announcer.report('ConfigInvalid', config.problems.map(renderProblem));
    announcer.report('ForeignDrop', foreignRules.findings);
    if (outcome === undefined) return;
    const { ownSubnets, nodeProblems } = outcome.desired;
    const own = nodeProblems.get(nodeName) ?? [];
    announcer.report('NodeDataInvalid', own);
    const lacksSubnet = ownSubnets.length === 0 && own.length === 0;
    announcer.report('NoSubnet', lacksSubnet ? [noSubnetText(nodeName)] : []);
    announcer.report('UnderlayMissing', outcome.underlay.problems);
  }
}

const concerns = (event: ClusterEvent, nodeName: string): boolean =>
  event.kind === 'nodes-listed' || (event.kind === 'node-put' && event.node.name === nodeName);

const noSubnetText = (nodeName: string): string =>
  `Node ${nodeName} has no podCIDR: start the controller-manager with --allocate-node-cidrs, ` +
  'or set spec.podCIDR';
