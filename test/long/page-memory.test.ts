// What the web page costs an agent in a cluster of 5,000 nodes, each of which publishes how it is:
// memory without the page, with it, and while somebody looks at it, as the kernel counts it. At
// rest the agent is within what the manifest asks for; what the page adds is what docs/page.md
// says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULTS } from '../../scripts/deploy/parameters.ts';
import type { NodeSummary } from '../../src/cluster/summary.ts';
import { renderSummary } from '../../src/cluster/summary.ts';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { SUMMARY_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import { NODE_LAUNCHER } from '../bench/checkout.ts';
import type { Agent } from '../bench/cluster.ts';
import { Cluster } from '../bench/cluster.ts';
import { endAgent, FIRST_PROBES_MS, memoryOf, NODES } from '../bench/memory.ts';
import { peerAddressOf, peerNodeObject, subnetOf } from '../bench/node-objects.ts';
import { inNamespace, Stage } from '../bench/stage.ts';
import { ROOT } from '../unit/deploy/manifests.ts';

const TIMEOUT_MS = 900_000;
const LISTEN = '127.0.0.1:9113';
/** As often as a browser asks, for half a minute. */
const LOOKS = 15;
const LOOK_MS = 2_000;
const REQUESTED_MIB = Number.parseInt(DEFAULTS.resources.requests.memory, 10);

const summaryOf = (number: number): NodeSummary => ({
  ...{ v: 1, at: new Date().toISOString(), withinSeconds: 7_200, version: '0.1.0', ready: true },
  ...{ problems: [], backend: 'vxlan', config: 'peer', configInvalid: false, cluster: 'synced' },
  ...{ subnets: [subnetOf(number)], underlay: [peerAddressOf(number)], pods: 30 },
  peers: { total: NODES, silent: 0, unreachable: 0, waiting: 0, isWhole: false },
  ...{ paths: [], events: [] },
});

type NodeObject = { readonly metadata: { readonly annotations: Record<string, string> } };

function nodeThatPublishes(number: number): unknown {
  const node = peerNodeObject(number) as NodeObject;
  node.metadata.annotations[SUMMARY_ANNOTATION] = renderSummary(summaryOf(number));
  return node;
}

async function startSettled(cluster: Cluster, page: 'on' | 'off'): Promise<Agent> {
  const flags = { page, 'metrics-listen': LISTEN };
  const agent = cluster.startAgent(cluster.node(1), flags);
  await cluster.untilReady(agent);
  await cluster.until('all peers have a path', ({ peers }) => {
    return peers.length === NODES && peers.every(({ used }) => used === 'vxlan');
  });
  if (page === 'off') await cluster.answerForPeers(agent.node);
  await systemClock.sleep(FIRST_PROBES_MS);
  await cluster.until('all peers answer', ({ peers }) => {
    return peers.every(({ probe }) => probe === 'answers');
  });
  return agent;
}

/** Milliseconds that each answer took, and how many nodes were in it. */
async function look({ node }: Agent): Promise<{ readonly ms: number; readonly nodes: number }> {
  const script = `fetch('http://${LISTEN}/cluster.json').then((answer) => answer.json())
    .then(({ nodes }) => console.log(nodes.filter(({ state }) => state === 'ready').length))`;
  const argv = [...NODE_LAUNCHER, '-e', script];
  const startedMs = performance.now();
  const stdout = await mustRun(runCommand, inNamespace(node.namespace, argv));
  return { ms: performance.now() - startedMs, nodes: Number(stdout) };
}

test(`the page in a cluster of ${NODES} nodes`, { timeout: TIMEOUT_MS }, async (t) => {
  await using stage = new Stage();
  const cluster = await Cluster.create(stage, { nodeCount: 1, backend: 'vxlan' });
  const objects = Array.from({ length: NODES }, (_, index) => nodeThatPublishes(index + 1));
  await cluster.api.change({ verb: 'create', kind: 'nodes', objects });

  const without = await startSettled(cluster, 'off');
  const off = await memoryOf(without.child);
  await endAgent(without);
  const agent = await startSettled(cluster, 'on');
  const on = await memoryOf(agent.child);
  const looks = [];
  for (let index = 0; index < LOOKS; index += 1) {
    looks.push(await look(agent));
    await systemClock.sleep(LOOK_MS);
  }
  const after = await memoryOf(agent.child);
  for (const [what, memory] of Object.entries({ off, on, after })) {
    const { residentMiB, anonymousMiB, highWaterMiB } = memory;
    const figures = [residentMiB, anonymousMiB, highWaterMiB].map((value) => value.toFixed(1));
    t.diagnostic(`${what}: resident ${figures[0]} MiB, own ${figures[1]}, highest ${figures[2]}`);
  }
  const slowest = Math.max(...looks.map(({ ms }) => ms));
  t.diagnostic(`an answer took ${slowest.toFixed(0)} ms at most`);
  assert.ok(looks.every(({ nodes }) => nodes >= NODES));
  assert.ok(off.residentMiB <= REQUESTED_MIB, `${off.residentMiB} MiB without the page`);
  const page = readFileSync(join(ROOT, 'docs/page.md'), 'utf8');
  const said = Number(/takes up to (\d+) MiB more/.exec(page)?.[1]);
  assert.ok(on.residentMiB - off.residentMiB <= said, `${on.residentMiB} MiB with the page`);
  assert.ok(after.residentMiB - off.residentMiB <= said, `${after.residentMiB} MiB looked at`);
});
