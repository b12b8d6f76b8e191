// The plugin chains that are compared, with their configurations, and the C program that calls them
// as libcni does (cni-chain.c).

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { compile, POPLIN_LAUNCHER, REFERENCE_PLUGINS } from './checkout.ts';
import type { BenchNode } from './cluster.ts';
import { ipBatch } from './cluster.ts';
import type { Stage } from './stage.ts';

const CNI_VERSION = '1.0.0';

type Plugin = { readonly executable: string; readonly config: Readonly<Record<string, unknown>> };

export type Chain = {
  readonly name: string;
  /** Namespace that its plugins run in: its host. */
  readonly host: string;
  readonly plugins: readonly Plugin[];
};

/** The number in a configuration that stands for the port of a job (cni-chain.c). */
const PORT_OF_JOB = 54_321;

/** One TCP port of the node for each pod. */
const HOST_PORT = {
  runtimeConfig: {
    portMappings: [{ hostPort: PORT_OF_JOB, containerPort: 80, protocol: 'tcp' }],
  },
};

/** With a port of the node for each pod. */
export const withHostPort = (chain: Chain): Chain => ({
  ...chain,
  name: `${chain.name}-hostport`,
  plugins: chain.plugins.map(({ executable, config }) =>
    ['poplin', 'portmap'].includes(String(config.type))
      ? { executable, config: { ...config, ...HOST_PORT } }
      : { executable, config },
  ),
});

/** Ours, on a node whose agent runs. */
export async function poplinChain(stage: Stage, node: BenchNode): Promise<Chain> {
  const bin = stage.directory();
  await mustRun(runCommand, [
    ...POPLIN_LAUNCHER,
    'install-cni',
    `--cni-bin-dir=${bin}`,
    `--run-dir=${join(node.directory, 'run')}`,
    `--state-dir=${join(node.directory, 'state')}`,
  ]);
  const plugin = { executable: join(bin, 'poplin'), config: { type: 'poplin' } };
  return { name: 'poplin', host: node.namespace, plugins: [plugin] };
}

/** As kind runs it, without its NAT. */
export const ptpChain = (stage: Stage): Promise<Chain> =>
  referenceChain(stage, 'ptp', [{ type: 'ptp', mtu: 1450 }]);

/** As Flannel delegates to it. */
export const bridgeChain = (stage: Stage): Promise<Chain> =>
  referenceChain(stage, 'bridge', [
    { type: 'bridge', mtu: 1450, hairpinMode: true, isGateway: true },
    { type: 'portmap', capabilities: { portMappings: true } },
  ]);

/** As it is where nothing is said of its MTU: that of no overlay, 1500. */
export const plainBridgeChain = (stage: Stage): Promise<Chain> =>
  referenceChain(stage, 'plain', [{ type: 'bridge', isGateway: true }]);

/** As its own documentation has it: its pods reach what is outside, as those of a network do. */
export const masqueradingChain = (stage: Stage): Promise<Chain> =>
  referenceChain(stage, 'masq', [{ type: 'bridge', mtu: 1450, isGateway: true, ipMasq: true }]);

/** As kind runs it, with its NAT: routed as ours, and connections are tracked. */
export const masqueradingPtpChain = (stage: Stage): Promise<Chain> =>
  referenceChain(stage, 'ptpmasq', [{ type: 'ptp', mtu: 1450, ipMasq: true }]);

async function referenceChain(
  stage: Stage,
  name: string,
  configs: readonly { readonly type: string; readonly [key: string]: unknown }[],
): Promise<Chain> {
  const host = await stage.namespace(`host-${name}`);
  await ipBatch(host, ['link set lo up']);
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: '10.88.0.0/16' }]],
    routes: [{ dst: '0.0.0.0/0' }],
    dataDir: stage.directory(),
  };
  const plugins = configs.map((config, index) => ({
    executable: join(REFERENCE_PLUGINS, config.type),
    config: index === 0 ? { ...config, ipam } : config,
  }));
  return { name, host, plugins };
}

export type Job = {
  /** Index in the list of chains. */
  readonly chain: number;
  readonly container: string;
  /** The pod's namespace, by name. */
  readonly namespace: string;
  /** Of the node, of five digits, for chains with a host port. */
  readonly hostPort?: number;
};

export type CallTimes = {
  /** Milliseconds of each job, by chain. */
  readonly jobsMs: readonly (readonly number[])[];
  /** From the first start to the last end. */
  readonly wallMs: number;
};

export class ChainRunner {
  readonly #program: string;
  readonly #results: string;
  readonly #chains: readonly Chain[];
  /** The `chain` and `plugin` lines, which are the same for each run. */
  readonly #head: string;

  static async create(stage: Stage, chains: readonly Chain[]): Promise<ChainRunner> {
    const program = await compile(stage, 'cni-chain');
    const configs = stage.directory();
    const head = chains.flatMap(({ name, host, plugins }) => [
      `chain ${name} /run/netns/${host}`,
      ...plugins.map(({ executable, config }, index) => {
        const path = join(configs, `${name}-${index}.json`);
        writeFileSync(path, JSON.stringify({ cniVersion: CNI_VERSION, name, ...config }));
        return `plugin ${executable} ${path}`;
      }),
    ]);
    return new ChainRunner({ program, results: stage.directory(), chains, head: head.join('\n') });
  }

  constructor(parts: {
    readonly program: string;
    readonly results: string;
    readonly chains: readonly Chain[];
    readonly head: string;
  }) {
    this.#program = parts.program;
    this.#results = parts.results;
    this.#chains = parts.chains;
    this.#head = parts.head;
  }

  async run(
    verb: 'ADD' | 'DEL',
    way: 'one-by-one' | 'at-once',
    jobs: readonly Job[],
  ): Promise<CallTimes> {
    const lines = jobs.map(({ chain, container, namespace, hostPort = '' }) =>
      `job ${chain} ${container} /run/netns/${namespace} ${hostPort}`.trimEnd(),
    );
    const input = `${this.#head}\n${lines.join('\n')}\n`;
    const argv = [this.#program, verb, way, this.#results];
    return this.#parse(await mustRun(runCommand, argv, { input, timeoutMs: 120_000 }));
  }

  #parse(text: string): CallTimes {
    const jobsMs: number[][] = this.#chains.map(() => []);
    let wallMs = 0;
    for (const line of text.trim().split('\n')) {
      const [what = '', nanoseconds] = line.split(' ');
      const milliseconds = Number(nanoseconds) / 1e6;
      if (what === 'wall') wallMs = milliseconds;
      else jobsMs[Number(what)]?.push(milliseconds);
    }
    return { jobsMs, wallMs };
  }
}
