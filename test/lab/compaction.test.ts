// The datastore forgets its history while nodes come and go and pings run: whoever has missed
// something by that lists again, says so in its log, and nothing is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Status } from '../../src/agent/status.ts';
import { addNode, removeNode } from '../../src/lab/nodes.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, effects, withLab } from './lab.ts';
import { killEtcd, restartEtcd, withOperator } from './lab-etcd.ts';
import { OwnApi } from './own-api.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';
import { untilLogged } from './words.ts';

const UNTIL_MS = 60_000;
const ROUND_MS = 50;
const PER_ROUND = 20;

/** Runs `round` over and over until `work` is done. */
async function under(
  round: (number: number) => Promise<void>,
  work: () => Promise<void>,
): Promise<number> {
  const done = new AbortController();
  let rounds = 0;
  const loading = (async () => {
    for (; !done.signal.aborted; rounds += 1) {
      await round(rounds);
      await systemClock.sleep(ROUND_MS, done.signal);
    }
  })();
  try {
    await work();
  } finally {
    done.abort();
    await loading;
  }
  return rounds;
}

/** A node that comes and goes again, as a part of the work. */
async function comeAndGo(lab: TestLab): Promise<void> {
  const { name } = lab.plan.spec;
  const { executable } = buildProgram();
  const more = lab.withPlan(await addNode({ name, executable }, 'node4', effects));
  await more.mustReach();
  const less = lab.withPlan(await removeNode(name, 'node4', effects));
  await less.mustReach();
}

async function untilAllKnow(lab: TestLab, name: string, isThere: boolean): Promise<void> {
  const knows = ({ peers, nodeProblems }: Status): boolean =>
    (name in nodeProblems || peers.some(({ peer }) => peer === name)) === isThere;
  const what = isThere ? `knows ${name}` : `has forgotten ${name}`;
  for (const node of lab.plan.nodes) await lab.untilStatus(node.name, what, knows);
}

const untilAllLogged = async (lab: TestLab, says: RegExp): Promise<void> => {
  for (const { name } of lab.plan.nodes) await untilLogged(lab, name, says);
};

/** Nobody but the operator gets through to etcd while `work` runs. */
async function whileCutOff(lab: TestLab, work: () => Promise<void>): Promise<void> {
  const nft = (rules: string): string => lab.runIn(lab.plan.fabricNetns, ['nft', rules]);
  nft(
    'table inet cut { chain in { type filter hook input priority 0; ' +
      'tcp dport 2379 reject with tcp reset; }; }',
  );
  try {
    await work();
  } finally {
    nft('delete table inet cut');
  }
}

test('compactions of etcd under load lose nothing', async (t) => {
  await withLab({ datastore: 'etcd' }, async (lab) => {
    const load = (round: number): Promise<void> =>
      withOperator(lab, async (operator) => {
        for (let each = 0; each < PER_ROUND; each += 1) {
          await operator.put(`/coreos.com/network/load/${each}`, String(round));
        }
        await operator.compact();
      });
    let rounds = 0;
    const reports = await whilePinging(lab, async () => {
      rounds = await under(load, () => comeAndGo(lab));
      await withOperator(lab, (operator) => operator.occupy('ghost', ['10.244.200.0/24']));
      await untilAllKnow(lab, 'ghost', true);
      await whileCutOff(lab, async () => {
        // Whoever was connected is not any more.
        await killEtcd(lab);
        await restartEtcd(lab);
        await withOperator(lab, async (operator) => {
          await operator.revoke('ghost');
          await operator.occupy('ghost2', ['10.244.201.0/24']);
        });
        await load(0);
      });
      await untilAllKnow(lab, 'ghost2', true);
      await untilAllKnow(lab, 'ghost', false);
      await untilAllLogged(lab, /etcd forgot this revision: listing anew/);
      await lab.mustReach();
    });
    assert.ok(rounds > 0);
    t.diagnostic(`${rounds} compactions while a node came and went`);
    assertNothingLost(reports);
  });
});

test('compactions of the Kubernetes API under load lose nothing', async (t) => {
  const own = await OwnApi.start('a-token');
  try {
    const { kubeconfig } = own;
    await withLab({ kubeconfig, subnetSource: 'lease' }, async (lab) => {
      await lab.api.createNode('ghost', ['192.168.100.99' as Ip]);
      const load = async (round: number): Promise<void> => {
        for (let each = 0; each < PER_ROUND; each += 1) {
          await lab.api.annotateNode('ghost', { load: `${round} ${each}` });
        }
        own.compact();
      };
      let rounds = 0;
      const reports = await whilePinging(lab, async () => {
        rounds = await under(load, () => comeAndGo(lab));
        await untilAllLogged(lab, /the API no longer knows where the watch was: listing again/);
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
