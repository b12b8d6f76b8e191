// A cluster of Flannel moves to Poplin node by node while its pods run: what they lose is counted
// all the while, a node that is half way goes back and comes again, pods of both networks reach
// each other, and in the end nothing of Flannel is left. The commands of docs/migration.md are
// those that are run here.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { agentFlags, prepareNode } from '../../src/lab/agents.ts';
import { checkReachability } from '../../src/lab/check.ts';
import { callCni } from '../../src/lab/cni-client.ts';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { endpointsOf } from '../../src/lab/endpoints.ts';
import type { PodRecord } from '../../src/lab/pods.ts';
import { callOf, forgetPod, hostOf, podRecords } from '../../src/lab/pods.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { commandOf } from '../unit/docs/pages.ts';
import { cni } from './cni.ts';
import type { FlannelBackend } from './flannel-host.ts';
import { becomeFlannel, flannelAnnotations } from './flannel-host.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, until, withLab } from './lab.ts';
import { assertNothingLost, whileProbing } from './probing.ts';
import { wholeNode } from './whole-node.ts';

const WAIT_MS = 60_000;
const REACH_TIMEOUT_MS = 30_000;
const NODES = ['node1', 'node2', 'node3'] as const;
/** The pod of Flannel, and the one that Poplin attaches. */
const OLD = 1;
const NEW = 2;
const DIRECT = { DirectRouting: true } as const;

async function cleanUp(lab: TestLab, node: string): Promise<void> {
  const record = lab.directory.mustRecord(lab.plan.spec.name);
  const flags = agentFlags(lab.directory, lab.node(node), record);
  const enter = ['ip', 'netns', 'exec', lab.netns(node)];
  await mustRun(runCommand, [...enter, ...record.program, 'cleanup', ...flags]);
}

async function takeAway(lab: TestLab, node: string): Promise<void> {
  await lab.endAgent(node, 'SIGTERM');
  await cleanUp(lab, node);
}

/** Until what was Flannel's is ours; returns after how long the runtime starts pods by Poplin. */
async function move(lab: TestLab, node: string): Promise<number> {
  await prepareNode(lab.directory, lab.node(node), buildProgram().executable);
  const { cniConfDir } = lab.directory.node(node);
  const startMs = systemClock.monotonicMs();
  lab.startAgent(node);
  await until(`${node} starts pods by Poplin`, () => conflistsIn(cniConfDir) === OURS, WAIT_MS);
  const tookMs = systemClock.monotonicMs() - startMs;
  await lab.untilStatus(node, 'has taken over', ({ ready, flannel, peers }) => {
    const isSending = peers.length === 4 && peers.every(({ used }) => used !== 'none');
    return ready && isSending && flannel?.bridge !== undefined;
  });
  await until(`${node} has no route of Flannel's`, () => routesOf(lab, node) === '', WAIT_MS);
  assert.doesNotMatch(lab.run(node, 'ip -o link'), /flannel[^ ]*: </);
  return tookMs;
}

const OURS = '10-poplin.conflist';
const conflistsIn = (directory: string): string =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.conflist'))
    .join();

/** Those to pods, which have no other protocol. */
const routesOf = (lab: TestLab, node: string): string =>
  ['-4', '-6']
    .flatMap((family) => lab.run(node, `ip ${family} route show proto boot`).split('\n'))
    .filter((line) => /^(10\.244\.|fd00:244:)/.test(line))
    .join('\n');

/** Every pod every other, whoever has attached it, on the same node and on others. */
async function podsReach(lab: TestLab): Promise<number> {
  const pods = endpointsOf(lab.plan, lab.directory).filter(({ kind }) => kind === 'pod');
  const stop = new AbortController().signal;
  const { pairs } = await checkReachability(pods, { timeoutMs: REACH_TIMEOUT_MS, stop });
  assert.deepEqual(
    pairs.filter(({ ok }) => !ok),
    [],
  );
  return pairs.length;
}

