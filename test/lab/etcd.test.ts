// A lab on etcd: the backend changes by an edit of its key, nodes come and go while etcd forgets
// its history under load, and etcd itself dies and comes back without it. Pings go on all the time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Status } from '../../src/agent/status.ts';
import type { ClusterOverview } from '../../src/cluster/overview.ts';
import { namespaceNames } from '../../src/lab/netns.ts';
import { addNode, removeNode } from '../../src/lab/nodes.ts';
import { prepareSwitch, switchBackend } from '../../src/lab/switch-backend.ts';
import { kernelTexts } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, effects, until, withLab } from './lab.ts';
import {
  keysOf,
  killEtcd,
  restartEtcd,
  whileCutOff,
  withOperator,
  writeAndCompact,
} from './lab-etcd.ts';
import { under } from './load.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';
import { runProgram } from './program.ts';
import { untilLogged } from './words.ts';

const UNTIL_MS = 120_000;

async function switchTo(lab: TestLab, type: string): Promise<number> {
  const { plan, directory, datastore: api } = lab;
  const prepared = await prepareSwitch({ plan, directory, api }, { type, settings: new Map() });
  const tookMs = await switchBackend({ plan, directory, api }, prepared, effects);
  await lab.settled(({ peers }) => peers.every(({ used }) => used === type), UNTIL_MS);
  await lab.mustReach();
  return tookMs;
}

/** By what each has written into etcd, some seconds after it became so. */
const untilAllAreReady = (lab: TestLab): Promise<true> => {
  const expected = lab.plan.nodes.map(({ name }) => `${name} ready`).join();
  const told = async (): Promise<boolean> => {
    const { exitCode, stdout } = await runProgram(lab, 'node1', ['status', '--all', '--json']);
    const { nodes } = JSON.parse(stdout) as ClusterOverview;
    return exitCode === 0 && nodes.map(({ name, state }) => `${name} ${state}`).join() === expected;
  };
  return until(`status --all says: ${expected}`, async () => (await told()) || undefined, UNTIL_MS);
};

/** Nothing of the node is left, on its machine or in etcd; what others have there is. */
async function cleanUp(lab: TestLab, name: string): Promise<void> {
  const [subnet = ''] = (await lab.status(name)).lease.subnets;
  assert.equal((await keysOf(lab, name, subnet)).length, 4);
  await lab.endAgent(name, 'SIGTERM');
  const done = await runProgram(lab, name, ['cleanup', '--force']);
  assert.deepEqual([done.exitCode, done.stderr], [0, '']);
  assert.deepEqual(await keysOf(lab, name, subnet), []);
  assert.equal((await keysOf(lab, 'node1', '')).length, 3);
  assert.doesNotMatch(lab.run(name, 'ip -brief link'), /poplin/);
  assert.equal(lab.run(name, 'ip route show proto 113'), '');
  const again = await runProgram(lab, name, ['cleanup']);
  assert.deepEqual([again.exitCode, again.stdout], [0, 'nothing of Poplin is here\n']);
}

test('on etcd the backend changes by an edit of the key, and nodes come and go', async (t) => {
  await withLab({ datastore: 'etcd', nodeCount: 2 }, async (lab) => {
    const { name } = lab.plan.spec;
    const { executable } = buildProgram();
    let rounds = 0;
    const work = async (): Promise<void> => {
      const thereMs = await switchTo(lab, 'host-gw');
      const more = lab.withPlan(await addNode({ name, executable }, 'node3', effects));
      await more.mustReach();
      const [subnet = ''] = (await more.status('node3')).lease.subnets;
      const backMs = await switchTo(more, 'vxlan');
      t.diagnostic(`to host-gw ${thereMs.toFixed(0)} ms, back ${backMs.toFixed(0)} ms`);
      await untilAllAreReady(more);
      await cleanUp(more, 'node3');
      const less = lab.withPlan(await removeNode(name, 'node3', effects));
      assert.equal(
        namespaceNames().some((netns) => netns.startsWith(`${name}-node3`)),
        false,
      );
      for (const place of ['node1', 'node2']) {
        await until(`${place} has nothing of it`, () => {
          const all = less.run(place, 'ip route') + less.run(place, 'bridge fdb');
          return !all.includes(subnet) && !all.includes('192.168.100.13');
        });
      }
      await less.mustReach();
    };
    const reports = await whilePinging(lab, async () => {
      rounds = await under((round) => writeAndCompact(lab, round), work);
    });
    assert.ok(rounds > 0);
    t.diagnostic(`${rounds} compactions meanwhile`);
    assertNothingLost(reports);
  });
});

async function untilAllKnow(lab: TestLab, name: string, isThere: boolean): Promise<void> {
  const knows = ({ peers, nodeProblems }: Status): boolean =>
    (name in nodeProblems || peers.some(({ peer }) => peer === name)) === isThere;
  const what = isThere ? `knows ${name}` : `has forgotten ${name}`;
  for (const node of lab.plan.nodes) await lab.untilStatus(node.name, what, knows);
}

test('while etcd is dead traffic goes on and pods are started; then all is caught up', async () => {
  await withLab({ datastore: 'etcd' }, async (lab) => {
    const held = await Promise.all(lab.plan.nodes.map(({ name }) => lab.status(name)));
    const reports = await whilePinging(lab, async () => {
      await withOperator(lab, (operator) => operator.occupy('ghost', ['10.244.200.0/24']));
      await untilAllKnow(lab, 'ghost', true);
      const before = kernelTexts(lab);
      await killEtcd(lab);
      for (const { name } of lab.plan.nodes) {
        const says = /no answer|ECONNREFUSED/;
        const isSaid = ({ source }: { source: { problem?: string } }): boolean =>
          says.test(source.problem ?? '');
        await lab.untilStatus(name, 'says that etcd is away', isSaid);
      }
      assert.deepEqual(kernelTexts(lab), before);
      const all = await runProgram(lab, 'node1', ['status', '--all']);
      assert.equal(all.exitCode, 1);
      assert.match(all.stderr, /no answer of etcd: .*ECONNREFUSED/);
      for (const { name } of lab.plan.nodes) await lab.attach(name, 2);
      await lab.mustReach();
      // One agent starts while nobody answers it.
      await lab.endAgent('node1', 'SIGKILL');
      lab.startAgent('node1');
      const works = ({ cluster, lease }: Status): boolean =>
        cluster === 'remembered' && lease.subnets.length === 1 && lease.reason === '';
      await lab.untilStatus('node1', 'works by its memory', works);
      await lab.attach('node1', 3);
      await lab.mustReach();
      // Much has happened when they come back, and it is forgotten how.
      await whileCutOff(lab, async () => {
        await restartEtcd(lab);
        await withOperator(lab, async (operator) => {
          await operator.revoke('ghost');
          await operator.occupy('ghost2', ['10.244.201.0/24']);
        });
        await writeAndCompact(lab, 0);
      });
      await untilAllKnow(lab, 'ghost2', true);
      await untilAllKnow(lab, 'ghost', false);
      await withOperator(lab, (operator) => operator.revoke('ghost2'));
      await untilAllKnow(lab, 'ghost2', false);
      for (const name of ['node2', 'node3']) {
        await untilLogged(lab, name, /etcd forgot this revision: listing anew/);
      }
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
