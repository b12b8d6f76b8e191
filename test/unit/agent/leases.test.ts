// Whole agents over a datastore in memory: what a node does when its right to subnets comes, goes,
// ends, or cannot be asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { FakeCluster } from '../../fake/agent-cluster.ts';
import { ownLines, subnetsOf } from '../../fake/agent-texts.ts';
import { attachmentOf } from '../../fake/attachment.ts';

const LEASES = { Network: '10.244.0.0/16', SubnetSource: 'lease' };
const DAY_MS = 86_400_000;

test('nodes claim subnets, each another, and reach each other', async () => {
  await using cluster = new FakeCluster(LEASES);
  const first = await cluster.add(1);
  const second = await cluster.add(2);
  assert.notEqual(subnetsOf(first), '');
  assert.notEqual(subnetsOf(second), '');
  assert.notEqual(subnetsOf(first), subnetsOf(second));
  await cluster.settle();
  for (const agent of [first, second]) {
    const { ready, problems, lease, peers } = agent.agent.status();
    assert.deepEqual(problems, []);
    assert.equal(ready, true);
    assert.equal(lease.authority, 'lease');
    assert.equal(lease.reason, '');
    assert.equal(peers[0]?.used, 'vxlan');
  }
});

test('a datastore that is away takes nothing, nor does a clock that somebody sets', async () => {
  await using cluster = new FakeCluster(LEASES);
  const agent = await cluster.add(1);
  await cluster.add(2);
  await cluster.settle();
  const before = agent.text();
  cluster.store.setAway(true);
  for (const byMs of [DAY_MS, -2 * DAY_MS]) {
    cluster.clock.setWallClock(byMs);
    await cluster.clock.advance(600_000);
    assert.equal(agent.text(), before);
    assert.equal(agent.agent.readiness().kind, 'ready');
  }
  const says = agent.agent.status().clockJumps.map((text) => text.replace(/ to .*/, ' to …'));
  assert.deepEqual(says, [
    'the wall clock was set forward by 86400 s, to …',
    'the wall clock was set back by 172800 s, to …',
  ]);
  cluster.store.setAway(false);
  await cluster.settle();
  assert.equal(agent.text(), before);
});

test('a right that nobody renews ends, also while the machine sleeps, and comes back', async () => {
  await using cluster = new FakeCluster(LEASES, 60_000);
  const agent = await cluster.add(1);
  await cluster.clock.advance(300_000);
  const before = agent.text();
  const subnets = subnetsOf(agent);
  assert.equal(agent.agent.readiness().kind, 'ready');
  cluster.clock.setWallClock(10 * DAY_MS);
  cluster.store.setAway(true);
  await cluster.clock.advance(20_000);
  assert.equal(agent.text(), before);
  cluster.clock.suspend(40_000);
  // Even before the agent has noticed.
  assert.equal(agent.agent.readiness().kind, 'not-ready');
  await cluster.clock.advance(2_000);
  assert.equal(ownLines(agent), '');
  assert.match(agent.agent.status().lease.reason, new RegExp(`the right to ${subnets} ended at`));
  cluster.store.setAway(false);
  await cluster.settle();
  assert.equal(subnetsOf(agent), subnets);
  assert.equal(agent.text(), before);
});

test('a restarted agent changes nothing, and keeps its subnet', async () => {
  await using cluster = new FakeCluster(LEASES);
  const agent = await cluster.add(1);
  await cluster.add(2);
  await cluster.settle();
  const before = agent.text();
  for (const isAway of [false, true]) {
    await agent.end();
    cluster.store.setAway(isAway);
    agent.start();
    await cluster.settle();
    assert.equal(agent.text(), before);
    assert.equal(agent.agent.readiness().kind, 'ready');
    assert.equal(agent.agent.status().cluster, isAway ? 'remembered' : 'synced');
  }
});

test('a revoked lease is claimed again at once', async () => {
  await using cluster = new FakeCluster(LEASES);
  const agent = await cluster.add(1);
  const subnets = subnetsOf(agent);
  const before = agent.text();
  cluster.store.leases.revoke(subnets as Cidr);
  await cluster.settle();
  assert.equal(subnetsOf(agent), subnets);
  assert.equal(agent.text(), before);
});

test('who lost its subnet to another isolates its pods, and names them', async () => {
  await using cluster = new FakeCluster(LEASES);
  const agent = await cluster.add(1);
  const [subnet] = agent.agent.status().lease.subnets;
  assert.ok(subnet !== undefined);
  const address = subnet.replace('0/24', '7') as Ip;
  await agent.attach(attachmentOf('old', [address]));
  await cluster.settle();
  assert.match(agent.text(), new RegExp(`route ${address}/32`));
  cluster.store.putNode({ name: 'heir', internalIps: ['192.168.1.9' as Ip] });
  cluster.store.leases.revoke(subnet, 'heir');
  await cluster.settle();
  const status = agent.agent.status();
  assert.notEqual(status.lease.subnets[0], subnet);
  assert.equal(status.lease.subnets.length, 1);
  assert.doesNotMatch(agent.text(), new RegExp(`(route|neighbour) ${address}`));
  assert.match(agent.text(), /link poplin[0-9a-f]{9} /);
  assert.match(status.pods.isolated.join(), new RegExp(`pod default/old: .*${address}`));
  const told = cluster.store.told.find(({ reason }) => reason === 'PodsIsolated');
  assert.match(told?.message ?? '', /pod default\/old/);
  assert.equal(agent.agent.readiness().kind, 'ready');
});

