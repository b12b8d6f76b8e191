// A small cluster: a fabric namespace with a bridge and the embedded API, and a few nodes joined to
// it by veth pairs, on each of which the agent runs as it is shipped.

import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchStatus } from '../../src/agent/admin-client.ts';
import type { Status } from '../../src/agent/status.ts';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { Api } from './api.ts';
import { buildBundle, POPLIN_LAUNCHER } from './checkout.ts';
import { agentNodeObject, PEER_RANGES, POD_NETWORK } from './node-objects.ts';
import type { Stage } from './stage.ts';
import { inNamespace } from './stage.ts';
import { answerForPeers } from './stand-in.ts';

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 2;
const CONFIG_MAP = 'poplin-config';

export type BenchNode = {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly subnet: Cidr;
  readonly directory: string;
};

export type Agent = {
  readonly node: BenchNode;
  readonly child: ChildProcess;
  /** CLOCK_MONOTONIC when it was started. */
  readonly startedMs: number;
};

export type ClusterSettings = {
  readonly nodeCount: number;
  readonly backend: string;
  /** Nodes without podCIDRs, which have to claim their subnets. */
  readonly subnetSource?: 'lease';
};

export class Cluster {
  readonly stage: Stage;
  readonly api: Api;
  readonly nodes: readonly BenchNode[];
  readonly fabric: string;

  /** Nodes and API, but no agents yet. */
  static async create(stage: Stage, settings: ClusterSettings): Promise<Cluster> {
    await buildBundle();
    const labels = Array.from({ length: settings.nodeCount }, (_, index) => `node${index + 1}`);
    const [fabric = '', ...namespaces] = await stage.namespaces(['fabric', ...labels]);
    const nodes = namespaces.map((namespace, index) => ({
      name: labels[index] ?? '',
      namespace,
      address: `192.168.77.${11 + index}`,
      subnet: `10.255.${index + 1}.0/24` as Cidr,
      directory: stage.directory(),
    }));
    await makeUnderlay(fabric, nodes);
    const api = await Api.start(stage, fabric, '192.168.77.1');
    const cluster = new Cluster(stage, { api, nodes, fabric });
    await cluster.#createObjects(settings);
    return cluster;
  }

  constructor(
    stage: Stage,
    parts: {
      readonly api: Api;
      readonly nodes: readonly BenchNode[];
      readonly fabric: string;
    },
  ) {
    this.stage = stage;
    this.api = parts.api;
    this.nodes = parts.nodes;
    this.fabric = parts.fabric;
  }

  node(number: number): BenchNode {
    const node = this.nodes[number - 1];
    if (node === undefined) throw new Error(`there is no node ${number}`);
    return node;
  }

  async setBackend(type: string): Promise<void> {
    const patch = { data: { 'net-conf.json': netConf(type) } };
    await this.api.change({ verb: 'merge', kind: 'configmaps', name: CONFIG_MAP, patch });
  }

  /** `further` flags are added to those by which it finds its files. */
  startAgent(node: BenchNode, further: Readonly<Record<string, string>> = {}): Agent {
    const { directory } = node;
    const options: Record<string, string> = {
      'node-name': node.name,
      kubeconfig: join(directory, 'kubeconfig'),
      'state-dir': join(directory, 'state'),
      'run-dir': join(directory, 'run'),
      'cni-conf-dir': join(directory, 'net.d'),
      'cni-cache-dir': join(directory, 'cni-results'),
      'bird-dir': join(directory, 'bird'),
      'machine-id-file': join(directory, 'machine-id'),
      'log-level': 'warn',
      ...further,
    };
    const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const argv = inNamespace(node.namespace, [...POPLIN_LAUNCHER, 'agent', ...flags]);
    const startedMs = performance.now();
    const child = this.stage.start(argv, { stdio: ['ignore', 'inherit', 'inherit'] });
    return { node, child, startedMs };
  }

