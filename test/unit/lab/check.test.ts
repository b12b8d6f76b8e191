// Which pairs a reachability check tries; what it finds between namespaces is in test/system/lab.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Endpoint } from '../../../src/lab/check.ts';
import { pairsOf } from '../../../src/lab/check.ts';
import { FAMILIES } from '../../../src/net/family.ts';
import { endpoint } from './endpoints.ts';

const names = (endpoints: readonly Endpoint[], families = FAMILIES): string[] =>
  pairsOf(endpoints, families).map(({ from, to, family }) => `${from.name} ${to.name} ${family}`);

describe('what has to reach what', () => {
  test('pods and nodes do in both directions, nodes among themselves are left out', () => {
    const endpoints = [endpoint('node1'), endpoint('node2'), endpoint('node1-pod1')];
    assert.deepEqual(names(endpoints, ['ipv4']), [
      'node1 node1-pod1 ipv4',
      'node2 node1-pod1 ipv4',
      'node1-pod1 node1 ipv4',
      'node1-pod1 node2 ipv4',
    ]);
  });

  test('each family that both have is tried', () => {
    const dual = endpoint('node1-pod1');
    const single = endpoint('node2-pod1', ['ipv6']);
    assert.deepEqual(names([dual, single]), [
      'node1-pod1 node2-pod1 ipv6',
      'node2-pod1 node1-pod1 ipv6',
    ]);
    assert.equal(names([dual, endpoint('node1')]).length, 4);
    assert.deepEqual(names([single, endpoint('node1', ['ipv4'])]), []);
  });

  test('three nodes with two pods each are 66 pairs in each family', () => {
    const nodes = ['node1', 'node2', 'node3'];
    const all = nodes.flatMap((node) => [node, `${node}-pod1`, `${node}-pod2`]);
    assert.equal(names(all.map((name) => endpoint(name))).length, 66 * 2);
  });
});
