// Whole agents over a datastore in memory: what a node does with its right to subnets from before a
// reboot, when it can ask for it and when it cannot.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { FakeCluster } from '../../fake/agent-cluster.ts';
import { ownLines, subnetsOf } from '../../fake/agent-texts.ts';

const LEASES = { Network: '10.244.0.0/16', SubnetSource: 'lease' };
const ONE_SUBNET = { SubnetMin: '10.244.2.0', SubnetMax: '10.244.2.0', Network: '10.244.0.0/16' };

test('after a reboot with the datastore away the network is back', async () => {
  await using cluster = new FakeCluster(LEASES);
  const agent = await cluster.add(1);
  await cluster.add(2);
  await cluster.settle();
  const before = agent.text();
  cluster.store.setAway(true);
  await agent.reboot();
  assert.notEqual(agent.text(), before);
  agent.start();
  await cluster.settle();
  assert.equal(agent.text(), before);
  assert.equal(agent.agent.readiness().kind, 'ready');
  cluster.store.setAway(false);
  await cluster.settle();
  assert.equal(agent.text(), before);
});

test('after a reboot the end by the wall clock counts', async () => {
  await using cluster = new FakeCluster(LEASES, 60_000);
  const agent = await cluster.add(1);
  const before = agent.text();
  cluster.store.setAway(true);
  await agent.reboot();
  agent.start();
  await cluster.settle();
  assert.equal(agent.text(), before);
  // It also ends while the agent runs by its memory, though that removes nothing of others.
  cluster.clock.suspend(60_000);
  await cluster.clock.advance(2_000);
  assert.equal(ownLines(agent), '');
  await agent.reboot();
  agent.start();
  await cluster.settle();
  assert.equal(ownLines(agent), '');
  assert.equal(agent.agent.readiness().kind, 'not-ready');
});

test('a right from before a reboot that was refused is forgotten, also over a restart', async () => {
  await using cluster = new FakeCluster({ ...LEASES, ...ONE_SUBNET });
  const agent = await cluster.add(1);
  assert.notEqual(ownLines(agent), '');
  await agent.reboot();
  cluster.store.putNode({ name: 'heir', internalIps: ['192.168.1.9' as Ip] });
  cluster.store.leases.revoke('10.244.2.0/24' as Cidr, 'heir');
  agent.start();
  await cluster.settle();
  assert.equal(ownLines(agent), '');
  assert.match(agent.agent.status().lease.reason, /no subnet .* is free/);
  cluster.store.setAway(true);
  for (const isRebooted of [false, true]) {
    if (isRebooted) await agent.reboot();
    else await agent.end();
    agent.start();
    await cluster.settle();
    assert.equal(ownLines(agent), '');
    assert.equal(agent.agent.readiness().kind, 'not-ready');
  }
  cluster.store.leases.revoke('10.244.2.0/24' as Cidr);
  cluster.store.setAway(false);
  await cluster.settle();
  assert.equal(subnetsOf(agent), '10.244.2.0/24');
});
