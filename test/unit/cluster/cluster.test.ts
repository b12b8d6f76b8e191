// The cluster as folded from events that may come late, twice or in another order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterEvent, PartialCluster } from '../../../src/cluster/cluster.ts';
import { fold, NOTHING_KNOWN, synced } from '../../../src/cluster/cluster.ts';
import type { ClusterNode } from '../../../src/cluster/node.ts';

const node = (name: string, uid: string): ClusterNode => ({
  name,
  uid,
  createdAt: '2026-01-01T00:00:00Z',
  subnets: [],
  internalIps: [],
  problems: [],
});

const all = (events: readonly ClusterEvent[]): PartialCluster => events.reduce(fold, NOTHING_KNOWN);
const config: ClusterEvent = { kind: 'config-put', config: { text: '{}', origin: 'test' } };

test('is synced only when nodes and configuration have both been listed', () => {
  assert.equal(synced(all([])), undefined);
  assert.equal(synced(all([config])), undefined);
  assert.equal(synced(all([{ kind: 'nodes-listed', nodes: [] }])), undefined);
  assert.equal(synced(all([config, { kind: 'nodes-listed', nodes: [] }]))?.kind, 'synced');
});

test('a deletion of an older Node of the same name changes nothing', () => {
  const cluster = all([
    { kind: 'nodes-listed', nodes: [node('a', '1')] },
    { kind: 'node-put', node: node('a', '2') },
    { kind: 'node-gone', name: 'a', uid: '1' },
  ]);
  assert.equal(cluster.nodes?.get('a')?.uid, '2');
  assert.equal(fold(cluster, { kind: 'node-gone', name: 'a', uid: '2' }).nodes?.size, 0);
});

test('a list replaces what was known: nodes that are not in it are gone', () => {
  const cluster = all([
    { kind: 'nodes-listed', nodes: [node('a', '1'), node('b', '2')] },
    { kind: 'nodes-listed', nodes: [node('b', '2')] },
  ]);
  assert.deepEqual([...(cluster.nodes?.keys() ?? [])], ['b']);
});

test('a deleted ConfigMap leaves the last configuration in force', () => {
  assert.equal(all([config, { kind: 'config-gone' }]).config?.text, '{}');
});

test('folding leaves the value before as it was', () => {
  const before = all([{ kind: 'nodes-listed', nodes: [node('a', '1')] }]);
  fold(before, { kind: 'node-put', node: node('b', '2') });
  assert.equal(before.nodes?.size, 1);
});

test('a Node that says nothing new leaves the cluster as it is, so that nobody has to work', () => {
  const cluster = all([{ kind: 'nodes-listed', nodes: [node('a', '1')] }]);
  assert.equal(fold(cluster, { kind: 'node-put', node: node('a', '1') }), cluster);
  const changed = { ...node('a', '1'), problems: ['bad'] };
  assert.notEqual(fold(cluster, { kind: 'node-put', node: changed }), cluster);
  assert.notEqual(fold(cluster, { kind: 'node-put', node: node('a', '2') }), cluster);
});
