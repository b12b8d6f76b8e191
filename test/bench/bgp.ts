// Suite `bgp`: a node whose agent and BIRD have a hundred others to speak with: how long until all
// of their routes are in its kernel, until a changed setting is in force, and what both processes
// hold in memory; against a BIRD that somebody has written the very same file for.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG_CONSTANT } from '../../src/agent/bird-text.ts';
import { openBird } from '../../src/bird/bird.ts';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { processesIn } from '../../src/lab/down.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { bird } from '../lab/birds.ts';
import { PEER_COUNT, peerNames, peerObjects, startBird, startPeers } from './bgp-peers.ts';
import type { BenchNode } from './cluster.ts';
import { Cluster } from './cluster.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import { emptyProcess, memoryMeasures } from './memory.ts';
import { POD_NETWORK } from './node-objects.ts';
import { readMemory } from './process-memory.ts';
import type { Stage } from './stage.ts';
import { endProcess, inNamespace, PLAIN_ENVIRONMENT } from './stage.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';

const JOINS = 5;
const CHANGES = 15;
const TIMEOUT_MS = 120_000;
const POLL_MS = 5;
/** What comes into memory with the first sessions is there after this. */
const REST_MS = 5_000;
/** Neighbours are told of the end of a BIRD by BFD; see scripts/bird-run.sh. */
const BFD_MS = 6_000;
const BARE = 'a BIRD with the finished file';

export async function bgpSuite({ stage, note }: SuiteContext): Promise<Measure[]> {
  const cluster = await Cluster.create(stage, { nodeCount: 1, backend: 'bgp' });
  const node = cluster.node(1);
  const empty = await emptyProcess(stage, cluster);
  await startPeers(cluster, node);
  const station = new Station(cluster, node);
  const aloneMiB = await station.birdMiB();
  note(`${JOINS} times ${PEER_COUNT} nodes come at once`);
  const joins: { routesMs: number; pathsMs: number }[] = [];
  for (let round = 1; round <= JOINS; round += 1) {
    if (round > 1) await station.leave();
    joins.push(await station.join());
  }
  await systemClock.sleep(REST_MS);
  const agentMemory = station.agentMemory();
  const birdMiB = await station.birdMiB();
  note(`${CHANGES} changes of a setting`);
  const changes = await station.changes();
  note(`a BIRD alone, ${JOINS} times`);
  const texts = await station.end();
  const bare = await bareBird(stage, node, texts);
  const routes = { own: joins.map(({ routesMs }) => routesMs), other: bare.startsMs };
  const paths = { own: joins.map(({ pathsMs }) => pathsMs), other: bare.startsMs };
  const name = `bgp.${PEER_COUNT}`;
  return [
    timeMeasure(`${name}.join`, routes),
    timeMeasure(`${name}.paths`, paths),
    timeMeasure(`${name}.change`, { own: changes, other: bare.changesMs }),
    ...memoryMeasures(`memory.${name}`, agentMemory, empty.memory),
    {
      ...{ name: `memory.${name}.bird`, value: birdMiB, unit: 'MiB', reference: aloneMiB },
      ...{ against: 'the same BIRD without sessions', spread: '' },
    },
  ];
}

const timeMeasure = (
  name: string,
  { own, other }: { readonly own: readonly number[]; readonly other: readonly number[] },
): Measure => {
  const [ours, theirs] = [summarise(own), summarise(other)];
  const numbers = { value: ours.median, reference: theirs.median };
  return { name, ...numbers, unit: 'ms', against: BARE, spread: spreadText(ours, theirs) };
};

/** The agent and the sidecar of the node, as they are shipped. */
class Station {
  readonly #cluster: Cluster;
  readonly #node: BenchNode;
  readonly #birdDir: string;
  readonly #agent: ReturnType<Cluster['startAgent']>;
  readonly #sidecar: ReturnType<Stage['start']>;

