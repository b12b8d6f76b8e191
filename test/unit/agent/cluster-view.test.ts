// Which cluster the node works by: the listed one, the remembered one before that, and neither of
// them whole when the own Node is missing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClusterView } from '../../../src/agent/cluster-view.ts';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import { clusterOf, nodeOf } from '../../fake/cluster.ts';

const config = { text: '{}', origin: 'test' };

function listed(nodes: readonly ClusterNode[], view = new ClusterView('node-1')): ClusterView {
  view.take({ kind: 'config-put', config });
  view.take({ kind: 'nodes-listed', nodes });
  return view;
}

const namesOf = ({ current }: ClusterView): string => [...(current?.nodes.keys() ?? [])].join();

const kindOf = ({ current }: ClusterView): string | undefined => current?.kind;

describe('the cluster that the node works by', () => {
  test('is unknown until everything is listed', () => {
    const view = new ClusterView('node-1');
    assert.equal(kindOf(view), undefined);
    view.take({ kind: 'nodes-listed', nodes: [nodeOf(1)] });
    assert.equal(kindOf(view), undefined);
    view.take({ kind: 'config-put', config });
    assert.equal(kindOf(view), 'synced');
  });

  test('is the remembered one until then', () => {
    const view = new ClusterView('node-1');
    view.restore({ ...clusterOf([nodeOf(1), nodeOf(2)]), kind: 'remembered' });
    view.take({ kind: 'nodes-listed', nodes: [nodeOf(1)] });
    assert.equal(kindOf(view), 'remembered');
    assert.equal(namesOf(view), 'node-1,node-2');
    view.take({ kind: 'config-put', config });
    assert.equal(kindOf(view), 'synced');
    assert.equal(namesOf(view), 'node-1');
  });

  test('is nothing where only others are remembered', () => {
    const view = new ClusterView('node-1');
    view.restore({ ...clusterOf([nodeOf(2)]), kind: 'remembered' });
    assert.equal(view.current, undefined);
  });

  test('without the own Node is remembered, with all that was left out, as the youngest', () => {
    const view = listed([nodeOf(1), nodeOf(2), nodeOf(3)]);
    view.take({ kind: 'node-gone', name: 'node-1', uid: 'uid-1' });
    view.take({ kind: 'node-gone', name: 'node-3', uid: 'uid-3' });
    assert.equal(view.isOwnNodeMissing, true);
    assert.equal(kindOf(view), 'remembered');
    assert.equal(namesOf(view), 'node-2,node-1,node-3');
    const stamps = [...(view.current?.nodes.values() ?? [])].map(({ createdAt }) => createdAt);
    assert.equal(stamps[0], nodeOf(2).createdAt);
    assert.ok(stamps.slice(1).every((stamp) => stamp > '9999'));
    view.take({ kind: 'node-put', node: nodeOf(1, { uid: 'uid-new' }) });
    assert.equal(kindOf(view), 'synced');
    assert.equal(namesOf(view), 'node-2,node-1');
  });

  test('without the own Node, when it never was there, is nothing', () => {
    assert.equal(listed([nodeOf(2)]).current, undefined);
  });

  test('where nodes are known by what they hold, has the own one before it holds anything', () => {
    const own = { ...nodeOf(1), subnets: [] };
    const view = listed([nodeOf(2)], new ClusterView('node-1', own));
    assert.equal(view.isOwnNodeMissing, false);
    assert.equal(kindOf(view), 'synced');
    assert.equal(namesOf(view), 'node-2,node-1');
    assert.deepEqual(view.current?.nodes.get('node-1'), own);
    view.take({ kind: 'node-put', node: nodeOf(1) });
    assert.deepEqual(view.current?.nodes.get('node-1'), nodeOf(1));
    // What it lost again is not what it never had: nothing is removed by it.
    view.take({ kind: 'node-gone', name: 'node-1', uid: nodeOf(1).uid });
    assert.equal(view.isOwnNodeMissing, false);
    assert.equal(kindOf(view), 'remembered');
    assert.deepEqual(view.current?.nodes.get('node-1')?.subnets, nodeOf(1).subnets);
  });
});
