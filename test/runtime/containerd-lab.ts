// A lab of two nodes with a containerd on each, for one test: its pods are sandboxes that the test
// asks for as kubelet does, and what the agents hold for them is read from their files.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseFileName } from '../../src/cni/attachment-file.ts';
import type { NodePaths } from '../../src/lab/lab-directory.ts';
import { netnsPath } from '../../src/lab/netns.ts';
import type { TestLab } from '../lab/lab.ts';
import { withLab } from '../lab/lab.ts';
import type { LabOptions } from '../lab/lab-spec.ts';
import type { Release } from './containerd-config.ts';
import { mustBeThere } from './containerd-config.ts';
import { RuntimeHost } from './host.ts';

export class RuntimeNode {
  readonly name: string;
  readonly host: RuntimeHost;
  readonly #lab: TestLab;

  constructor(lab: TestLab, name: string, host: RuntimeHost) {
    this.#lab = lab;
    this.name = name;
    this.host = host;
  }

  get paths(): NodePaths {
    return this.#lab.directory.node(this.name);
  }

  /** Names of DELs that wait for the agent. */
  tombstones(): string[] {
    const directory = join(this.paths.stateDir, 'tombstones');
    return existsSync(directory) ? readdirSync(directory) : [];
  }

  /** All addresses that the agent keeps for pods; also without an agent. */
  heldAddresses(): string[] {
    return readdirSync(join(this.paths.stateDir, 'attachments'))
      .flatMap((name) => parseFileName(name)?.addresses ?? [])
      .sort();
  }

  /** Links, routes and neighbours of pods in the node's kernel; '' when there are none. */
  podObjects(): string {
    const run = (words: string): string =>
      execFileSync('ip', ['-n', this.#lab.node(this.name).netns, ...words.split(' ')], {
        encoding: 'utf8',
      });
    const links = run('-br link show group 113');
    const routes = [run('route show proto 113'), run('-6 route show proto 113')];
    const ofPods = /dev poplin[0-9a-f]{9}\b/;
    const told = routes.join('').split('\n');
    return [links, ...told.filter((line) => ofPods.test(line))].join('');
  }

  killAgent(): Promise<void> {
    return this.#lab.endAgent(this.name, 'SIGKILL');
  }

  /** Until it answers CNI calls and has carried out what waited for it. */
  async startAgent(): Promise<void> {
    this.#lab.startAgent(this.name);
    await this.#lab.untilStatus(this.name, 'is ready', ({ ready }) => ready);
  }

  /** Without waiting for anything. */
  launchAgent(): void {
    this.#lab.startAgent(this.name);
  }
}

export async function withContainerd(
  release: Release,
  options: LabOptions,
  body: (nodes: readonly RuntimeNode[], lab: TestLab) => Promise<void>,
): Promise<void> {
  mustBeThere(release);
  await withLab({ nodeCount: 2, podsPerNode: 0, ...options }, async (lab) => {
    const nodes: RuntimeNode[] = [];
    try {
      for (const { name, netns } of lab.plan.nodes) {
        const { cniConfDir, cniBinDir, cniCacheDir } = lab.directory.node(name);
        const directory = join(lab.directory.path, name, 'containerd');
        const dirs = { directory, cniConfDir, cniBinDir, cniCacheDir };
        const place = { netns: netnsPath(netns), ...dirs };
        nodes.push(new RuntimeNode(lab, name, await RuntimeHost.start(release, place)));
      }
      await body(nodes, lab);
    } catch (error) {
      for (const { host } of nodes) process.stderr.write(`${host.log()}\n`);
      throw error;
    } finally {
      await Promise.all(nodes.map(({ host }) => host.end()));
    }
  });
}
