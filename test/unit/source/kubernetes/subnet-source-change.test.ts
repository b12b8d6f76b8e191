// The record of what gives nodes their subnets while it changes: nobody claims meanwhile, and a
// claim that was under way is noticed by its owner.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesApi } from '../../../../src/source/kubernetes/api.ts';
import { plainClient, portOf } from '../../../fake/kubernetes-api.ts';
import { LeaseApi } from '../../../fake/kubernetes-leases.ts';

const AUTO = { Network: '10.244.0.0/16' };
const LEASE = { ...AUTO, SubnetSource: 'lease' };
const DECIDED = { decidedBy: 'b', decidedAt: '2026-01-01T00:00:00Z', reason: 'a test says so' };
const BY_LEASE = { ...DECIDED, source: 'lease', subnetLen: '24' };
const BY_POD_CIDR = { ...DECIDED, source: 'podCIDR', subnetLen: '24' };

describe('a change of the record', () => {
  const changing = { ...BY_POD_CIDR, 'next.source': 'lease', 'next.subnetLen': '24' };

  test('that somebody has asked for keeps everybody from new subnets', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    world.putRecord({ ...changing, 'next.askedBy': 'other' });
    const node = world.hold({ keys: AUTO });
    await node.untilWords(/what gives nodes their subnets is being changed/);
    world.putRecord(BY_POD_CIDR);
    assert.deepEqual(await node.untilHeld(), ['10.244.7.0/24']);
  });

  test('is taken back where a fresh list shows that the old is in use', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    world.putRecord({ ...changing, 'next.askedBy': 'self' });
    const node = world.hold({ keys: AUTO });
    assert.deepEqual(await node.untilHeld(), ['10.244.7.0/24']);
    assert.equal(world.record()?.source, 'podCIDR');
    assert.equal(world.record()?.['next.source'], undefined);
  });
});

describe('a claim that meets a change of the record', () => {
  /** A client for which the record is another one by the time that its first claim is answered. */
  function meeting(world: LeaseApi, data: Readonly<Record<string, string>>): KubernetesApi {
    const client = plainClient(portOf(world.api));
    const call = client.call.bind(client);
    let isMet = false;
    client.call = async (request, stop) => {
      const answer = await call(request, stop);
      if (!isMet && request.method === 'POST' && request.path.endsWith('/leases')) {
        isMet = true;
        world.putRecord(data);
      }
      return answer;
    };
    return client;
  }

  test('is given back where podCIDRs count now', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self', ['10.244.7.0/24']);
    world.putRecord(BY_LEASE);
    const node = world.hold({ keys: AUTO, client: meeting(world, BY_POD_CIDR) });
    assert.deepEqual(await node.untilHeld(), ['10.244.7.0/24']);
    assert.deepEqual(world.leaseNames(), []);
    assert.equal(node.told.filter(({ kind }) => kind === 'held').length, 1);
  });

  test('is given back where another length counts now', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    world.putRecord(BY_LEASE);
    const client = meeting(world, { ...BY_LEASE, subnetLen: '26' });
    const node = world.hold({ keys: { ...LEASE, SubnetLen: 26 }, client });
    const held = await node.untilHeld();
    assert.match(held.join(), /\/26$/);
    assert.deepEqual(world.leaseNames(), [held.join().replace('/', '-')]);
  });

  test('is not used before the change is settled', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    world.putRecord(BY_LEASE);
    const next = { 'next.source': 'lease', 'next.subnetLen': '26', 'next.askedBy': 'other' };
    const node = world.hold({ keys: LEASE, client: meeting(world, { ...BY_LEASE, ...next }) });
    await node.untilWords(/is being changed/);
    assert.equal(world.leaseNames().length, 1);
    assert.equal(
      node.told.some(({ kind }) => kind === 'held'),
      false,
    );
    world.putRecord(BY_LEASE);
    const [subnet = ''] = await node.untilHeld();
    assert.deepEqual(world.leaseNames(), [subnet.replace('/', '-')]);
  });
});
