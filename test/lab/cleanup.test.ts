// `poplin cleanup` puts a node back as it was: everything that could have changed is compared, from
// before the node's first agent to after the cleanup, by each backend in turn. It refuses while
// something runs or pods are attached, shows what it would do, goes on without the API and takes
// what is left there the next time.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareNode } from '../../src/lab/agents.ts';
import { startSidecar, stopSidecar } from '../../src/lab/bird.ts';
import type { CommandResult } from '../../src/lab/command.ts';
import { runCommand } from '../../src/lab/command.ts';
import { planLab } from '../../src/lab/plan.ts';
import { callOf, forgetPod } from '../../src/lab/pods.ts';
import { addToUnderlay } from '../../src/lab/underlay.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import { KubernetesClient } from '../../src/source/kubernetes/client.ts';
import { kubeconfigCredentials } from '../../src/source/kubernetes/kubeconfig.ts';
import { LeaseCalls } from '../../src/source/kubernetes/lease-calls.ts';
import { bird, isSpeaking } from './birds.ts';
import { cni } from './cni.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, effects, withLab } from './lab.ts';
import { runProgram } from './program.ts';
import { wholeNode } from './whole-node.ts';

const TIMEOUT_MS = 900_000;
const SETTLE_TIMEOUT_MS = 120_000;
const NODE = 'node3';
const NOWHERE = `{"clusters":[{"name":"a","cluster":{"server":"http://127.0.0.1:1"}}],
  "contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}],
  "users":[{"name":"a","user":{}}],"current-context":"a"}`;

/** A machine that has a life of its own. */
const OWN_LIFE = `
  sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.eth0.rp_filter=1 net.ipv4.conf.all.rp_filter=1
  sysctl -qw net.ipv4.conf.eth0.forwarding=1 net.ipv6.conf.all.forwarding=0
  sysctl -qw net.ipv6.conf.default.forwarding=1
  ip route add 203.0.113.0/24 via 192.168.100.1 proto static
  ip route add 203.0.113.0/25 via 192.168.100.1 proto bird metric 7
  ip rule add from 203.0.113.0/24 lookup 99 priority 500
  nft add table inet other
  nft add chain inet other forward '{ type filter hook forward priority 5; }'`;

/** A node that has never had an agent, with another network's files. */
async function addBareNode(lab: TestLab): Promise<TestLab> {
  const record = lab.directory.mustRecord(lab.plan.spec.name);
  const spec = { ...record.spec, nodeNumbers: [1, 2, 3] };
  lab.directory.update({ ...record, spec });
  const after = lab.withPlan(planLab(spec));
  const node = after.node(NODE);
  await addToUnderlay(effects.run, after.plan, node);
  await lab.api.createNode(NODE, node.addresses, {
    metadata: { annotations: { 'example.com/other': 'stays' } },
  });
  after.runArgv(NODE, ['sh', '-ec', OWN_LIFE]);
  const { cniConfDir, cniBinDir } = after.directory.node(NODE);
  for (const directory of [cniConfDir, cniBinDir]) mkdirSync(directory, { recursive: true });
  writeFileSync(join(cniConfDir, '99-other.conflist'), '{}');
  writeFileSync(join(cniBinDir, 'loopback'), 'not ours');
  return after;
}

async function startNode(lab: TestLab): Promise<void> {
  const record = lab.directory.mustRecord(lab.plan.spec.name);
  await prepareNode(lab.directory, lab.node(NODE), buildProgram().executable);
  startSidecar(lab.directory, lab.node(NODE), record);
  lab.startAgent(NODE);
}

async function stopNode(lab: TestLab): Promise<void> {
  await lab.endAgent(NODE, 'SIGTERM');
  await stopSidecar(lab.directory, lab.node(NODE), effects);
}

const cleanup = (lab: TestLab, ...words: readonly string[]): Promise<CommandResult> =>
  runProgram(lab, NODE, ['cleanup', ...words]);

const sent = (type: string) => (lab: TestLab) =>
  lab.settled(
    (status) =>
      status.peers.every(({ used, waitsFor }) => used === type && waitsFor === undefined) &&
      (type !== 'bgp' || isSpeaking(status)),
    SETTLE_TIMEOUT_MS,
  );

async function addPod(lab: TestLab, number: number): Promise<void> {
  const pod = lab.planPod(NODE, number);
  await runCommand(['ip', 'netns', 'add', pod.netns]);
  const runtimeConfig = {
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    bandwidth: { ingressRate: 1e9, ingressBurst: 1e7, egressRate: 1e9, egressBurst: 1e7 },
  };
  const { containerId } = callOf(pod);
  const call = { node: NODE, containerId, netns: pod.netns, config: { runtimeConfig } };
  const { exitCode, json } = await cni(lab, { ...call, verb: 'ADD' });
  assert.equal(exitCode, 0, JSON.stringify(json));
}

async function removePod(lab: TestLab, number: number): Promise<void> {
  const pod = lab.planPod(NODE, number);
  const { containerId } = callOf(pod);
  const call = { node: NODE, containerId, netns: pod.netns, verb: 'DEL' } as const;
  assert.equal((await cni(lab, call)).exitCode, 0);
  await runCommand(['ip', 'netns', 'del', pod.netns]);
  forgetPod(lab.directory, pod.name);
}

