// The Kubernetes API forgets its history while nodes come and go and pings run: whoever has missed
// something by that lists again, says so in its log, and nothing is lost. etcd.test.ts has the same
// of etcd.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addNode, removeNode } from '../../src/lab/nodes.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, effects, withLab } from './lab.ts';
import { under } from './load.ts';
import { OwnApi } from './own-api.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';
import { untilLogged } from './words.ts';

const UNTIL_MS = 120_000;
const WRITES_PER_ROUND = 20;

/** A node that comes and goes again, as a part of the work. */
async function comeAndGo(lab: TestLab): Promise<void> {
  const { name } = lab.plan.spec;
  const { executable } = buildProgram();
  const more = lab.withPlan(await addNode({ name, executable }, 'node4', effects));
  await more.mustReach();
  const less = lab.withPlan(await removeNode(name, 'node4', effects));
  await less.mustReach();
}

test('compactions of the Kubernetes API under load lose nothing', async (t) => {
  const own = await OwnApi.start('a-token');
  try {
    const { kubeconfig } = own;
    await withLab({ kubeconfig, subnetSource: 'lease' }, async (lab) => {
      await lab.api.createNode('ghost', ['192.168.100.99' as Ip]);
      const load = async (round: number): Promise<void> => {
        for (let each = 0; each < WRITES_PER_ROUND; each += 1) {
          await lab.api.annotateNode('ghost', { load: `${round} ${each}` });
        }
        own.compact();
      };
      let rounds = 0;
      const reports = await whilePinging(lab, async () => {
        rounds = await under(load, () => comeAndGo(lab));
        for (const { name } of lab.plan.nodes) {
          await untilLogged(
            lab,
            name,
            /the API no longer knows where the watch was: listing again/,
          );
        }
        await lab.api.deleteNode('ghost');
        await lab.api.createNode('ghost2', ['192.168.100.98' as Ip]);
        own.compact();
        await lab.settled(({ source }) => source.problem === undefined, UNTIL_MS);
        await lab.edit({ Backend: { Type: 'host-gw' } });
        await lab.mustReach();
      });
      assert.ok(rounds > 0);
      t.diagnostic(`${rounds} compactions while a node came and went`);
      assertNothingLost(reports);
    });
  } finally {
    await own.stop();
  }
});