  constructor(cluster: Cluster, node: BenchNode) {
    this.#cluster = cluster;
    this.#node = node;
    this.#birdDir = join(node.directory, 'bird');
    const argv = inNamespace(node.namespace, ['sh', bird.script, this.#birdDir]);
    const env = { ...PLAIN_ENVIRONMENT, ...bird.environment };
    this.#sidecar = cluster.stage.start(argv, { env });
    this.#agent = cluster.startAgent(node);
  }

  async birdMiB(): Promise<number> {
    const isBird = ({ pid }: { readonly pid: number }): boolean =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        .split('\0')
        .includes(`${this.#birdDir}/bird.ctl`);
    const { namespace } = this.#node;
    await until('BIRD answers', () => existsSync(join(this.#birdDir, 'bird.ctl')));
    const found = (await processesIn(runCommand, namespace)).find(isBird);
    if (found === undefined) throw new Error('the node has no BIRD');
    return readMemory(found.pid).residentMiB;
  }

  agentMemory() {
    const { pid } = this.#agent.child;
    if (pid === undefined) throw new Error('the agent did not start');
    return readMemory(pid);
  }

  async join(): Promise<{ routesMs: number; pathsMs: number }> {
    await this.#cluster.until('BIRD has its configuration', ({ bgp }) => {
      return bgp?.bird?.config !== undefined && bgp.bird.config === bgp.wanted;
    });
    const startedMs = performance.now();
    const objects = peerObjects();
    await this.#cluster.api.change({ verb: 'create', kind: 'nodes', objects });
    await until('all routes', () => hasRoutes(this.#node, PEER_COUNT));
    const routesMs = performance.now() - startedMs;
    await this.#cluster.until('all peers are on bgp', ({ peers }) => {
      return peers.length === PEER_COUNT && peers.every(({ used }) => used === 'bgp');
    });
    return { routesMs, pathsMs: performance.now() - startedMs };
  }

  async leave(): Promise<void> {
    for (const name of peerNames()) {
      await this.#cluster.api.change({ verb: 'delete', kind: 'nodes', name });
    }
    await until('no routes', () => hasRoutes(this.#node, 0));
    await this.#cluster.until('no peers', ({ peers }) => peers.length === 0);
  }

  /** From the API to BIRD that runs by it. */
  async changes(): Promise<number[]> {
    const tookMs: number[] = [];
    const stop = new AbortController();
    const socketPath = join(this.#birdDir, 'bird.ctl');
    const asked = { socketPath, clock: systemClock, timeoutMs: TIMEOUT_MS, stop: stop.signal };
    const running = await openBird(asked);
    for (let round = 1; round <= CHANGES; round += 1) {
      const before = await running.constant(CONFIG_CONSTANT);
      const startedMs = performance.now();
      await this.#configure(round % 2 === 1);
      await until('the new text', async () => (await running.constant(CONFIG_CONSTANT)) !== before);
      tookMs.push(performance.now() - startedMs);
      await this.#cluster.until('it is confirmed', ({ bgp }) => bgp?.bird?.config === bgp?.wanted);
    }
    running.close();
    return tookMs;
  }

  /** One peer more, whom nobody plays. */
  async #configure(withStranger: boolean): Promise<void> {
    const Peers = withStranger ? [{ Address: '192.168.77.250', AS: 65_001 }] : [];
    const conf = { Network: POD_NETWORK, Backend: { Type: 'bgp' }, BGP: { Peers } };
    const patch = { data: { 'net-conf.json': JSON.stringify(conf) } };
    const name = 'poplin-config';
    await this.#cluster.api.change({ verb: 'merge', kind: 'configmaps', name, patch });
  }

  /** The files with and without the last change; nothing of what was here is left. */
  async end(): Promise<readonly [string, string]> {
    const text = (): string => readFileSync(join(this.#birdDir, 'bird.conf'), 'utf8');
    const changed = text();
    await this.#configure(CHANGES % 2 === 0);
    await until('the text before', () => text() !== changed);
    await endProcess(this.#agent.child);
    await endProcess(this.#sidecar);
    return [text(), changed];
  }
}

async function bareBird(stage: Stage, node: BenchNode, texts: readonly [string, string]) {
  const startsMs: number[] = [];
  const changesMs: number[] = [];
  for (let round = 1; round <= JOINS; round += 1) {
    await mustRun(runCommand, ['ip', '-n', node.namespace, 'route', 'flush', 'proto', 'bird']);
    await systemClock.sleep(BFD_MS);
    const startedMs = performance.now();
    const bare = startBird(stage, { namespace: node.namespace, text: texts[0] });
    await until('all routes', () => hasRoutes(node, PEER_COUNT));
    startsMs.push(performance.now() - startedMs);
    if (round === JOINS) changesMs.push(...(await bareChanges(bare, texts)));
    bare.child.kill('SIGKILL');
  }
  return { startsMs, changesMs };
}

async function bareChanges(
  { directory, socketPath }: ReturnType<typeof startBird>,
  texts: readonly [string, string],
): Promise<number[]> {
  const stop = new AbortController();
  const asked = { socketPath, clock: systemClock, timeoutMs: TIMEOUT_MS, stop: stop.signal };
  const running = await openBird(asked);
  const tookMs: number[] = [];
  for (let round = 1; round <= CHANGES; round += 1) {
    const file = join(directory, 'next.conf');
    const before = await running.constant(CONFIG_CONSTANT);
    const startedMs = performance.now();
    writeFileSync(file, texts[round % 2] ?? '');
    await running.configure(file);
    await until('the new text', async () => (await running.constant(CONFIG_CONSTANT)) !== before);
    tookMs.push(performance.now() - startedMs);
  }
  running.close();
  return tookMs;
}

async function hasRoutes({ namespace }: BenchNode, count: number): Promise<boolean> {
  const said = await mustRun(runCommand, ['ip', '-n', namespace, 'route', 'show', 'proto', 'bird']);
  return said.split('\n').filter((line) => line !== '').length === count;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${TIMEOUT_MS} ms: ${what}`);
    await systemClock.sleep(POLL_MS);
  }
}
