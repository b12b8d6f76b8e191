// Claims that another node gets in the way of at the worst moment: between what this node knew and
// what its request meets.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApiCall, KubernetesApi } from '../../../../src/source/kubernetes/api.ts';
import { leaseName } from '../../../../src/source/kubernetes/lease-name.ts';
import { LeaseTable } from '../../../../src/source/kubernetes/lease-table.ts';
import { cidr } from '../../../fake/config-from.ts';
import { plainClient, portOf, until } from '../../../fake/kubernetes-api.ts';
import { LeaseApi } from '../../../fake/kubernetes-leases.ts';

const DUAL = {
  ...{ Network: '10.244.0.0/22', SubnetSource: 'lease' },
  ...{ EnableIPv6: true, IPv6Network: 'fd00::/62' },
};
const PATIENCE_MS = 20_000;
/** Less than the tick by which a node looks again by itself, with `random` at its highest. */
const BEFORE_TICK_MS = 12_000;

type Meeting = { readonly matches: (call: ApiCall) => boolean; readonly first: () => void };

/** A client for which `first` happens right before its first request that matches. */
function meeting(world: LeaseApi, { matches, first }: Meeting): KubernetesApi {
  const client = plainClient(portOf(world.api));
  const call = client.call.bind(client);
  let isMet = false;
  client.call = (request, stop) => {
    if (!isMet && matches(request)) {
      isMet = true;
      first();
    }
    return call(request, stop);
  };
  return client;
}

const claims = ({ method, body }: ApiCall, pattern: RegExp): boolean =>
  method === 'POST' && pattern.test(JSON.stringify(body));

describe('another node', () => {
  test('that gets the last IPv6 subnet first leaves no IPv4 claim behind', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const uid = world.addNode('other');
    for (const group of [1, 2]) world.addLease(`fd00:0:0:${group}::/64`);
    const last = 'fd00:0:0:3::/64';
    const client = meeting(world, {
      matches: (call) => claims(call, /fd00-0000-0000-0003/),
      first: () => world.addLease(last, { name: 'other', uid }),
    });
    const node = world.hold({ keys: DUAL, client, random: () => 0.999 });
    await node.untilWords(/^none .*no free subnet/);
    const isLeft = (): boolean => world.leaseNames().some((name) => name.startsWith('10.'));
    await until('no IPv4 Lease', () => !isLeft(), PATIENCE_MS);
    world.removeLease(last);
    await until('both', () => node.last()?.kind === 'held', BEFORE_TICK_MS);
    assert.equal((await node.untilHeld()).length, 2);
  });

  test('whose claim was refused to us is noticed when it goes', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const uid = world.addNode('other');
    for (const subnet of ['10.244.1.0/24', '10.244.2.0/24']) world.addLease(subnet);
    const client = meeting(world, {
      matches: (call) => claims(call, /10\.244\.3\.0-24/),
      first: () => world.addLease('10.244.3.0/24', { name: 'other', uid }),
    });
    const node = world.hold({ client, random: () => 0.999 });
    await node.untilWords(/^none .*no free subnet/);
    world.removeLease('10.244.3.0/24');
    await until('the freed one', () => node.last()?.kind === 'held', BEFORE_TICK_MS);
  });

  test('that has the Lease by now keeps it, though we were about to move it', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const other = { name: 'other', uid: world.addNode('other') };
    let subnet = '';
    const client = meeting(world, {
      matches: ({ method, path }) => method === 'PATCH' && path.includes('/leases/'),
      first: () => {
        world.removeLease(subnet);
        world.addLease(subnet, other);
      },
    });
    const node = world.hold({ client });
    [subnet = ''] = await node.untilHeld();
    world.replaceNode('self');
    const isAnother = (): boolean => {
      const last = node.last();
      return last?.kind === 'held' && last.subnets[0] !== subnet;
    };
    await until('another subnet', isAnother, PATIENCE_MS);
    assert.equal(world.lease(subnet)?.metadata.ownerReferences?.[0]?.uid, other.uid);
    const lost = node.told.find(({ kind }) => kind === 'none' && node.told.length > 2);
    assert.notEqual(lost, undefined);
  });
});

describe('the Leases as last seen', () => {
  test('do not lose one that was claimed after the deletion of which a late word comes', () => {
    const table = new LeaseTable();
    const subnet = cidr('10.244.3.0/24');
    const own = { machine: 'm', uid: 'new' };
    table.see({ kind: 'listed', items: [] });
    table.put({ subnet, ownerUid: 'u', holder: 'self', own });
    assert.deepEqual(table.see({ kind: 'gone', name: leaseName(subnet), uid: 'old' }), []);
    assert.deepEqual(table.ownedBy('u'), [subnet]);
    assert.deepEqual(table.see({ kind: 'gone', name: leaseName(subnet), uid: 'new' }), ['u']);
    assert.deepEqual(table.ownedBy('u'), []);
    assert.deepEqual(table.ofOwnName(), []);
  });
});