/** What runs by itself on a bridge. */
const VOLATILE = / *\w+_timer +[\d.]+/g;

/** Line by line; without what the bridge has learned. */
const linesOf = (lab: TestLab, node: string): string[] =>
  wholeNode(lab, node).flatMap((part) =>
    part
      .replaceAll(VOLATILE, '')
      .split('\n')
      .filter((line) => !/dev veth\w+ master cni0 $/.test(line)),
  );

/**
 * A node half way returns to Flannel, and is as it was. With DirectRouting its routes lead through
 * the tunnel until Flannel is there again: its annotations do not tell that they need not.
 */
async function returns(lab: TestLab, node: string, flannel: FlannelBackend): Promise<void> {
  const before = linesOf(lab, node);
  await move(lab, node);
  assert.notDeepEqual(linesOf(lab, node), before);
  await takeAway(lab, node);
  const after = linesOf(lab, node);
  if (flannel === 'direct') return;
  assert.deepEqual(
    [before, after].map((lines, index, both) =>
      lines.filter((line) => !both[1 - index]?.includes(line)),
    ),
    [[], []],
  );
}

async function moveAll(lab: TestLab, t: TestContext, flannel: FlannelBackend): Promise<void> {
  const published = await flannelAnnotations(lab, 'node1');
  await returns(lab, 'node1', flannel);
  assert.deepEqual(await flannelAnnotations(lab, 'node1'), published, 'still a node of Flannel');
  for (const node of NODES) {
    const annotations = await flannelAnnotations(lab, node);
    assert.equal(await networkOf(lab, node), 'flannel');
    label(lab, commandOf('docs/migration.md', 'kubectl label node NODE '), node);
    assert.equal(await networkOf(lab, node), 'poplin');
    const tookMs = await move(lab, node);
    assert.deepEqual(await flannelAnnotations(lab, node), annotations, 'as its peers know it');
    const { result } = await lab.attach(node, NEW);
    const old = podRecords(lab.directory).filter(({ name }) => !name.endsWith(`-pod${NEW}`));
    const taken = old.flatMap((pod) => pod.result.ips.map(({ address }) => address.split('/')[0]));
    for (const { address } of result.ips)
      assert.ok(!taken.includes(address.split('/')[0]), address);
    const pairs = await podsReach(lab);
    const when = `${Math.round(tookMs)} ms after its agent has started`;
    t.diagnostic(`${node} starts pods by Poplin ${when}; ${pairs} probes between pods`);
  }
}

/** The runtime of this node goes by the conflist that it attached the pod with (CRI-O). */
async function deleteByFlannel(lab: TestLab, pod: PodRecord): Promise<void> {
  const host = hostOf(lab.directory, lab.node(pod.node));
  const cached = join(dirname(host.confDir), 'cached');
  mkdirSync(cached, { recursive: true });
  const [aside = ''] = readdirSync(host.confDir).filter((name) => name.includes('flannel'));
  assert.notEqual(aside, '', 'set aside, and not lost');
  copyFileSync(join(host.confDir, aside), join(cached, '10-flannel.conflist'));
  const call = { ...callOf(pod), verb: 'DEL', prevResult: pod.result } as const;
  await callCni(runCommand, { ...host, confDir: cached }, call);
  await endPod(lab, pod);
}

/** And of this one by the newest (containerd). */
async function deleteByPoplin(lab: TestLab, pod: PodRecord): Promise<void> {
  const { containerId } = callOf(pod);
  const { exitCode } = await cni(lab, {
    node: pod.node,
    verb: 'DEL',
    containerId,
    netns: pod.netns,
  });
  assert.equal(exitCode, 0);
  await endPod(lab, pod);
}

async function endPod(lab: TestLab, pod: PodRecord): Promise<void> {
  await mustRun(runCommand, ['ip', 'netns', 'del', pod.netns]);
  forgetPod(lab.directory, pod.name);
}