const ONE_SUBNET = { SubnetMin: '10.244.2.0', SubnetMax: '10.244.2.0', Network: '10.244.0.0/16' };

test('what was given away meanwhile is used on while nobody has it, but not by new pods', async () => {
  await using cluster = new FakeCluster({ ...LEASES, ...ONE_SUBNET });
  const agent = await cluster.add(1);
  const subnet = '10.244.2.0/24' as Cidr;
  assert.equal(subnetsOf(agent), subnet);
  const before = agent.text();
  await agent.end();
  cluster.store.leases.revoke(subnet);
  cluster.store.leases.reserve(subnet);
  agent.start();
  await cluster.settle();
  assert.equal(agent.text(), before);
  assert.equal(agent.agent.readiness().kind, 'not-ready');
  assert.match(agent.agent.status().lease.reason, /no subnet .* is free/);

  // Without a file the kernel says what was held.
  await agent.end();
  agent.snapshotTexts.clear();
  agent.start();
  await cluster.settle();
  assert.equal(agent.text(), before);

  await agent.end();
  cluster.store.putNode({ name: 'heir', internalIps: ['192.168.1.9' as Ip], createdAt: '2020' });
  cluster.store.leases.revoke(subnet, 'heir');
  agent.start();
  await cluster.settle();
  assert.equal(ownLines(agent), '');
});

test('who is told that it has lost its subnet gives it up, also over a restart', async () => {
  await using cluster = new FakeCluster({ ...LEASES, ...ONE_SUBNET });
  const agent = await cluster.add(1);
  assert.notEqual(ownLines(agent), '');
  cluster.store.leases.revoke('10.244.2.0/24' as Cidr, 'somebody');
  await cluster.settle();
  assert.equal(ownLines(agent), '');
  assert.equal(agent.agent.readiness().kind, 'not-ready');
  await agent.end();
  cluster.store.setAway(true);
  agent.start();
  await cluster.settle();
  assert.equal(ownLines(agent), '');
});

test('a full network is a condition until a subnet is free', async () => {
  await using cluster = new FakeCluster({
    ...LEASES,
    Network: '10.244.0.0/22',
    SubnetMin: '10.244.2.0',
  });
  const [first, second] = [await cluster.add(1), await cluster.add(2)];
  const taken = [subnetsOf(first), subnetsOf(second)].filter((text) => text !== '');
  const third = await cluster.add(3);
  assert.match(third.agent.status().lease.reason, /no subnet of 10\.244\.0\.0\/22 is free/);
  const readiness = third.agent.readiness();
  assert.equal(readiness.kind === 'not-ready' && /is free/.test(readiness.reason), true);
  const told = cluster.store.told.filter(
    ({ node, reason }) => node === 'node-3' && reason === 'NoSubnet',
  );
  assert.equal(told.length, 1);
  await first.end();
  cluster.store.deleteNode('node-1');
  await cluster.settle();
  assert.ok(taken.includes(subnetsOf(third)), subnetsOf(third));
  assert.equal(third.agent.readiness().kind, 'ready');
});

test('a machine whose Node is deleted goes on until another node has its subnet', async () => {
  await using cluster = new FakeCluster({ ...LEASES, SubnetSource: 'podCIDR' });
  const subnet = '10.244.1.0/24' as Cidr;
  const agent = await cluster.add(1);
  const object = { name: 'node-1', internalIps: ['192.168.1.1' as Ip] };
  cluster.store.putNode({ ...object, podCIDRs: [subnet] });
  await cluster.add(2);
  await cluster.settle();
  const before = agent.text();
  cluster.store.holdsDeleted = true;
  cluster.store.deleteNode('node-1');
  await cluster.settle();
  assert.equal(agent.text(), before);
  assert.match(agent.agent.status().problems.join(), /there is no Node named node-1/);
  const heir = { name: 'node-3', internalIps: ['192.168.1.3' as Ip], podCIDRs: [subnet] };
  cluster.store.putNode(heir);
  await cluster.settle();
  assert.equal(ownLines(agent), '');
});

test('another configuration asks again only when it asks for something else', async () => {
  await using cluster = new FakeCluster(LEASES);
  const agent = await cluster.add(1);
  const subnets = subnetsOf(agent);
  const source = cluster.sources[1];
  assert.equal(source?.wishes, 1);
  cluster.store.putConfig({ ...LEASES, Backend: { Type: 'host-gw' } });
  await cluster.settle();
  assert.equal(agent.agent.status().config.backend, 'host-gw');
  assert.equal(source?.wishes, 1);
  cluster.store.putConfig({ ...LEASES, SubnetMin: '10.244.0.0' });
  await cluster.settle();
  assert.equal(source?.wishes, 2);
  assert.equal(subnetsOf(agent), subnets);
});
