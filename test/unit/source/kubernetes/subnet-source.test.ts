// What gives the nodes of a cluster their subnets: decided once, written down, and changed only
// when nothing of the old kind is in use.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EVENTS, NODES } from '../../../../src/lab/api/kinds.ts';
import { until } from '../../../fake/kubernetes-api.ts';
import type { Held } from '../../../fake/kubernetes-leases.ts';
import { LeaseApi } from '../../../fake/kubernetes-leases.ts';

const AUTO = { Network: '10.244.0.0/16' };
const LEASE = { ...AUTO, SubnetSource: 'lease' };
const POD_CIDR = { ...AUTO, SubnetSource: 'podCIDR' };
const DECIDED = { decidedBy: 'b', decidedAt: '2026-01-01T00:00:00Z', reason: 'a test says so' };
const BY_LEASE = { ...DECIDED, source: 'lease', subnetLen: '24' };
const BY_POD_CIDR = { ...DECIDED, source: 'podCIDR', subnetLen: '24' };
const PATIENCE_MS = 20_000;

describe('SubnetSource auto', () => {
  test('means podCIDRs where any Node has one, at once', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    world.addNode('other', ['10.244.7.0/24']);
    const node = world.hold({ keys: AUTO, autoGraceMs: 3_600_000 });
    await node.untilWords(/^none podCIDR: Node self has no podCIDR: start the controller-manager/);
    assert.match(node.words(), /"auto": Node other has a podCIDR \(decided by self at 20/);
    assert.equal(world.record()?.source, 'podCIDR');
    assert.equal(world.record()?.decidedBy, 'self');
    assert.equal(world.record()?.subnetLen, '24');
  });

  test('waits for the first podCIDR for a while', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const node = world.hold({ keys: AUTO, autoGraceMs: 3_600_000 });
    await node.untilWords(/^none undefined: no Node has a podCIDR yet/);
    world.addNode('other', ['10.244.7.0/24']);
    await node.untilWords(/^none podCIDR/);
  });

  test('means Leases where no Node has a podCIDR in time', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const node = world.hold({ keys: AUTO });
    await node.untilHeld();
    assert.match(node.words(), /^lease 10\.244\.\d+\.0\/24: .*no Node has a podCIDR \(decided by/);
    world.addNode('late', ['10.244.7.0/24']);
    const late = world.hold({ keys: AUTO, name: 'late' });
    await late.untilHeld();
    assert.match(late.words(), /^lease .*decided by self/);
  });

  test('decides nothing for a cluster of which the own Node is no part yet', async (context) => {
    const world = await LeaseApi.start(context);
    const node = world.hold({ keys: AUTO, autoGraceMs: 0 });
    await node.untilWords(/there is no Node named self/);
    assert.equal(world.record(), undefined);
  });

  test('is one decision, whoever comes first', async (context) => {
    const world = await LeaseApi.start(context);
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
    for (const name of names) world.addNode(name);
    const nodes = names.map((name) => world.hold({ name, keys: AUTO, autoGraceMs: 0 }));
    const held = await Promise.all(nodes.map((node) => node.untilHeld()));
    assert.equal(new Set(held.flat()).size, 12);
    const why = new Set(nodes.map((node) => node.last()?.explanation));
    assert.equal(why.size, 1);
  });
});

describe('a SubnetSource in the configuration', () => {
  test('is what is decided, whatever the Nodes have', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    const node = world.hold({ keys: LEASE });
    const [subnet] = await node.untilHeld();
    assert.match(node.words(), /the configuration says SubnetSource "lease"/);
    assert.equal(world.leaseNames().length, 1);
    await until('the own subnet as peers see it', () => {
      return node.cluster().nodes?.get('self')?.subnets.join() === subnet;
    });
  });

  test('is refused while subnets are held by Leases, and what is held stays', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    const uid = world.addNode('other');
    world.putRecord(BY_LEASE);
    world.addLease('10.244.9.0/24', { name: 'other', uid });
    const node = world.hold({ keys: POD_CIDR });
    await node.untilHeld();
    assert.match(
      node.words(),
      /^lease .*SubnetSource "podCIDR" of the configuration is refused while .*10\.244\.\d+\.0\/24/,
    );
    assert.equal(world.record()?.source, 'lease');
    await until('an Event', () => JSON.stringify(world.api.store.list(EVENTS)).includes('Refused'));
  });

  test('is refused while Nodes have podCIDRs', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    world.putRecord(BY_POD_CIDR);
    const node = world.hold({ keys: LEASE });
    assert.deepEqual(await node.untilHeld(), ['10.244.7.0/24']);
    assert.match(node.words(), /^podCIDR .*"lease" .* is refused .*Node self has a podCIDR/);
    assert.deepEqual(world.leaseNames(), []);
  });

  test('replaces the other when nothing of that is in use', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    world.putRecord(BY_POD_CIDR);
    const node = world.hold({ keys: LEASE });
    await node.untilHeld();
    assert.equal(world.record()?.source, 'lease');
    assert.equal(world.record()?.['next.source'], undefined);
    assert.match(node.words(), /^lease .*nothing of podCIDR was in use \(decided by self/);
  });

  test('replaces Leases when none is left, and reservations do not count', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    world.putRecord(BY_LEASE);
    world.addLease('10.244.9.0/24');
    const node = world.hold({ keys: POD_CIDR });
    assert.deepEqual(await node.untilHeld(), ['10.244.7.0/24']);
    assert.equal(world.record()?.source, 'podCIDR');
    assert.deepEqual(world.leaseNames(), ['10.244.9.0-24']);
  });
});

