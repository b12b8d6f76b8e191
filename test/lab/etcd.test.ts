// A lab on etcd: the backend changes by an edit of its key, nodes come and go, and etcd itself dies
// and comes back, while pings go on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namespaceNames } from '../../src/lab/netns.ts';
import { addNode, removeNode } from '../../src/lab/nodes.ts';
import { switchBackend } from '../../src/lab/switch-backend.ts';
import { kernelTexts } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, effects, withLab } from './lab.ts';
import { killEtcd, restartEtcd } from './lab-etcd.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';

const UNTIL_MS = 60_000;

async function switchTo(lab: TestLab, type: string): Promise<number> {
  const { plan, directory, datastore: api } = lab;
  const tookMs = await switchBackend({ plan, directory, api }, { type, settings: {} }, effects);
  await lab.settled(({ peers }) => peers.every(({ used }) => used === type), UNTIL_MS);
  await lab.mustReach();
  return tookMs;
}

test('on etcd the backend changes by an edit of the key, and nodes come and go', async (t) => {
  await withLab({ datastore: 'etcd', nodeCount: 2 }, async (lab) => {
    const { name } = lab.plan.spec;
    const { executable } = buildProgram();
    const reports = await whilePinging(lab, async () => {
      const thereMs = await switchTo(lab, 'host-gw');
      const more = lab.withPlan(await addNode({ name, executable }, 'node3', effects));
      await more.mustReach();
      const [subnet = ''] = (await more.status('node3')).lease.subnets;
      const backMs = await switchTo(more, 'vxlan');
      t.diagnostic(`to host-gw ${thereMs.toFixed(0)} ms, back ${backMs.toFixed(0)} ms`);
      const less = lab.withPlan(await removeNode(name, 'node3', effects));
      assert.equal(
        namespaceNames().some((netns) => netns.startsWith(`${name}-node3`)),
        false,
      );
      for (const place of ['node1', 'node2']) {
        assert.equal(less.run(place, 'ip route').includes(subnet), false);
        assert.doesNotMatch(less.run(place, 'bridge fdb'), /192\.168\.100\.13/);
      }
      await less.mustReach();
    });
    assertNothingLost(reports);
  });
});

test('while etcd is dead traffic goes on and pods are started; then all is caught up', async () => {
  await withLab({ datastore: 'etcd' }, async (lab) => {
    const held = await Promise.all(lab.plan.nodes.map(({ name }) => lab.status(name)));
    const reports = await whilePinging(lab, async () => {
      const before = kernelTexts(lab);
      await killEtcd(lab);
      for (const { name } of lab.plan.nodes) {
        const says = /no answer|ECONNREFUSED/;
        const isSaid = ({ source }: { source: { problem?: string } }): boolean =>
          says.test(source.problem ?? '');
        await lab.untilStatus(name, 'says that etcd is away', isSaid);
      }
      assert.deepEqual(kernelTexts(lab), before);
      for (const { name } of lab.plan.nodes) await lab.attach(name, 2);
      await lab.mustReach();
      // One agent starts while nobody answers it.
      await lab.endAgent('node1', 'SIGKILL');
      lab.startAgent('node1');
      const works = ({ cluster, ready }: { cluster: string; ready: boolean }): boolean =>
        cluster === 'remembered' && ready;
      await lab.untilStatus('node1', 'works by its memory', works);
      await lab.attach('node1', 3);
      await lab.mustReach();
      await restartEtcd(lab);
      const isWell = ({ cluster, source }: { cluster: string; source: { problem?: string } }) =>
        cluster === 'synced' && source.problem === undefined;
      await lab.settled(isWell, UNTIL_MS);
      await switchTo(lab, 'host-gw');
    });
    assertNothingLost(reports);
    for (const [index, { name }] of lab.plan.nodes.entries()) {
      assert.deepEqual((await lab.status(name)).lease.subnets, held[index]?.lease.subnets);
    }
  });
});
