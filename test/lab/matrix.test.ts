// Every pod to every pod and every node to every pod and back, on each underlay, by each backend,
// in each family. What a backend cannot do is said in the status, and done by another.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Family } from '../../src/net/family.ts';
import type { TestLab } from './lab.ts';
import { withLab } from './lab.ts';

const FAMILIES: readonly (readonly Family[])[] = [['ipv4'], ['ipv6'], ['ipv4', 'ipv6']];

const nodeOf = (endpoint: string): string => endpoint.replace(/-.*/, '');

/** Nodes are dealt to the two segments in turn. */
const segmentOf = (endpoint: string): number => Number(nodeOf(endpoint).slice(4)) % 2;

async function assertSegmentsReported(lab: TestLab): Promise<void> {
  for (const { name } of lab.plan.nodes) {
    for (const { peer, used, reason } of (await lab.status(name)).peers) {
      const isShared = segmentOf(peer) === segmentOf(name);
      assert.equal(used, isShared ? 'host-gw' : 'vxlan', `${name} → ${peer}`);
      assert.match(reason, isShared ? /^$/ : /not on a shared segment: .*gateway/);
    }
  }
}

describe('every pair reaches each other', () => {
  for (const families of FAMILIES) {
    for (const underlay of ['flat', 'routed'] as const) {
      test(`${underlay}, vxlan, ${families.join(' and ')}`, async () => {
        await withLab({ underlay, families, nodeCount: 4 }, async (lab) => {
          await lab.mustReach();
          const { peers } = await lab.status('node1');
          assert.ok(peers.every(({ used }) => used === 'vxlan'));
        });
      });
    }

    test(`flat, host-gw, ${families.join(' and ')}`, async () => {
      const options = { backend: 'host-gw', families, nodeCount: 4 } as const;
      await withLab(options, async (lab) => {
        await lab.mustReach();
        assert.doesNotMatch(lab.run('node1', 'ip -d link'), /vxlan/);
      });
    });

    test(`routed, host-gw, ${families.join(' and ')}: by vxlan between segments`, async () => {
      const options = { underlay: 'routed', backend: 'host-gw', families, nodeCount: 4 } as const;
      await withLab(options, async (lab) => {
        await lab.mustReach();
        await assertSegmentsReported(lab);
      });
    });
  }

  test('routed, vxlan with DirectRouting: each path where it can be', async () => {
    const netConf = { Backend: { Type: 'vxlan', DirectRouting: true } };
    await withLab({ underlay: 'routed', nodeCount: 4, netConf }, async (lab) => {
      await lab.mustReach();
      const { peers } = await lab.status('node1');
      assert.deepEqual(peers.map(({ peer, used, reason }) => [peer, used, reason]).sort(), [
        ['node2', 'vxlan', ''],
        ['node3', 'host-gw', ''],
        ['node4', 'vxlan', ''],
      ]);
      const routes = lab.run('node1', 'ip route');
      assert.match(routes, /10\.244\.1\.0\/24 .*dev poplin4-1/);
      assert.match(routes, /10\.244\.2\.0\/24 .*via 192\.168\.100\.13 dev eth0/);
    });
  });
});