describe('another SubnetLen', () => {
  const longer = { ...LEASE, SubnetLen: 26 };

  test('is refused while Leases of the old exist, for all nodes alike', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const uid = world.addNode('other');
    world.putRecord(BY_LEASE);
    world.addLease('10.244.9.0/24', { name: 'other', uid });
    const node = world.hold({ keys: longer });
    const [subnet = ''] = await node.untilHeld();
    assert.match(subnet, /\/24$/);
    assert.match(
      node.words(),
      /length \/26 of the configuration is refused: .*10\.244\.\d+\.0\/24/,
    );
    assert.equal(world.record()?.subnetLen, '24');
  });

  test('counts when none is left', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    world.putRecord(BY_LEASE);
    const [subnet = ''] = await world.hold({ keys: longer }).untilHeld();
    assert.match(subnet, /\/26$/);
    assert.equal(world.record()?.subnetLen, '26');
  });

  test('of a family that is new is written down, and what is held stays', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const first = world.hold({ keys: LEASE });
    const [subnet] = await first.untilHeld();
    await first.stop();
    const dual = { ...LEASE, EnableIPv6: true, IPv6Network: 'fd00::/48' };
    const second = world.hold({ keys: dual });
    await until('both', async () => (await second.untilHeld()).length === 2, PATIENCE_MS);
    assert.equal((await second.untilHeld())[0], subnet);
    assert.equal(world.record()?.ipv6SubnetLen, '64');
  });
});

describe('the record', () => {
  const untilRecord = (world: LeaseApi): Promise<void> =>
    until('a record', () => world.record() !== undefined, PATIENCE_MS);

  test('that was deleted is made again as it was, and nobody loses anything', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    const node = world.hold({ keys: LEASE });
    const subnets = await node.untilHeld();
    await node.stop();
    const again: Held = world.hold({ keys: AUTO });
    assert.deepEqual(await again.untilHeld(), subnets);
    const count = again.told.length;
    world.removeRecord();
    await untilRecord(world);
    assert.equal(world.record()?.source, 'lease');
    await again.untilWords(/was deleted/);
    assert.equal(
      again.told.slice(count).every(({ kind }) => kind === 'held'),
      true,
    );
    assert.deepEqual(await again.untilHeld(), subnets);
    assert.deepEqual(again.cluster().nodes?.get('self')?.subnets, subnets);
  });

  test('that nobody understands is named, and waited for', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    world.putRecord({ source: 'magic' });
    const node = world.hold({ keys: AUTO });
    await node.untilWords(/poplin-subnet-source is not understood: its key source is "magic"/);
    assert.match(node.source.health().problem ?? '', /not understood/);
    assert.equal(node.source.health().synced, false);
    world.putRecord(BY_POD_CIDR);
    assert.deepEqual(await node.untilHeld(), ['10.244.7.0/24']);
  });
});

describe('podCIDRs', () => {
  test('are followed, of the families that are wanted, IPv4 first', async (context) => {
    const world = await LeaseApi.start(context);
    const dual = { ...POD_CIDR, EnableIPv6: true, IPv6Network: 'fd00::/48' };
    const single = world.hold({ keys: POD_CIDR });
    const both = world.hold({ keys: dual });
    await both.untilWords(/there is no Node named self/);
    world.addNode('self', ['fd00:0:0:7::/64', '10.244.7.0/24']);
    assert.deepEqual(await both.untilHeld(), ['10.244.7.0/24', 'fd00:0:0:7::/64']);
    assert.deepEqual(await single.untilHeld(), ['10.244.7.0/24']);
  });

  test('of a Node that was deleted stay, until another node is given them', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    const node = world.hold({ keys: POD_CIDR });
    await node.untilHeld();
    const count = node.told.length;
    world.removeNode('self');
    await until('gone', () => node.cluster().nodes?.has('self') === false);
    world.addNode('other', ['10.244.9.0/24']);
    await until('other', () => node.cluster().nodes?.has('other') === true);
    assert.equal(node.told.length, count);
    world.addNode('next', ['10.244.7.0/24']);
    await node.untilWords(/^none podCIDR: there is no Node named self, and .* to node next/);
    world.addNode('self', ['10.244.8.0/24']);
    assert.deepEqual(await node.untilHeld(), ['10.244.8.0/24']);
  });

  test('that are not networks are named', async (context) => {
    const world = await LeaseApi.start(context);
    // Past the API's validation, as an object that an older server once stored.
    const metadata = { name: 'self', uid: world.api.store.newUid() };
    world.api.store.put(NODES, { metadata, spec: { podCIDRs: ['10.244.7.0/33'] } });
    const node = world.hold({ keys: POD_CIDR });
    await node.untilWords(/^none podCIDR: spec\.podCIDRs: "10\.244\.7\.0\/33" is not a network/);
  });
});
