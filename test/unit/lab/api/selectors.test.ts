// Label and field selectors: what matches, and what is refused with a reason.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EVENTS, NODES, PODS } from '../../../../src/lab/api/kinds.ts';
import { parseSelectors } from '../../../../src/lab/api/selectors.ts';

const POD = {
  metadata: { name: 'web', namespace: 'default', labels: { app: 'web', tier: 'front' } },
  spec: { nodeName: 'n1' },
  status: { phase: 'Running' },
};

describe('a label selector', () => {
  const CASES = [
    ['app=web', true],
    ['app==web', true],
    ['app=db', false],
    ['app!=db', true],
    ['none!=x', true],
    ['app', true],
    ['!app', false],
    ['!none', true],
    ['app in (web,db)', true],
    ['app in (db)', false],
    ['app notin (db, cache)', true],
    ['none notin (x)', true],
    ['none in (x)', false],
    ['app=web,tier=front', true],
    ['app in (web,db),tier=back', false],
    ['toString', false],
    ['', true],
  ] as const;
  for (const [labelSelector, matches] of CASES) {
    test(`"${labelSelector}" ${matches ? 'selects' : 'leaves out'} the pod`, () => {
      const selector = parseSelectors(PODS, { labelSelector });
      assert.equal(selector?.(POD) ?? true, matches);
    });
  }

  for (const labelSelector of ['a=b=c', 'app in web', '=x', 'a b']) {
    test(`"${labelSelector}" is refused`, () => {
      assert.throws(() => parseSelectors(PODS, { labelSelector }), /unable to parse requirement/);
    });
  }
});

describe('a field selector', () => {
  const CASES = [
    ['metadata.name=web', true],
    ['metadata.name!=web', false],
    ['metadata.namespace=default,spec.nodeName=n1', true],
    ['status.phase!=Succeeded,status.phase!=Failed', true],
    ['spec.nodeName=', false],
    ['spec.hostNetwork=false', true],
  ] as const;
  for (const [fieldSelector, matches] of CASES) {
    test(`"${fieldSelector}" ${matches ? 'selects' : 'leaves out'} the pod`, () => {
      assert.equal(parseSelectors(PODS, { fieldSelector })?.(POD), matches);
    });
  }

  test('an event is selected by its source', () => {
    const selector = parseSelectors(EVENTS, { fieldSelector: 'source=poplin' });
    assert.equal(selector?.({ metadata: {}, source: { component: 'poplin' } }), true);
  });

  test('a field that the kind does not offer is refused', () => {
    const fieldSelector = 'spec.nodeName=n1';
    assert.throws(() => parseSelectors(NODES, { fieldSelector }), {
      message: 'field label not supported: spec.nodeName',
    });
  });
});
