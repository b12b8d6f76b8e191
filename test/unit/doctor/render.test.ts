// The doctor's page: findings with what to do, wrapped to a terminal, and what was not looked at.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Diagnosis } from '../../../src/doctor/finding.ts';
import { renderDiagnosis } from '../../../src/doctor/render.ts';

const HEALTHY: Diagnosis = {
  ...{ schema: 1, version: '0.1.0', node: 'node-1', healthy: true, findings: [], skipped: [] },
};

test('a healthy node has one line', () => {
  assert.equal(renderDiagnosis(HEALTHY), 'node-1, poplin 0.1.0: nothing is wrong, by 21 checks\n');
});

test('each finding says what, why and what to do; checks with one reason stand together', () => {
  const text = renderDiagnosis({
    ...HEALTHY,
    ...{ healthy: false, node: '' },
    findings: [
      {
        ...{ check: 'ip-forward', severity: 'error', what: 'forwarding is off' },
        why:
          'packets from and to pods are dropped; the agent sets it back at once, unless ' +
          'it is away or fought',
        do: 'find who sets it',
      },
    ],
    skipped: [
      { check: 'clock', why: 'the datastore is etcd' },
      { check: 'permissions', why: 'the datastore is etcd' },
    ],
  });
  assert.equal(
    text,
    `this node, poplin 0.1.0: 1 finding, by 19 checks

1. ip-forward (error)
   what  forwarding is off
   why   packets from and to pods are dropped; the agent sets it back at once, unless it is away
         or fought
   do    find who sets it

not looked at:
  clock, permissions: the datastore is etcd
`,
  );
});
