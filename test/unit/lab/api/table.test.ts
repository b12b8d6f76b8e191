// Tables as kubectl prints them: columns, rows and ages.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EVENTS, findKind, NODES, PODS } from '../../../../src/lab/api/kinds.ts';
import { columnsOf, humanAge, rowOf } from '../../../../src/lab/api/table.ts';

const NOW = new Date('2026-01-02T00:00:00Z');

describe('an age', () => {
  const SECOND = 1000;
  const HOUR = 3600 * SECOND;
  const DAY = 24 * HOUR;
  const CASES = [
    [-5, '0s'],
    [119 * SECOND, '119s'],
    [120 * SECOND, '2m'],
    [125 * SECOND, '2m5s'],
    [600 * SECOND, '10m'],
    [3 * HOUR, '3h'],
    [3 * HOUR + 60 * SECOND, '3h1m'],
    [30 * HOUR, '30h'],
    [2 * DAY + HOUR, '2d1h'],
    [100 * DAY, '100d'],
    [731 * DAY, '2y1d'],
  ] as const;
  for (const [ageMs, text] of CASES) {
    test(`of ${ageMs} ms is ${text}`, () => assert.equal(humanAge(ageMs), text));
  }
});

describe('a row', () => {
  test('of a node has status, roles and age', () => {
    const node = {
      metadata: {
        name: 'n1',
        creationTimestamp: '2026-01-01T00:00:00Z',
        labels: { 'node-role.kubernetes.io/control-plane': '', x: 'y' },
      },
      spec: { unschedulable: true, podCIDRs: ['10.0.0.0/24'] },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '192.168.0.1' }],
      },
    };
    const row = rowOf(NODES, node, NOW);
    assert.deepEqual(row.slice(0, 6), [
      'n1',
      'Ready,SchedulingDisabled',
      'control-plane',
      '24h',
      '',
      '192.168.0.1',
    ]);
    assert.equal(row.at(-1), '10.0.0.0/24');
    assert.equal(row.length, columnsOf(NODES).length);
  });

  test('of a pod counts what is ready', () => {
    const pod = {
      metadata: { name: 'p' },
      spec: { containers: [{}, {}], nodeName: 'n1' },
      status: {
        phase: 'Running',
        containerStatuses: [{ ready: true, restartCount: 2 }, { ready: false }],
      },
    };
    assert.deepEqual(rowOf(PODS, pod, NOW), [
      'p',
      '1/2',
      'Running',
      '2',
      '<unknown>',
      '<none>',
      'n1',
    ]);
  });

  test('of an event says what it is about', () => {
    const event = {
      metadata: { name: 'e' },
      lastTimestamp: '2026-01-01T23:59:00Z',
      type: 'Warning',
      reason: 'Bad',
      involvedObject: { kind: 'Node', name: 'n1' },
      message: 'text\n',
    };
    const row = rowOf(EVENTS, event, NOW);
    assert.deepEqual(row.slice(0, 4), ['60s', 'Warning', 'Bad', 'node/n1']);
    assert.equal(row[5], 'text');
  });

  test('of a kind without columns of its own has name and age', () => {
    const kind = findKind('v1', 'serviceaccounts');
    assert.ok(kind);
    assert.deepEqual(
      columnsOf(kind).map(({ name }) => name),
      ['Name', 'Age'],
    );
  });
});
