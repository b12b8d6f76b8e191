// A node of Flannel beside two of ours, in one network: every pod and node reaches every other in
// both directions, by the backend that Flannel names, whatever ours are configured to use.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkReachability } from '../../src/lab/check.ts';
import { endpointsOf } from '../../src/lab/endpoints.ts';
import type { LabSpec } from '../../src/lab/plan.ts';
import type { Family } from '../../src/net/family.ts';
import type { FlannelBackend } from './flannel-node.ts';
import { FlannelNode } from './flannel-node.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';

/** Of each probe: all are answered. */
const CHECK_TIMEOUT_MS = 120_000;

/** As soon as ours name Flannel's backend, and have a path to it. */
async function untilMet(
  lab: TestLab,
  flannel: FlannelNode,
  backend: FlannelBackend,
): Promise<void> {
  const familyCount = lab.plan.spec.families.length;
  for (const { name } of lab.plan.nodes) {
    await until(`Flannel takes ${name}`, () => flannel.takePeer(name));
    await lab.untilStatus(name, 'reaches the node of Flannel', ({ peers }) => {
      const paths = peers.filter(({ peer }) => peer === 'node3');
      return paths.length === familyCount && paths.every(({ used }) => used === backend);
    });
  }
}

async function mustReach(lab: TestLab, flannel: FlannelNode): Promise<void> {
  const endpoints = [...endpointsOf(lab.plan, lab.directory), ...flannel.endpoints];
  const stop = new AbortController().signal;
  const { pairs } = await checkReachability(endpoints, { timeoutMs: CHECK_TIMEOUT_MS, stop });
  assert.ok(pairs.some(({ from, to }) => from === 'node3-pod1' && to === 'node1-pod1'));
  assert.ok(pairs.some(({ from, to }) => from === 'node2-pod1' && to === 'node3-pod1'));
  assert.deepEqual(
    pairs.filter(({ ok }) => !ok),
    [],
  );
}

const cases: readonly {
  readonly own: LabSpec['backend'];
  readonly theirs: FlannelBackend;
  readonly families: readonly Family[];
}[] = [
  { own: 'vxlan', theirs: 'vxlan', families: ['ipv4'] },
  { own: 'vxlan', theirs: 'vxlan', families: ['ipv6'] },
  { own: 'host-gw', theirs: 'vxlan', families: ['ipv4', 'ipv6'] },
  { own: 'host-gw', theirs: 'host-gw', families: ['ipv4', 'ipv6'] },
  { own: 'vxlan', theirs: 'host-gw', families: ['ipv4'] },
];

describe('a node of Flannel', () => {
  for (const { own, theirs, families } of cases) {
    test(`with ${theirs} beside ours with ${own}: ${families.join(' and ')}`, async () => {
      await withLab({ nodeCount: 2, backend: own, families }, async (lab) => {
        const flannel = await FlannelNode.join(lab, theirs);
        await untilMet(lab, flannel, theirs);
        await mustReach(lab, flannel);
      });
    });
  }

  test('that goes leaves nothing, and ours name their own backend again', async () => {
    await withLab({ nodeCount: 2, backend: 'host-gw' }, async (lab) => {
      const flannel = await FlannelNode.join(lab, 'vxlan');
      await untilMet(lab, flannel, 'vxlan');
      await lab.api.deleteNode('node3');
      for (const { name } of lab.plan.nodes) {
        await until(`${name} has no device any more`, () => {
          const text = lab.run(name, 'ip -d link show type vxlan') + lab.run(name, 'ip route');
          return !/vxlan|10\.244\.203\./.test(text);
        });
        const key = 'flannel.alpha.coreos.com/backend-type';
        await until(`${name} names its own backend`, async () => {
          const { metadata } = await lab.api.readNode(name);
          return metadata?.annotations?.[key] === 'host-gw';
        });
      }
    });
  });
});
