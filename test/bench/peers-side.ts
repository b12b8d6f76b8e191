// One namespace that stands for a node with many peers, and the agent's own reconciler on it. Peers
// are objects only: nobody answers behind the underlay's link.

import { closeSync } from 'node:fs';
import { OriginalSysctls } from '../../src/agent/original-sysctls.ts';
import type { PassInput, PassOutcome } from '../../src/agent/reconciler.ts';
import { Reconciler } from '../../src/agent/reconciler.ts';
import type { Synced } from '../../src/cluster/cluster.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/linux.ts';
import { NetnsRegistry, openNetns } from '../../src/kernel/netns.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { passedOn } from '../fake/passed-on.ts';
import { ipBatch } from './cluster.ts';
import { POD_NETWORK, peerNode } from './node-objects.ts';
import type { Stage } from './stage.ts';

const SELF = 'self';
const SELF_ADDRESS = '172.31.255.1' as Ip;

export type TimedPass = {
  readonly outcome: PassOutcome;
  /** The whole pass, from reading the kernel to its last answer. */
  readonly totalMs: number;
  /** Of it, what the kernel adapter took to apply the operations. */
  readonly applyMs: number;
};

export class PeersSide {
  readonly namespace: string;
  readonly #kernel: Kernel;
  readonly #reconciler: Reconciler;
  readonly #config = benchConfig();
  /** By number of peers: as in the agent, a pass finds the cluster made already. */
  readonly #clusters = new Map<number, Synced>();
  #applyMs = 0;

  /** With everything that does not depend on peers: device, table, sysctls, own routes. */
  static async create(stage: Stage, label: string): Promise<PeersSide> {
    const namespace = await stage.namespace(label);
    await ipBatch(namespace, [
      'link set lo up',
      'link add eth0 type veth peer name wire',
      'link set wire up',
      `address add ${SELF_ADDRESS}/12 dev eth0`,
      'link set eth0 up',
    ]);
    const { fd } = openNetns(`/run/netns/${namespace}`);
    stage.defer(() => closeSync(fd));
    const side = new PeersSide(stage, namespace, fd);
    await side.pass(0);
    return side;
  }

  constructor(stage: Stage, namespace: string, netns: number) {
    this.namespace = namespace;
    const kernel = openKernel({
      netns,
      procSysRoot: '/proc/sys/net',
      netnsRegistry: new NetnsRegistry(),
      log: silentLog,
    });
    stage.defer(() => kernel.close());
    this.#kernel = kernel;
    this.#reconciler = new Reconciler({
      kernel: this.#timed(),
      clock: systemClock,
      log: silentLog,
      nodeName: SELF,
      machine: SELF,
      originals: new OriginalSysctls(stage.directory(), 'boot', silentLog),
      attachments: () => [],
      verdicts: () => new Map(),
      underlayMtus: () => new Map(),
      holdProbes: () => undefined,
      pendingLinks: () => new Set(),
      pendingAddresses: () => new Set(),
    });
  }

  async pass(peerCount: number): Promise<TimedPass> {
    this.#applyMs = 0;
    const input = this.#input(peerCount);
    const startedMs = performance.now();
    const outcome = await this.#reconciler.pass(input);
    const totalMs = performance.now() - startedMs;
    const [failure] = outcome.failures;
    if (failure !== undefined) throw failure.error;
    return { outcome, totalMs, applyMs: this.#applyMs };
  }

  /** How long a pass takes that time alone asks for; throws when it finds something to do. */
  async routine(peerCount: number): Promise<number> {
    const input = this.#input(peerCount);
    const startedMs = performance.now();
    const isSettled = this.#reconciler.isSettled(input);
    const ops = isSettled ? [] : (await this.#reconciler.pass(input)).ops;
    if (ops.length > 0) throw new Error('a pass that should find nothing found something');
    return performance.now() - startedMs;
  }

  #input(peerCount: number): PassInput {
    const cluster = this.#clusters.get(peerCount) ?? clusterOf(peerCount);
    this.#clusters.set(peerCount, cluster);
    const subnets = cluster.nodes.get(SELF)?.subnets ?? [];
    const families = { families: ['ipv4'], neededFamilies: ['ipv4'], retired: [] } as const;
    return { config: this.#config, ...families, cluster, right: { subnets } };
  }

  /** The same kernel, with `apply` timed. */
  #timed(): Kernel {
    const kernel = this.#kernel;
    return {
      ...passedOn(kernel),
      apply: async (ops) => {
        const startedMs = performance.now();
        const failures = await kernel.apply(ops);
        this.#applyMs += performance.now() - startedMs;
        return failures;
      },
    };
  }
}

function benchConfig(): Config {
  const json = { Network: POD_NETWORK, Backend: { Type: 'vxlan' } };
  const parsed = parseConfig(JSON.stringify(json));
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

function clusterOf(peerCount: number): Synced {
  const self: ClusterNode = {
    name: SELF,
    uid: SELF,
    createdAt: '2026-01-01T00:00:00Z',
    subnets: ['10.255.1.0/24' as Cidr],
    internalIps: [SELF_ADDRESS],
    problems: [],
  };
  const peers = Array.from({ length: peerCount }, (_, index) => peerNode(index + 1));
  return {
    kind: 'synced',
    nodes: new Map([self, ...peers].map((node) => [node.name, node])),
    config: { text: '', origin: 'bench' },
  };
}
