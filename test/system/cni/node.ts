// A node for tests: a network namespace that stands for the host, pods beside it, and the CNI side
// of the agent in this process, which the real executable is called against.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import type { NodeReadiness } from '../../../src/cni/node-network.ts';
import type { CniCall, CniService } from '../../../src/cni/service.ts';
import type { Agent, AgentHooks, AgentPlace } from './agent.ts';
import { attachmentDirectoryOf, READY, startAgent } from './agent.ts';
import type { Installation, Outcome } from './executable.ts';
import { call, envOf, install } from './executable.ts';

export type Pod = { readonly id: string; readonly netns: string; readonly name: string };

export type CniCallText = {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
};

const ip = (...words: readonly string[]): string =>
  execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const FILTERS =
  'add table inet poplin; delete table inet poplin; ' +
  'table inet poplin { chain pods { counter comment "poplin 0123456789abcdef 1/1"; }; }';

export class TestNode {
  readonly name: string;
  readonly place: Installation;
  readonly calls: CniCall[] = [];
  readiness: NodeReadiness = READY;
  #agent: Agent | undefined;
  readonly #pods = new Set<string>();

  /** `addWaitMs`: how long the executable waits for the agent. */
  static async create(label: string, addWaitMs = 300): Promise<TestNode> {
    const node = new TestNode(label, await install(addWaitMs));
    await node.start();
    return node;
  }

  constructor(label: string, place: Installation) {
    this.name = `pc-${process.pid}-${label}`;
    this.place = place;
    ip('netns', 'add', this.name);
    this.run('ip', 'link', 'set', 'lo', 'up');
    this.run('ip', 'addr', 'add', '10.244.1.0/32', 'dev', 'lo');
    this.run('ip', 'addr', 'add', 'fd00:10:244:1::/128', 'dev', 'lo');
    this.makeWhole();
  }

  /** What CHECK looks at of what the agent's loop does, which is not in this process. */
  makeWhole(): void {
    this.run('nft', FILTERS);
    this.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  }

  get service(): CniService {
    if (this.#agent === undefined) throw new Error('the agent of this node is stopped');
    return this.#agent.service;
  }

  get agentPlace(): AgentPlace {
    const { directory, socketPath } = this.place;
    return { netns: this.netns, directory, socketPath };
  }

  get netns(): string {
    return `/run/netns/${this.name}`;
  }

  get attachmentDirectory(): string {
    return attachmentDirectoryOf(this.place.directory);
  }

  async start(hooks: AgentHooks = {}): Promise<void> {
    this.#agent = await startAgent(this.agentPlace, {
      readiness: () => this.readiness,
      onCall: (done) => this.calls.push(done),
      ...hooks,
    });
  }

  async stop(): Promise<void> {
    await this.#agent?.stop();
    this.#agent = undefined;
  }

  /** A command in the node's namespace; its stdout. */
  run(...words: readonly string[]): string {
    return ip('netns', 'exec', this.name, ...words);
  }

  addPod(id: string): Pod {
    const name = `${this.name}-${id}`;
    ip('netns', 'add', name);
    this.#pods.add(name);
    return { id, name, netns: `/run/netns/${name}` };
  }

  removePod({ name }: Pod): void {
    ip('netns', 'del', name);
    this.#pods.delete(name);
  }

  /** A CNI call by the real executable. */
  cni(verb: string, pod: Pod, { config, env }: CniCallText = {}): Promise<Outcome> {
    return call(this.place.executable, {
      env: envOf(verb, { CNI_CONTAINERID: pod.id, CNI_NETNS: pod.netns, ...env }),
      stdin: JSON.stringify({ cniVersion: '1.1.0', name: 'poplin', type: 'poplin', ...config }),
    });
  }

  /** Links, routes and neighbours that are there for pods, as text; '' when there are none. */
  leftovers(): string {
    return [
      this.run('ip', '-br', 'link', 'show', 'group', '113'),
      this.run('ip', 'route', 'show', 'proto', '113'),
      this.run('ip', '-6', 'route', 'show', 'proto', '113'),
      this.run('ip', 'neigh', 'show', 'nud', 'permanent'),
    ].join('');
  }

  async remove(): Promise<void> {
    await this.stop();
    for (const name of this.#pods) ip('netns', 'del', name);
    ip('netns', 'del', this.name);
    this.place.remove();
  }
}

/** In a pod's namespace. */
export const runIn = (pod: Pod, ...words: readonly string[]): string =>
  ip('netns', 'exec', pod.name, ...words);

export type AddResult = {
  readonly cniVersion: string;
  readonly interfaces: readonly { readonly name: string; readonly mac: string }[];
  readonly ips: readonly { readonly address: string; readonly interface: number }[];
};

export const resultIn = ({ stdout }: Outcome): AddResult => JSON.parse(stdout);

export const errorIn = ({
  stdout,
}: Outcome): { readonly code: number; readonly msg: string; readonly details: string } =>
  JSON.parse(stdout);

/** Addresses without their length. */
export const addressesIn = (outcome: Outcome): string[] =>
  resultIn(outcome).ips.map(({ address }) => address.slice(0, address.indexOf('/')));

/** Fails unless the call has succeeded; the addresses that the pod got. */
export async function add(node: TestNode, pod: Pod): Promise<string[]> {
  const outcome = await node.cni('ADD', pod);
  assert.equal(outcome.exitCode, 0, outcome.stdout);
  return addressesIn(outcome);
}

export async function del(node: TestNode, pod: Pod): Promise<void> {
  const outcome = await node.cni('DEL', pod);
  assert.deepEqual([outcome.exitCode, outcome.stdout], [0, '']);
}

export const attachmentFiles = (node: TestNode): string[] =>
  readdirSync(node.attachmentDirectory).filter((name) => name !== 'released');
