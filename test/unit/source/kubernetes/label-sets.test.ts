// Labels of Nodes: which are kept, and that equal ones are kept once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LabelSets } from '../../../../src/source/kubernetes/label-sets.ts';
import { nodeRecord } from '../../../../src/source/kubernetes/node-record.ts';

const node = (name: string, labels: Record<string, unknown>) => ({
  metadata: { name, labels: { ...labels, 'kubernetes.io/hostname': name } as never },
});

describe('labels of Nodes', () => {
  test('are those of the Node but for its hostname', () => {
    const record = nodeRecord(node('a', { rack: 'r1', edge: '' }), undefined, new LabelSets());
    assert.deepEqual(record.labels, { edge: '', rack: 'r1' });
  });

  test('are kept once for nodes that have the same, in whatever order', () => {
    const sets = new LabelSets();
    const one = nodeRecord(node('a', { rack: 'r1', zone: 'z' }), undefined, sets);
    const two = nodeRecord(node('b', { zone: 'z', rack: 'r1' }), undefined, sets);
    const three = nodeRecord(node('c', { zone: 'z', rack: 'r2' }), undefined, sets);
    assert.equal(one.labels, two.labels);
    assert.deepEqual(three.labels, { rack: 'r2', zone: 'z' });
  });

  test('stay right when more sets come than are remembered', () => {
    const sets = new LabelSets();
    for (let number = 0; number < 1500; number += 1) {
      const record = nodeRecord(node('a', { number: `${number}` }), undefined, sets);
      assert.deepEqual(record.labels, { number: `${number}` });
    }
  });

  test('are absent where there are none, or none that are text', () => {
    const sets = new LabelSets();
    assert.equal('labels' in nodeRecord(node('a', {}), undefined, sets), false);
    assert.equal('labels' in nodeRecord(node('a', { rack: 7 }), undefined, sets), false);
    assert.equal('labels' in nodeRecord(node('a', { rack: 'r1' })), false);
  });
});
