// CHECK and GC by the real executable: every fault is found, and only what is unused is removed.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Pod } from './node.ts';
import { add, del, errorIn, resultIn, runIn, TestNode } from './node.ts';

type Fault = readonly [string, (node: TestNode, pod: Pod, link: string) => void, RegExp];

const FAULTS: readonly Fault[] = [
  [
    'the pod address',
    (_, pod) => runIn(pod, 'ip', 'addr', 'flush', 'dev', 'eth0', 'scope', 'global'),
    /address 10\.244\.1\.\d+\/32 is missing on eth0 in the pod/,
  ],
  [
    'the default route',
    (_, pod) => runIn(pod, 'ip', 'route', 'del', 'default'),
    /route 0\.0\.0\.0\/0 is missing in the pod/,
  ],
  [
    'the IPv6 default route',
    (_, pod) => runIn(pod, 'ip', '-6', 'route', 'del', 'default'),
    /route ::\/0 is missing in the pod/,
  ],
  [
    'the gateway neighbour',
    (_, pod) => runIn(pod, 'ip', 'neigh', 'del', '169.254.1.1', 'dev', 'eth0'),
    /neighbour 169\.254\.1\.1 on eth0 in the pod is missing/,
  ],
  [
    'the right neighbour',
    (_, pod) =>
      runIn(
        pod,
        ...'ip neigh replace fe80::1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent'.split(' '),
      ),
    /neighbour fe80::1 .* has 02:00:00:00:00:01/,
  ],
  [
    'the pod link up',
    (_, pod) => runIn(pod, 'ip', 'link', 'set', 'eth0', 'down'),
    /link eth0 is down in the pod/,
  ],
  [
    'the pair',
    (node, _, link) => node.run('ip', 'link', 'del', link),
    /link .* is missing in the host/,
  ],
  [
    'the host route',
    (node, _, link) => node.run('ip', 'route', 'flush', 'dev', link, 'proto', '113'),
    /route 10\.244\.1\.\d+\/32 is missing in the host/,
  ],
  [
    'the host link up',
    (node, _, link) => node.run('ip', 'link', 'set', link, 'down'),
    /link poplin.* is down in the host/,
  ],
];

describe('CHECK', () => {
  let node: TestNode;
  let pod: Pod;
  before(async () => {
    node = await TestNode.create('check');
    pod = node.addPod('p');
  });
  after(() => node.remove());

  for (const [what, damage, text] of FAULTS) {
    test(`finds that ${what} is missing`, async () => {
      const added = await node.cni('ADD', pod);
      const prevResult = resultIn(added);
      const fine = await node.cni('CHECK', pod, { config: { prevResult } });
      assert.equal(fine.exitCode, 0, fine.stdout);
      damage(node, pod, prevResult.interfaces[0]?.name ?? '');
      const outcome = await node.cni('CHECK', pod, { config: { prevResult } });
      assert.equal(errorIn(outcome).code, 103, outcome.stdout);
      assert.match(errorIn(outcome).details, text);
      await del(node, pod);
    });
  }

  test('needs prevResult, an attachment, and the addresses of both to agree', async () => {
    const prevResult = { cniVersion: '1.1.0', interfaces: [], ips: [] };
    assert.equal(errorIn(await node.cni('CHECK', pod)).code, 7);
    const none = await node.cni('CHECK', pod, { config: { prevResult } });
    assert.match(errorIn(none).details, /no address is reserved/);
    await add(node, pod);
    const differs = await node.cni('CHECK', pod, { config: { prevResult } });
    assert.match(errorIn(differs).details, /prevResult does not list eth0; .*10\.244\.1\.\d+/);
    await del(node, pod);
  });

  test('allows what chained plugins change', async () => {
    const prevResult = resultIn(await node.cni('ADD', pod));
    runIn(pod, 'ip', 'link', 'set', 'eth0', 'mtu', '1400');
    runIn(pod, 'ip', 'addr', 'add', '192.0.2.1/32', 'dev', 'eth0');
    runIn(pod, 'ip', 'route', 'add', '198.51.100.0/24', 'dev', 'eth0');
    const outcome = await node.cni('CHECK', pod, { config: { prevResult } });
    assert.equal(outcome.exitCode, 0, outcome.stdout);
    await del(node, pod);
  });
});

describe('GC', () => {
  let node: TestNode;
  before(async () => {
    node = await TestNode.create('gc');
  });
  after(() => node.remove());

  for (const key of ['cni.dev/valid-attachments', 'cni.dev/attachments']) {
    test(`by ${key} removes what is not listed, of this network alone`, async () => {
      const pods = ['keep', 'drop', 'foreign'].map((id) => node.addPod(id));
      const [keep, drop, foreign] = pods;
      assert.ok(keep !== undefined && drop !== undefined && foreign !== undefined);
      await add(node, keep);
      await add(node, drop);
      await node.cni('ADD', foreign, { config: { name: 'othernet' } });
      const config = { [key]: [{ containerID: 'keep', ifname: 'eth0' }] };
      const outcome = await node.cni('GC', { ...keep, id: '', netns: '' }, { config });
      assert.deepEqual([outcome.exitCode, outcome.stdout], [0, '']);
      const left = node.service.attachments().map(({ containerId }) => containerId);
      assert.deepEqual(left.sort(), ['foreign', 'keep']);
      assert.equal(runIn(drop, 'ip', '-br', 'link').includes('eth0'), false);
      await del(node, keep);
      await node.cni('DEL', foreign, { config: { name: 'othernet' } });
      for (const pod of pods) node.removePod(pod);
      assert.equal(node.leftovers(), '');
    });
  }

  test('without a list changes nothing', async () => {
    const pod = node.addPod('p');
    await add(node, pod);
    assert.equal(errorIn(await node.cni('GC', pod)).code, 7);
    assert.equal(node.service.attachments().length, 1);
    await del(node, pod);
  });
});
