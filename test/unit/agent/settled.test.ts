// Which passes are spared: those whose input and kernel are as in a pass that had nothing to do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PassInput } from '../../../src/agent/reconciler.ts';
import { Settled } from '../../../src/agent/settled.ts';
import type { Cidr } from '../../../src/net/cidr.ts';

const right = { subnets: ['10.244.1.0/24' as Cidr] };
const INPUT = { config: {}, families: [], cluster: {}, right } as unknown as PassInput;

function settledBy(input: PassInput, fingerprint: string, differenceCount: number): Settled {
  const settled = new Settled();
  assert.equal(settled.holds(input, fingerprint), false, 'nothing is known yet');
  settled.passed(input, differenceCount);
  return settled;
}

test('the same input and the same kernel are settled, also in other objects of one meaning', () => {
  const settled = settledBy(INPUT, 'a', 0);
  assert.equal(settled.holds({ ...INPUT, right: { subnets: [...right.subnets] } }, 'a'), true);
});

test('a pass that had something to do settles nothing', () => {
  assert.equal(settledBy(INPUT, 'a', 1).holds(INPUT, 'a'), false);
});

for (const [what, changed] of [
  ['the configuration', { config: { hash: 'b' } }],
  ['a family', { families: ['ipv6'] }],
  ['the cluster', { cluster: {} }],
  ['the subnets', { right: { subnets: [] } }],
  ['other subnets', { right: { subnets: ['10.244.2.0/24' as Cidr] } }],
  ['the right', { right: { ...right, isInDoubt: true } }],
] as const) {
  test(`another input is looked at: ${what}`, () => {
    assert.equal(
      settledBy(INPUT, 'a', 0).holds({ ...INPUT, ...changed } as typeof INPUT, 'a'),
      false,
    );
  });
}

test('another kernel is looked at, and what that finds counts from then on', () => {
  const settled = settledBy(INPUT, 'a', 0);
  assert.equal(settled.holds(INPUT, 'b'), false);
  settled.passed(INPUT, 0);
  assert.equal(settled.holds(INPUT, 'a'), false);
  settled.passed(INPUT, 0);
  assert.equal(settled.holds(INPUT, 'a'), true);
});

test('a pass that nobody looked before settles nothing, and ends what was settled', () => {
  const settled = settledBy(INPUT, 'a', 0);
  settled.passed(INPUT, 0);
  assert.equal(settled.holds(INPUT, 'a'), false);
});

test('now and then all is looked at', () => {
  const settled = settledBy(INPUT, 'a', 0);
  const spared = Array.from({ length: 30 }, () => settled.holds(INPUT, 'a'));
  assert.equal(spared.indexOf(false), 20);
});