async function leasesOf(lab: TestLab, node: string): Promise<readonly string[]> {
  const credentials = await kubeconfigCredentials(lab.directory.kubeconfig, systemClock);
  const client = new KubernetesClient({ credentials, clock: systemClock });
  const calls = new LeaseCalls({ client, namespace: 'poplin', nodeName: node });
  const leases = await calls.leases(AbortSignal.timeout(SETTLE_TIMEOUT_MS));
  client.close();
  return leases.filter(({ holder }) => holder === node).map(({ subnet }) => subnet);
}

/** Everything of the node in the API that could be Poplin's. */
async function inApi(lab: TestLab): Promise<unknown> {
  const { metadata, status } = await lab.api.readNode(NODE);
  const conditions = (status?.conditions ?? []).map(({ type }) => type);
  return { annotations: metadata?.annotations, conditions, leases: await leasesOf(lab, NODE) };
}

const BARE = { annotations: { 'example.com/other': 'stays' }, conditions: [], leases: [] };

type Scene = { readonly lab: TestLab; readonly before: readonly string[] };

async function refusesWhileTheAgentRuns({ lab }: Scene): Promise<void> {
  await addPod(lab, 1);
  // Without its files: the agent writes them while it runs.
  const kernel = (): readonly string[] => wholeNode(lab, NODE).slice(0, -1);
  const running = kernel();
  const refused = await cleanup(lab, '--force');
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /the agent of this node runs .*admin\.sock.*: stop it first/);
  assert.match(refused.stderr, /the BIRD of this node runs .*bird\.ctl/);
  assert.deepEqual(kernel(), running);
  assert.equal((await lab.status(NODE)).ready, true);
}

async function refusesWithPods({ lab }: Scene): Promise<void> {
  await stopNode(lab);
  const stopped = wholeNode(lab, NODE);
  assert.match(stopped.join(), /proto bird/, 'BIRD leaves its routes');
  const refused = await cleanup(lab);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /a pod is attached: .* by poplin\w{9}\. drain the node/);
  const dry = await cleanup(lab, '--force', '--dry-run');
  assert.equal(dry.exitCode, 0, dry.stderr);
  assert.match(dry.stdout, /would cut off pod/);
  assert.match(dry.stdout, /would remove Lease poplin\/10\.244\.\d+\.0-24/);
  assert.match(dry.stdout, /would sysctl change ipv4\/ip_forward = 0/);
  assert.deepEqual(wholeNode(lab, NODE), stopped);
  assert.notDeepEqual(await inApi(lab), BARE);
}

async function goesOnWithoutTheApi({ lab, before }: Scene, own: string): Promise<void> {
  const kubeconfig = join(lab.directory.path, 'nowhere');
  writeFileSync(kubeconfig, NOWHERE);
  const cut = await cleanup(lab, '--force', '--kubeconfig', kubeconfig);
  assert.equal(cut.exitCode, 1);
  assert.match(cut.stderr, /left: what the Kubernetes API has of this node/);
  assert.deepEqual(wholeNode(lab, NODE), before);
  assert.ok((await leasesOf(lab, NODE)).length > 0);
  const rest = await cleanup(lab);
  assert.equal(rest.exitCode, 0, rest.stderr);
  assert.match(rest.stdout, new RegExp(`remove annotations ${ADVERT_ANNOTATION}, .* of Node`));
  assert.match(rest.stdout, new RegExp(`remove Lease poplin/${own.replace('/', '-')}`));
  assert.deepEqual(await inApi(lab), BARE);
  assert.ok((await leasesOf(lab, 'node1')).length > 0, "others' Leases stay");
  const again = await cleanup(lab);
  assert.deepEqual([again.exitCode, again.stdout], [0, 'nothing of Poplin is here\n']);
}

async function leavesNothing({ lab, before }: Scene, type: string): Promise<void> {
  await startNode(lab);
  await sent(type)(lab);
  await addPod(lab, 2);
  await removePod(lab, 2);
  await stopNode(lab);
  assert.notDeepEqual(wholeNode(lab, NODE), before);
  const done = await cleanup(lab);
  assert.equal(done.exitCode, 0, done.stderr);
  assert.deepEqual(wholeNode(lab, NODE), before);
  assert.deepEqual(await inApi(lab), BARE);
}

test('a node is as it was before Poplin, by every backend', { timeout: TIMEOUT_MS }, async (t) => {
  const families = ['ipv4', 'ipv6'] as const;
  const options = { nodeCount: 2, podsPerNode: 0, backend: 'bgp', families, bird } as const;
  const leases = { subnetSource: 'lease', withoutPodCidrs: true } as const;
  await withLab({ ...options, ...leases }, async (two) => {
    const lab = await addBareNode(two);
    const scene = { lab, before: wholeNode(lab, NODE) };
    await startNode(lab);
    await sent('bgp')(lab);
    const [own = ''] = (await lab.status(NODE)).lease.subnets;
    await t.test('nothing is touched while the agent runs', () => refusesWhileTheAgentRuns(scene));
    await t.test('nor while a pod is attached, nor in a dry run', () => refusesWithPods(scene));
    await t.test('by bgp, with the API away at first', () => goesOnWithoutTheApi(scene, own));
    for (const type of ['vxlan', 'host-gw']) {
      await t.test(`by ${type}`, async () => {
        await two.edit({ Backend: { Type: type } });
        await leavesNothing(scene, type);
      });
    }
  });
});
