// Suite `memory`: what the agent holds in memory, how soon it is ready, and what updates cost it,
// alone and in a cluster of 5,000 nodes; against a Node.js process that does nothing. The agent is
// the bundle, started by the launcher that users start it by.

import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { NODE_LAUNCHER } from './checkout.ts';
import type { Agent } from './cluster.ts';
import { Cluster } from './cluster.ts';
import type { Measure } from './measure.ts';
import { peerNodeObject } from './node-objects.ts';
import type { ProcessMemory } from './process-memory.ts';
import { readMemory } from './process-memory.ts';
import { endProcess, inNamespace, type Stage } from './stage.ts';
import { median, shortNumber } from './statistics.ts';
import type { SuiteContext } from './suite.ts';
import { updateMeasures } from './updates.ts';

export const NODES = 5000;
/** What is measured is the agent at rest: until so long nothing has changed, or it never will be. */
const REST_MS = 4_000;
const REST_TIMEOUT_MS = 60_000;
const REST_MIB = 0.5;
/** Within this time each of so many peers has been probed for the first time. */
export const FIRST_PROBES_MS = 55_000;
const STARTS = 5;
const EMPTY_PROCESS = 'an empty Node.js process';

export async function memorySuite({ stage, note }: SuiteContext): Promise<Measure[]> {
  note(`${STARTS} starts in a cluster of one node`);
  const cluster = await Cluster.create(stage, { nodeCount: 1, backend: 'vxlan' });
  const empty = await emptyProcess(stage, cluster);
  const idle = await startOften(cluster);
  note(`${NODES} nodes`);
  const objects = Array.from({ length: NODES }, (_, index) => peerNodeObject(index + 1));
  await cluster.api.change({ verb: 'create', kind: 'nodes', objects });
  const many = await startWithMany(cluster);
  return [
    ...memoryMeasures('memory.idle', idle.memory, empty.memory),
    ...memoryMeasures(`memory.${NODES}`, many.memory, empty.memory),
    startMeasure('start.ready', idle.readyMs, empty.startMs),
    startMeasure(`start.ready.${NODES}`, [many.readyMs], empty.startMs),
    ...many.updates,
  ];
}

/** At rest. */
export async function memoryOf(child: ChildProcess): Promise<ProcessMemory> {
  if (child.pid === undefined) throw new Error('the process did not start');
  const endMs = performance.now() + REST_TIMEOUT_MS;
  for (let before = readMemory(child.pid); ; ) {
    await systemClock.sleep(REST_MS);
    const now = readMemory(child.pid);
    const isAtRest = Math.abs(now.residentMiB - before.residentMiB) < REST_MIB;
    if (isAtRest || performance.now() > endMs) return now;
    before = now;
  }
}

/** Memory of one that waits, and the times from start to end of some that do not. */
export async function emptyProcess(
  stage: Stage,
  cluster: Cluster,
): Promise<{ memory: ProcessMemory; startMs: number[] }> {
  const { namespace } = cluster.node(1);
  const argv = (code: string): string[] => [
    ...inNamespace(namespace, [...NODE_LAUNCHER, '--max-semi-space-size=1', '-e', code]),
  ];
  const startMs: number[] = [];
  for (let index = 0; index < STARTS; index += 1) {
    const startedMs = performance.now();
    const child = stage.start(argv('0'));
    await new Promise((resolve) => child.once('exit', resolve));
    startMs.push(performance.now() - startedMs);
  }
  const waiting = stage.start(argv('setInterval(() => {}, 1e6)'));
  const memory = await memoryOf(waiting);
  await endProcess(waiting);
  return { memory, startMs };
}

async function startOften(cluster: Cluster): Promise<{ memory: ProcessMemory; readyMs: number[] }> {
  const readyMs: number[] = [];
  for (let index = 1; index < STARTS; index += 1) {
    const agent = cluster.startAgent(cluster.node(1));
    readyMs.push(await cluster.untilReady(agent));
    await endAgent(agent);
  }
  const agent = cluster.startAgent(cluster.node(1));
  readyMs.push(await cluster.untilReady(agent));
  const memory = await memoryOf(agent.child);
  await endAgent(agent);
  return { memory, readyMs };
}

/** The agent of the first node, in a cluster that has so many others. */
export async function startWithMany(
  cluster: Cluster,
  name = `${NODES}`,
): Promise<{ memory: ProcessMemory; readyMs: number; updates: Measure[] }> {
  const agent = cluster.startAgent(cluster.node(1));
  const readyMs = await cluster.untilReady(agent);
  await cluster.until('all peers have a path', ({ peers }) => {
    return peers.length === NODES && peers.every(({ used }) => used === 'vxlan');
  });
  await cluster.answerForPeers(agent.node);
  await systemClock.sleep(FIRST_PROBES_MS);
  await cluster.until('all peers answer', ({ peers }) => {
    return peers.every(({ probe }) => probe === 'answers');
  });
  const memory = await memoryOf(agent.child);
  const updates = await updateMeasures(cluster, agent, { nodeCount: NODES, name });
  await endAgent(agent);
  return { memory, readyMs, updates };
}

/** Without the conflist, so that the next start writes it again. */
export async function endAgent({ child, node }: Agent): Promise<void> {
  await endProcess(child);
  rmSync(join(node.directory, 'net.d', '10-poplin.conflist'));
}

export function memoryMeasures(name: string, own: ProcessMemory, empty: ProcessMemory): Measure[] {
  const spread = `highest ${shortNumber(own.highWaterMiB)}`;
  const common = { unit: 'MiB', against: EMPTY_PROCESS, spread: '' };
  return [
    { ...common, name, value: own.residentMiB, reference: empty.residentMiB, spread },
    {
      ...common,
      name: `${name}.anonymous`,
      value: own.anonymousMiB,
      reference: empty.anonymousMiB,
    },
    { ...common, name: `${name}.file`, value: own.fileMiB, reference: empty.fileMiB },
  ];
}

export function startMeasure(
  name: string,
  own: readonly number[],
  empty: readonly number[],
): Measure {
  return {
    name,
    value: median(own),
    unit: 'ms',
    against: `${EMPTY_PROCESS}, from start to end`,
    reference: median(empty),
    spread: `max ${shortNumber(Math.max(...own))} / max ${shortNumber(Math.max(...empty))}`,
  };
}