async function deleteOld(lab: TestLab): Promise<void> {
  for (const node of NODES) {
    const pod = lab.pod(`${node}-pod${OLD}`);
    await (node === 'node1' ? deleteByFlannel : deleteByPoplin)(lab, pod);
  }
  for (const node of NODES) {
    const { lease } = await lab.untilStatus(node, 'has no bridge', ({ flannel }) => {
      return flannel?.bridge === undefined;
    });
    assert.deepEqual(
      lease.usage.map(({ used }) => used),
      [1, 1],
      'addresses of pods that are gone are free',
    );
  }
}

/** Its labels, which DaemonSets would follow. */
function label(lab: TestLab, command: string, node = ''): void {
  const env = { ...process.env, KUBECONFIG: lab.directory.kubeconfig };
  execFileSync('sh', ['-ec', command.replace('NODE', node)], { env, stdio: 'pipe' });
}

async function networkOf(lab: TestLab, node: string): Promise<string | undefined> {
  const { metadata } = await lab.api.readNode(node);
  return metadata?.labels?.['poplin.dev/network'];
}

function nothingIsLeft(lab: TestLab, node: string): void {
  const { cniConfDir, hostLocalDir } = lab.directory.node(node);
  const kernel = wholeNode(lab, node).slice(0, -1).join('\n').split('sysctls\n')[0] ?? '';
  const named = kernel.split('\n').filter((line) => /flannel|cni0|CNI-/i.test(line));
  // What a device was called is told of it.
  assert.deepEqual(
    named.filter((line) => !line.includes('adopted from')),
    [],
  );
  assert.deepEqual(readdirSync(cniConfDir), [OURS]);
  const [network = ''] = existsSync(hostLocalDir) ? readdirSync(hostLocalDir) : [];
  const files = network === '' ? [] : readdirSync(join(hostLocalDir, network));
  assert.deepEqual(
    files.filter((name) => /^(10\.|fd)/.test(name)),
    [],
  );
}

/** Two families, by what Flannel does and Poplin is configured to do. */
export async function migrates(t: TestContext, flannel: FlannelBackend): Promise<void> {
  const families = ['ipv4', 'ipv6'] as const;
  const backend = flannel === 'host-gw' ? flannel : 'vxlan';
  const netConf = { Backend: { Type: backend, ...(flannel === 'direct' ? DIRECT : {}) } };
  await withLab({ nodeCount: 3, podsPerNode: 0, families, backend, netConf }, async (lab) => {
    await Promise.all(NODES.map((node) => takeAway(lab, node)));
    await becomeFlannel(lab, flannel);
    label(lab, commandOf('docs/migration.md', 'kubectl label nodes --all '));
    await Promise.all(NODES.map((node) => lab.attach(node, OLD)));
    const probed = await whileProbing(lab, () => moveAll(lab, t, flannel));
    const lost = probed.pairs.reduce((sum, pair) => sum + pair.lost, 0);
    const sent = probed.pairs.reduce((sum, pair) => sum + pair.sent, 0);
    const gapMs = Math.max(...probed.pairs.map(({ longestGapMs }) => longestGapMs));
    t.diagnostic(`${sent} packets between pods of Flannel: ${lost} lost, longest gap ${gapMs} ms`);
    assertNothingLost(probed);
    await deleteOld(lab);
    for (const node of NODES) {
      lab.runArgv(node, ['sh', '-ec', commandOf('docs/migration.md', 'for program in ')]);
      nothingIsLeft(lab, node);
    }
    await lab.mustReach();
    for (const node of NODES) {
      const { containerId } = callOf(lab.pod(`${node}-pod${NEW}`));
      const { netns } = lab.pod(`${node}-pod${NEW}`);
      await cni(lab, { node, verb: 'DEL', containerId, netns });
      await takeAway(lab, node);
      const links = lab.run(node, 'ip -o link');
      assert.doesNotMatch(links, /poplin|flannel|cni0/);
    }
  });
}
