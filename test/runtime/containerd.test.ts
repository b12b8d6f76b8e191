// Real containerds, asked as kubelet asks them, with the conflist and the executable that are
// shipped: what their pods get, what goes when they go, and what the agent's absence does to it.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { CONFLIST_NAME } from '../../src/cni/conflist.ts';
import { writeConflist } from '../../src/cni/install.ts';
import { until } from '../lab/lab.ts';
import type { Release } from './containerd-config.ts';
import { CONTAINERD_1_6, CONTAINERD_2 } from './containerd-config.ts';
import type { RuntimeNode } from './containerd-lab.ts';
import { withContainerd } from './containerd-lab.ts';

const DUAL_STACK = { families: ['ipv4', 'ipv6'] } as const;

for (const release of [CONTAINERD_1_6, CONTAINERD_2]) {
  test(`containerd ${release.name} on two nodes`, async (t) => {
    await withContainerd(release, DUAL_STACK, async (nodes) => {
      const [one, two] = nodes;
      assert.ok(one !== undefined && two !== undefined);
      await t.test('sandboxes reach each other, and go without a trace', () => life(one, two));
      await t.test('it is ready as soon as the conflist is there', (s) => readiness(s, one));
      await t.test('a container of `ctr run --cni`', () => ctr(one));
      await t.test('a sandbox whose namespace is gone can be stopped', () => withoutNetns(one));
      await t.test('a sandbox that is stopped without an agent', () => agentAway(one, release));
      await t.test('a sandbox that is started without an agent', () => agentLate(one));
      await t.test('a containerd that was killed finds its sandboxes again', () => killed(two));
      await t.test('what a containerd has forgotten is released', () => forgotten(two));
    });
  });
}

async function life(one: RuntimeNode, two: RuntimeNode): Promise<void> {
  const ids = await Promise.all([one.host.cri.run('a'), two.host.cri.run('b')]);
  const [a, b] = await Promise.all([one.host.cri.sandbox(ids[0]), two.host.cri.sandbox(ids[1])]);
  assert.equal(a.state, 'SANDBOX_READY');
  assert.deepEqual([...a.addresses].sort(), one.heldAddresses());
  assert.equal(a.addresses.length, 2);
  for (const address of b.addresses) {
    await one.host.inSandbox(a.netns, 'ping', '-c', '1', '-W', '5', address);
  }
  for (const address of a.addresses) await two.host.mustRun('ping', '-c', '1', '-W', '5', address);
  await one.host.cri.stop(a.id);
  assert.deepEqual(one.heldAddresses(), []);
  assert.equal(one.podObjects(), '');
  assert.equal(await one.host.mustRun('ls', '/run/netns'), '');
  await one.host.cri.stop(a.id);
  assert.equal((await one.host.cri.sandbox(a.id)).state, 'SANDBOX_NOTREADY');
  await one.host.cri.remove(a.id);
  await assert.rejects(one.host.cri.sandbox(a.id), /NOT_FOUND|not found/);
  await one.host.cri.remove(a.id);
  await two.host.cri.remove(b.id);
  assert.deepEqual(two.heldAddresses(), []);
  assert.equal(await two.host.mustRun('ls', '/run/netns'), '');
}

async function readiness(t: TestContext, { host, paths }: RuntimeNode): Promise<void> {
  const confDir = paths.cniConfDir;
  rmSync(join(confDir, CONFLIST_NAME));
  await until('the network is not ready', async () => !(await host.cri.networkReady()).status);
  const startMs = performance.now();
  await writeConflist(confDir);
  await until('the network is ready', async () => (await host.cri.networkReady()).status);
  t.diagnostic(`ready ${(performance.now() - startMs).toFixed(0)} ms after the conflist`);
}

/** Without Kubernetes: no metadata of a pod, and a namespace that is the process's own. */
async function ctr(node: RuntimeNode): Promise<void> {
  const { host } = node;
  const rootfs = join(node.paths.cniCacheDir, '../rootfs');
  mkdirSync(rootfs);
  copyFileSync(host.pauseProgram, join(rootfs, 'pause'));
  const words = ['run', '--rm', '--cni', '--cgroup', `${host.cgroup}/alone`, '--rootfs', rootfs];
  const running = host.ctr(...words, 'alone', '/pause');
  await until('it has its network', () => node.heldAddresses().length === 2);
  const tasks = async (): Promise<string> => host.ctr('task', 'list');
  await until('it runs', async () => (await tasks()).includes('RUNNING'));
  const [, pid = ''] = /^alone\s+(\d+)/m.exec(await tasks()) ?? [];
  const inside = ['nsenter', '--target', pid, '--net'];
  assert.match(await host.mustRun(...inside, 'ip', '-o', 'address', 'show', 'eth0'), /10\.244\./);
  await host.mustRun(...inside, 'ping', '-c', '1', '-W', '5', '10.244.0.0');
  await host.ctr('task', 'kill', '--signal', 'SIGTERM', 'alone');
  await running;
  assert.deepEqual(node.heldAddresses(), []);
  assert.equal(node.podObjects(), '');
}