  /** Milliseconds from the start of the process to the conflist. */
  async untilReady({ node, child, startedMs }: Agent): Promise<number> {
    const conflist = join(node.directory, 'net.d', '10-poplin.conflist');
    while (!existsSync(conflist)) {
      if (child.exitCode !== null) throw new Error(`the agent of ${node.name} has ended`);
      if (performance.now() - startedMs > READY_TIMEOUT_MS) {
        throw new Error(`the agent of ${node.name} is not ready after ${READY_TIMEOUT_MS} ms`);
      }
      await systemClock.sleep(POLL_MS);
    }
    return performance.now() - startedMs;
  }

  async startAgents(): Promise<Agent[]> {
    const agents = this.nodes.map((node) => this.startAgent(node));
    for (const agent of agents) await this.untilReady(agent);
    return agents;
  }

  status(node: BenchNode): Promise<Status> {
    return fetchStatus(join(node.directory, 'run'));
  }

  /** Until every node's status satisfies `check`. */
  async until(what: string, check: (status: Status) => boolean): Promise<void> {
    const startedMs = performance.now();
    for (const node of this.nodes) {
      while (!check(await this.status(node))) {
        if (performance.now() - startedMs > READY_TIMEOUT_MS) {
          throw new Error(`${node.name}: not within ${READY_TIMEOUT_MS} ms: ${what}`);
        }
        await systemClock.sleep(20);
      }
    }
  }

  /** From now on the peers that are Nodes alone answer probes of this node. */
  async answerForPeers(node: BenchNode): Promise<void> {
    const { subnets } = (await this.status(node)).lease;
    const [subnet = node.subnet] = subnets;
    await answerForPeers({
      ...{ fabric: this.fabric, node: node.namespace, underlay: node.address, subnet },
      peers: PEER_RANGES,
    });
  }

  async #createObjects({ backend, subnetSource }: ClusterSettings): Promise<void> {
    const { api, nodes } = this;
    const keys = subnetSource === undefined ? {} : { SubnetSource: subnetSource };
    const data = { 'net-conf.json': netConf(backend, keys) };
    const config = { metadata: { name: CONFIG_MAP }, data };
    await api.change({ verb: 'create', kind: 'configmaps', objects: [config] });
    const objects = nodes.map(({ name, address, subnet }) =>
      agentNodeObject(name, address, subnetSource === undefined ? subnet : undefined),
    );
    await api.change({ verb: 'create', kind: 'nodes', objects });
    for (const { directory, name } of nodes) {
      mkdirSync(join(directory, 'net.d'));
      writeFileSync(join(directory, 'machine-id'), `${name}\n`);
      writeFileSync(join(directory, 'kubeconfig'), kubeconfig(api.server));
    }
  }
}

const netConf = (type: string, keys: object = {}): string =>
  JSON.stringify({ Network: POD_NETWORK, ...keys, Backend: { Type: type } });

const kubeconfig = (server: string): string =>
  JSON.stringify({
    'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    users: [{ name: 'bench', user: {} }],
  });

async function makeUnderlay(fabric: string, nodes: readonly BenchNode[]): Promise<void> {
  const lines = [
    'link set lo up',
    'link add segment type bridge',
    'address add 192.168.77.1/24 dev segment',
    'link set segment up',
    ...nodes.flatMap(({ name, namespace }) => [
      `link add ${name} type veth peer name eth0 netns ${namespace}`,
      `link set ${name} master segment up`,
    ]),
  ];
  await ipBatch(fabric, lines);
  for (const { namespace, address } of nodes) {
    await ipBatch(namespace, [
      'link set lo up',
      `address add ${address}/24 dev eth0`,
      'link set eth0 up',
      'route add default via 192.168.77.1 dev eth0',
    ]);
  }
}

export async function ipBatch(namespace: string, lines: readonly string[]): Promise<void> {
  const input = `${lines.join('\n')}\n`;
  await mustRun(runCommand, ['ip', '-n', namespace, '-batch', '-'], { input });
}
