// Which pods are measured, and how often.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intervalMsOf, packetsPerSecond, planProbes } from '../../../src/lab/probe-plan.ts';

const podOf = (name: string, addresses: readonly string[]) => ({
  ...{ name, node: name.replace(/-.*/, ''), netns: `lab-${name}` },
  result: {
    ...{ cniVersion: '1.1.0', routes: [], interfaces: [] },
    ips: addresses.map((address) => ({ address })),
  },
});

const DUAL = ['ipv4', 'ipv6'] as const;

test('one pod of each node, each pair of nodes once per family that both have', () => {
  const plan = planProbes(
    ['node1', 'node2', 'node3', 'node4'],
    [
      podOf('node1-pod1', ['10.244.0.2/32', 'fd00:244::2/128']),
      podOf('node1-pod2', ['10.244.0.3/32', 'fd00:244::3/128']),
      podOf('node2-pod1', ['10.244.1.2/32', 'fd00:244:0:1::2/128']),
      podOf('node4-pod1', ['10.244.3.2/32']),
    ],
    DUAL,
  );
  assert.deepEqual(
    plan.pairs.map(({ from, to, family }) => `${from} ${to} ${family}`),
    [
      'node1-pod1 node2-pod1 ipv4',
      'node1-pod1 node2-pod1 ipv6',
      'node1-pod1 node4-pod1 ipv4',
      'node2-pod1 node4-pod1 ipv4',
    ],
  );
  assert.deepEqual(
    plan.stations.map(({ name, netns, addresses }) => [name, netns, addresses.length]),
    [
      ['node1-pod1', '/run/netns/lab-node1-pod1', 2],
      ['node2-pod1', '/run/netns/lab-node2-pod1', 2],
      ['node4-pod1', '/run/netns/lab-node4-pod1', 1],
    ],
  );
});

test('without a pair there is nothing to open', () => {
  const plan = planProbes(['node1', 'node2'], [podOf('node1-pod1', ['10.244.0.2/32'])], DUAL);
  assert.deepEqual(plan, { stations: [], pairs: [], intervalMs: 2 });
});

test('probes come every 2 ms between three nodes, and never make too many packets', () => {
  assert.equal(intervalMsOf(1), 2);
  assert.equal(intervalMsOf(3), 2);
  let beforeMs = 0;
  for (let count = 1; count <= 20_000; count = Math.ceil(count * 1.3)) {
    const intervalMs = intervalMsOf(count);
    assert.ok(intervalMs >= beforeMs);
    beforeMs = intervalMs;
    const pair = { from: 'a', to: 'b', family: 'ipv4' } as const;
    const plan = { stations: [], pairs: Array.from({ length: count }, () => pair), intervalMs };
    assert.ok(packetsPerSecond(plan) < 5_000, `${count} pairs every ${intervalMs} ms`);
  }
});