async function withoutNetns(node: RuntimeNode): Promise<void> {
  const { cri } = node.host;
  const id = await cri.run('c');
  const { netns, pid } = await cri.sandbox(id);
  await node.host.mustRun('umount', netns);
  await node.host.mustRun('rm', netns);
  await node.host.mustRun('kill', '-KILL', String(pid));
  await cri.stop(id);
  await cri.remove(id);
  assert.deepEqual(node.heldAddresses(), []);
  assert.equal(node.podObjects(), '');
}

/** DEL succeeds, the pod's traffic ends, and the agent finishes it when it is back. */
async function agentAway(node: RuntimeNode, release: Release): Promise<void> {
  const { cri } = node.host;
  const id = await cri.run('d');
  const held = node.heldAddresses();
  assert.equal(held.length, 2);
  await node.killAgent();
  const { status, message } = await cri.networkReady();
  // The older one knows no STATUS.
  assert.equal(status, release === CONTAINERD_1_6, message);
  if (!status) assert.match(message, /agent of this node is not available/);
  await cri.stop(id);
  await cri.stop(id);
  await cri.remove(id);
  assert.deepEqual(node.heldAddresses(), held);
  assert.deepEqual(node.tombstones(), [`${id}@eth0`]);
  await node.startAgent();
  assert.deepEqual(node.tombstones(), []);
  assert.deepEqual(node.heldAddresses(), []);
  assert.equal(node.podObjects(), '');
  await until('the network is ready', async () => (await cri.networkReady()).status);
}

async function agentLate(node: RuntimeNode): Promise<void> {
  const { cri } = node.host;
  await node.killAgent();
  const running = cri.run('e');
  await until('the ADD waits', () => isCalling(node));
  node.launchAgent();
  const id = await running;
  assert.deepEqual([...(await cri.sandbox(id)).addresses].sort(), node.heldAddresses());
  await cri.remove(id);
  assert.deepEqual(node.heldAddresses(), []);
}

/** Whether the runtime is in the middle of a call. */
async function isCalling({ host }: RuntimeNode): Promise<boolean> {
  const { stdout } = await host.run(['sh', '-c', 'cat /proc/[0-9]*/comm']);
  return stdout.split('\n').includes('poplin');
}

async function killed(node: RuntimeNode): Promise<void> {
  const { host } = node;
  const id = await host.cri.run('f');
  const { addresses } = await host.cri.sandbox(id);
  await host.killRuntime();
  await host.startRuntime();
  assert.deepEqual((await host.cri.sandbox(id)).addresses, addresses);
  const [v4 = ''] = addresses;
  await host.mustRun('ping', '-c', '1', '-W', '5', v4);
  await host.cri.stop(id);
  await host.cri.remove(id);
  assert.deepEqual(node.heldAddresses(), []);
}

/** Of two pods that are gone with their runtime, the one that it still knows is kept for its DEL. */
async function forgotten(node: RuntimeNode): Promise<void> {
  const { host, paths } = node;
  const { cri } = host;
  const [lost, known] = [await cri.run('lost'), await cri.run('known')];
  const kept = (await cri.sandbox(known)).addresses;
  const released = (await cri.sandbox(lost)).addresses;
  const sandboxes = [await cri.sandbox(lost), await cri.sandbox(known)];
  await host.killRuntime();
  for (const { netns, pid } of sandboxes) {
    await host.mustRun('umount', netns);
    await host.mustRun('rm', netns);
    await host.mustRun('kill', '-KILL', String(pid));
  }
  await node.killAgent();
  await until('the kernel has removed their links', () => node.podObjects() === '');
  rmSync(join(paths.cniCacheDir, `poplin-${lost}-eth0`));
  await node.startAgent();
  assert.deepEqual(node.heldAddresses(), [...kept].sort());
  const log = readFileSync(paths.logFile, 'utf8').split('\n');
  const told = log.filter((line) => line.includes('the runtime does not know it: released'));
  assert.equal(told.length, 1);
  for (const word of [lost, ...released]) assert.ok(told[0]?.includes(word), told[0]);
  await host.startRuntime();
  for (const id of [lost, known]) {
    await cri.stop(id);
    await cri.remove(id);
  }
  assert.deepEqual(node.heldAddresses(), []);
}
