// A command inside of the container that image-launcher.sh has started for a node of a lab: what
// `kubectl exec` does, with the container's own capabilities, mounts and environment.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { netnsPath } from '../../src/lab/netns.ts';
import { ROOT } from '../unit/deploy/manifests.ts';

const RUNC = join(ROOT, '.cache/containerd-1.6/usr/sbin/runc');
const TIMEOUT_MS = 120_000;

type Config = { readonly process: { readonly env: readonly string[] } };

/** The newest of the node: of agents that were killed bundles and states are left. */
function containerOf(directory: string, node: string): string {
  const states = join(directory, 'runc');
  const isOf = (name: string): boolean => {
    const { process } = JSON.parse(
      readFileSync(join(directory, name, 'config.json'), 'utf8'),
    ) as Config;
    return process.env.includes(`POPLIN_NODE_NAME=${node}`);
  };
  const [newest] = readdirSync(states)
    .filter(isOf)
    .map((name) => ({ name, startedMs: statSync(join(states, name)).ctimeMs }))
    .toSorted((a, b) => b.startedMs - a.startedMs);
  return newest?.name ?? assert.fail(`no container of ${node} runs`);
}

export type ExecResult = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

type Container = {
  /** Of the bundles. */
  readonly directory: string;
  readonly node: string;
  /** The node's network namespace, which is the container's: it has none of its own. */
  readonly netns: string;
};

export function execInImage(container: Container, words: readonly string[]): ExecResult {
  const { directory, node, netns } = container;
  const name = containerOf(directory, node);
  const enter = [`--net=${netnsPath(netns)}`, RUNC, '--root', join(directory, 'runc')];
  // Every byte as it is.
  const options = { encoding: 'latin1', timeout: TIMEOUT_MS } as const;
  const told = spawnSync('nsenter', [...enter, 'exec', name, ...words], options);
  return { exitCode: told.status, stdout: told.stdout, stderr: told.stderr };
}
