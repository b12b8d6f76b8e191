// Pods whose host veths somebody deletes: they work as before, with the same addresses, and CHECK
// finds nothing wrong. What is not there to be repaired is named and left alone.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { runCommand } from '../../src/lab/command.ts';
import type { CniOutcome } from './cni.ts';
import { addressesIn, cni } from './cni.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';

const PODS = 12;

type Container = {
  readonly id: string;
  readonly netns: string;
  readonly result: CniOutcome;
  readonly hostLink: string;
};

async function addContainer(lab: TestLab, index: number): Promise<Container> {
  const { netns } = lab.planPod('node1', 10 + index);
  await runCommand(['ip', 'netns', 'add', netns]);
  const id = `container-${index}`;
  const result = await cni(lab, { node: 'node1', verb: 'ADD', containerId: id, netns });
  assert.equal(result.exitCode, 0, JSON.stringify(result));
  const interfaces = result.json.interfaces as readonly { readonly name: string }[];
  const host = interfaces.find(({ name }) => name.startsWith('poplin'));
  return { id, netns, result, hostLink: host?.name ?? assert.fail(JSON.stringify(result.json)) };
}

/** What a pod has, without the numbers of its links. */
const podText = (lab: TestLab, { netns }: Container): string =>
  ['ip -o address', 'ip route', 'ip -6 route', 'ip neighbour show nud permanent', 'ip -o link']
    .map((command) => lab.runIn(netns, command.split(' ')))
    .join('')
    .replaceAll(/^\d+: /gm, '')
    .replaceAll(/@if\d+/g, '');

const check = (lab: TestLab, { id, netns, result }: Container): Promise<CniOutcome> =>
  cni(lab, {
    ...{ node: 'node1', verb: 'CHECK', containerId: id, netns },
    config: { prevResult: result.json },
  });

test('pods whose host veths were deleted all at once are as before', async () => {
  await withLab({ nodeCount: 2, families: ['ipv4', 'ipv6'] }, async (lab) => {
    const containers: Container[] = [];
    for (let index = 0; index < PODS; index += 1) containers.push(await addContainer(lab, index));
    const before = containers.map((container) => podText(lab, container));
    const links = containers.map(({ hostLink }) => `link del ${hostLink}`).join('\n');
    execFileSync('ip', ['-n', lab.netns('node1'), '-batch', '-'], { input: links });
    for (const [index, container] of containers.entries()) {
      const isBack = (): boolean => podText(lab, container) === before[index];
      await until(`${container.hostLink} is back`, isBack).catch(() =>
        assert.equal(podText(lab, container), before[index]),
      );
    }
    await lab.untilStatus('node1', 'no pod is broken', ({ pods }) => pods.broken.length === 0);
    for (const container of containers) {
      const checked = await check(lab, container);
      assert.equal(checked.exitCode, 0, JSON.stringify(checked));
      for (const address of addressesIn(container.result)) {
        lab.run('node2-pod1', `ping -n -c 1 -W 10 ${address}`);
      }
    }
  });
});

test('a pod that broke itself is left alone, and CHECK finds it', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const container = await addContainer(lab, 0);
    lab.runIn(container.netns, ['ip', 'route', 'del', 'default']);
    const checked = await check(lab, container);
    assert.notEqual(checked.exitCode, 0);
    assert.match(JSON.stringify(checked.json), /route 0\.0\.0\.0\/0 is missing in the pod/);
  });
});

test('a pod whose namespace is gone is named and not tried, until its DEL', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const container = await addContainer(lab, 0);
    const { netns, id, hostLink } = container;
    execFileSync('ip', ['netns', 'del', netns]);
    await until('its host veth is gone', () => !lab.run('node1', 'ip link').includes(hostLink));
    // That is no news: mostly a DEL follows. Other news come before the next routine pass.
    lab.run('node1', 'ip route add unreachable 203.0.113.0/24');
    const { pods, reconcile } = await lab.untilStatus(
      'node1',
      'it is named',
      (status) => status.pods.broken.length > 0,
    );
    assert.match(pods.broken.join(), new RegExp(`container ${id}.*${netns} is gone`));
    // Another one may have the name, and is not taken for it.
    await runCommand(['ip', 'netns', 'add', netns]);
    const [address = assert.fail()] = addressesIn(container.result);
    lab.run('node1', 'ip route add unreachable 198.18.0.0/15');
    await lab.untilStatus('node1', 'looks again', (status) => {
      return status.reconcile.passes > reconcile.passes;
    });
    assert.doesNotMatch(lab.runIn(netns, ['ip', '-o', 'address']), new RegExp(address));
    const removed = await cni(lab, { node: 'node1', verb: 'DEL', containerId: id, netns });
    assert.equal(removed.exitCode, 0, JSON.stringify(removed));
    await lab.untilStatus('node1', 'no pod is broken', (status) => !status.pods.broken.length);
  });
});

test('a DEL right after somebody deleted the host veth leaves nothing', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    for (let index = 0; index < PODS; index += 1) {
      const { id, netns, hostLink } = await addContainer(lab, index);
      lab.run('node1', `ip link del ${hostLink}`);
      await new Promise((resolve) => setTimeout(resolve, index * 3));
      const removed = await cni(lab, { node: 'node1', verb: 'DEL', containerId: id, netns });
      assert.equal(removed.exitCode, 0, JSON.stringify(removed));
      const nothing = (): boolean => !lab.run('node1', 'ip link').includes(hostLink);
      assert.ok(nothing());
      await lab.untilStatus('node1', 'one pod', ({ pods }) => pods.attached === 1);
      assert.ok(nothing(), 'it came back');
      assert.equal(lab.runIn(netns, ['ip', '-o', 'link', 'show', 'type', 'veth']), '');
    }
  });
});
