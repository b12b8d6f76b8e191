// podCIDRs as the controller-manager gives them: one each, freed with the Node, none twice.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NODES } from '../../../../src/lab/api/kinds.ts';
import { listAt } from '../../../../src/lab/api/object.ts';
import { createObject, deleteObject } from '../../../../src/lab/api/operations.ts';
import { PodCidrAllocator } from '../../../../src/lab/api/pod-cidr-allocator.ts';
import { PodCidrController } from '../../../../src/lab/api/pod-cidr-controller.ts';
import { Store } from '../../../../src/lab/api/store.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { silentLog } from '../../../../src/lib/log.ts';
import type { Cidr } from '../../../../src/net/cidr.ts';

const cidr = (text: string): Cidr => text as Cidr;
const V4 = { cluster: cidr('10.0.0.0/22'), subnetLengthBits: 24 };
const V6 = { cluster: cidr('fd00::/62'), subnetLengthBits: 64 };

describe('pod subnets', () => {
  test('are given in order, and a freed one rests as long as possible', () => {
    const allocator = new PodCidrAllocator(V4);
    assert.equal(allocator.allocate('a'), '10.0.0.0/24');
    assert.equal(allocator.allocate('b'), '10.0.1.0/24');
    allocator.release(cidr('10.0.0.0/24'), 'a');
    assert.equal(allocator.allocate('c'), '10.0.2.0/24');
    assert.equal(allocator.allocate('d'), '10.0.3.0/24');
    assert.equal(allocator.allocate('e'), '10.0.0.0/24');
    assert.equal(allocator.allocate('f'), undefined);
  });

  test('IPv6 subnets are of the asked length', () => {
    const allocator = new PodCidrAllocator(V6);
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(() => allocator.allocate('x')),
      ['fd00::/64', 'fd00:0:0:1::/64', 'fd00:0:0:2::/64', 'fd00:0:0:3::/64', undefined],
    );
  });

  test('one that overlaps what a node has already is not given', () => {
    const allocator = new PodCidrAllocator(V4);
    allocator.occupy(cidr('10.0.0.0/23'), 'large');
    allocator.occupy(cidr('10.0.2.128/25'), 'small');
    allocator.occupy(cidr('192.168.0.0/24'), 'elsewhere');
    assert.equal(allocator.allocate('a'), '10.0.3.0/24');
    assert.equal(allocator.allocate('b'), undefined);
  });

  test('one that two nodes hold stays held when one of them lets go', () => {
    const allocator = new PodCidrAllocator({ cluster: cidr('10.0.0.0/24'), subnetLengthBits: 24 });
    allocator.occupy(cidr('10.0.0.0/24'), 'a');
    allocator.occupy(cidr('10.0.0.0/24'), 'b');
    allocator.release(cidr('10.0.0.0/24'), 'a');
    assert.equal(allocator.allocate('c'), undefined);
    allocator.release(cidr('10.0.0.0/24'), 'b');
    assert.equal(allocator.allocate('c'), '10.0.0.0/24');
  });
});

function controlled(): { store: Store; addNode: (name: string, podCIDRs?: string[]) => void } {
  let uids = 0;
  const newUid = (): string => {
    uids += 1;
    return `00000000-${String(uids).padStart(4, '0')}`;
  };
  const store = new Store({ clock: systemClock, newUid, firstRevision: 1 });
  const addNode = (name: string, podCIDRs?: string[]): void => {
    const spec = podCIDRs === undefined ? {} : { podCIDR: podCIDRs[0], podCIDRs };
    createObject(store, { kind: NODES }, { metadata: { name }, spec });
  };
  return { store, addNode };
}

const podCidrsOf = (store: Store, name: string): readonly unknown[] =>
  listAt(store.get(NODES, name)?.object, 'spec.podCIDRs');

describe('the podCIDR controller', () => {
  test('gives each node one subnet per family, also to nodes that were there before', () => {
    const { store, addNode } = controlled();
    addNode('before');
    addNode('set', ['10.0.1.0/24', 'fd00:0:0:1::/64']);
    new PodCidrController(store, [V4, V6], silentLog).start();
    addNode('after');
    assert.deepEqual(podCidrsOf(store, 'before'), ['10.0.0.0/24', 'fd00::/64']);
    assert.deepEqual(podCidrsOf(store, 'set'), ['10.0.1.0/24', 'fd00:0:0:1::/64']);
    assert.deepEqual(podCidrsOf(store, 'after'), ['10.0.2.0/24', 'fd00:0:0:2::/64']);
  });

  test('gives a node that waits the subnet of one that goes', () => {
    const { store, addNode } = controlled();
    new PodCidrController(store, [V4], silentLog).start();
    for (const name of ['a', 'b', 'c', 'd', 'waiting']) addNode(name);
    assert.deepEqual(podCidrsOf(store, 'waiting'), []);
    deleteObject(store, { kind: NODES, name: 'b' });
    assert.deepEqual(podCidrsOf(store, 'waiting'), ['10.0.1.0/24']);
  });

  test('keeps no subnet of one family while the other has none', () => {
    const { store, addNode } = controlled();
    const one = { cluster: cidr('fd00::/64'), subnetLengthBits: 64 };
    new PodCidrController(store, [V4, one], silentLog).start();
    for (const name of ['a', 'b', 'c', 'd', 'e']) addNode(name);
    assert.deepEqual(podCidrsOf(store, 'b'), []);
    deleteObject(store, { kind: NODES, name: 'a' });
    const given = ['b', 'c', 'd', 'e'].filter((name) => podCidrsOf(store, name).length > 0);
    assert.equal(given.length, 1);
    assert.equal(podCidrsOf(store, given[0] ?? '').length, 2);
  });

  test('without ranges gives nothing', () => {
    const { store, addNode } = controlled();
    new PodCidrController(store, [], silentLog).start();
    addNode('a');
    assert.deepEqual(podCidrsOf(store, 'a'), []);
    assert.equal(store.revision, 2);
  });
});
