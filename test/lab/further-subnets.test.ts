// A node with more pods than one subnet has addresses, by Leases and on etcd: it gets a further
// subnet, whose pods are reached like all others, keeps it over a restart, and gives it back when
// it is empty again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crowd, inParallel, namesTo } from './crowd.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';

/** 13 addresses for pods in each. */
const netConf = { Network: '10.244.0.0/24', SubnetLen: 28 };
const environment = { POPLIN_SUBNET_REST_SECONDS: '2', POPLIN_ADDRESS_REST_SECONDS: '1' };
const PODS = 30;

/** The first one first; those beside it have no order of their own. */
const inOrder = ([first = '', ...others]: readonly string[]): readonly string[] => [
  first,
  ...others.sort(),
];

/** As both nodes and the kernel of the other one have it. */
async function untilSubnets(lab: TestLab, count: number): Promise<readonly string[]> {
  const status = await lab.untilStatus('node1', `has ${count} subnets`, ({ lease }) => {
    return lease.subnets.length === count && lease.usage.length === count;
  });
  const subnets = inOrder(status.lease.subnets);
  await lab.untilStatus('node2', 'knows them', ({ peers }) =>
    peers.some((each) => each.peer === 'node1' && inOrder(each.subnets).join() === subnets.join()),
  );
  const routes = (): string => lab.run('node2', 'ip route show proto 113');
  await until(
    'the routes of node2',
    async () =>
      routes()
        .split('\n')
        .filter((line) => / nhid | via /.test(line)).length === count,
  );
  return subnets;
}

const KINDS = [
  ['Leases', { subnetSource: 'lease' }],
  ['etcd', { datastore: 'etcd' }],
] as const;

for (const [where, options] of KINDS) {
  test(`by ${where} a node with ${PODS} pods has three subnets of 13 addresses, and one without`, async () => {
    await withLab({ ...options, nodeCount: 2, netConf, environment }, async (lab) => {
      const [first = ''] = await untilSubnets(lab, 1);
      const crowd = new Crowd(lab, 'node1');
      const names = namesTo(PODS);
      try {
        const pods = lab.plan.nodes.map(({ name }) => lab.planPod(name, 1));
        const work = async (): Promise<void> => {
          for (const name of names) await crowd.prepare(name);
          await inParallel(names, (name) => crowd.add(name), 10);
          assert.equal(new Set(crowd.addresses).size, PODS);
          const subnets = await untilSubnets(lab, 3);
          assert.equal(subnets[0], first, 'peers send by the first one as before');
          for (const address of crowd.addresses) {
            lab.run('node2', `ping -c 1 -W 5 ${address}`);
          }
          await lab.endAgent('node1', 'SIGKILL');
          lab.startAgent('node1');
          await lab.settled();
          assert.deepEqual(await untilSubnets(lab, 3), subnets, 'over a restart');
          await inParallel(names, (name) => crowd.del(name), 10);
          assert.deepEqual(await untilSubnets(lab, 1), [first]);
        };
        assertNothingLost(await whilePinging(lab, work, pods));
        const { lease } = await lab.status('node1');
        assert.deepEqual(
          lease.usage.map(({ used }) => used),
          [1],
          'the pod of the lab',
        );
      } finally {
        await crowd.remove();
      }
    });
  });
}

test('a node that may have one subnet says so when it is full, and what would help', async () => {
  const options = { subnetSource: 'lease', nodeCount: 1, podsPerNode: 0 } as const;
  await withLab({ ...options, netConf: { ...netConf, MaxSubnetsPerNode: 1 } }, async (lab) => {
    const crowd = new Crowd(lab, 'node1');
    try {
      const names = namesTo(13);
      for (const name of [...names, 'last']) await crowd.prepare(name);
      await inParallel(names, (name) => crowd.add(name), 5);
      await assert.rejects(crowd.add('last'), /no free address.*MaxSubnetsPerNode is 1/);
      await crowd.del('0');
      await crowd.add('last');
    } finally {
      await crowd.remove();
    }
  });
});
