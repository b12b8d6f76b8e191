// When a node needs another subnet and which it could do without, on small numbers and as
// properties of random lives.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { planSubnets } from '../../../src/agent/subnet-plan.ts';
import type { SubnetUsage } from '../../../src/cni/ipam.ts';
import type { Cidr } from '../../../src/net/cidr.ts';

const nameOf = (index: number): Cidr => `10.1.${index}.0/24` as Cidr;

const usageOf = (total: number, used: readonly number[]): readonly SubnetUsage[] =>
  used.map((count, index) => ({
    subnet: nameOf(index),
    total,
    used: count,
    resting: 0,
    cooling: 0,
  }));

type Numbers = { readonly used: readonly number[]; readonly draining?: readonly number[] };

/** Numbers of the subnets that are drained, and whether another one is needed. */
function plan(total: number, { used, draining = [] }: Numbers): string {
  const before = new Set(draining.map(nameOf));
  const found = planSubnets({ usage: usageOf(total, used), draining: before });
  const numbers = used.flatMap((_, index) => (found.draining.has(nameOf(index)) ? [index] : []));
  return `${found.isShort ? 'short' : 'enough'} ${numbers.join()}`.trim();
}

describe('the subnets of a node', () => {
  const cases: readonly [string, number, Numbers, string][] = [
    ['are enough while one has room', 253, { used: [200] }, 'enough'],
    ['are enough with seven free addresses', 253, { used: [246] }, 'enough'],
    ['are short with six', 253, { used: [247] }, 'short'],
    ['are short when all is taken', 253, { used: [253, 253] }, 'short'],
    ['of a /28 are enough with four free addresses', 13, { used: [9] }, 'enough'],
    ['of a /28 are short with three', 13, { used: [10] }, 'short'],
    ['of a /29 are short with one free address', 5, { used: [4] }, 'short'],
    ['of a /29 are enough with two', 5, { used: [3] }, 'enough'],
    ['of a /30 are short when the one address is taken', 1, { used: [1] }, 'short'],
    ['of a /30 are enough before', 1, { used: [0] }, 'enough'],
    ['with half of two in use stay', 253, { used: [150, 60] }, 'enough'],
    ['with room in the first are drained to that', 253, { used: [100, 60] }, 'enough 1'],
    ['are drained one at a time, the emptiest first', 253, { used: [9, 8, 1] }, 'enough 2'],
    [
      'are drained one at a time also where another is emptier by now',
      253,
      { used: [9, 8, 1], draining: [1] },
      'enough 1',
    ],
    ['never drain the first', 253, { used: [0] }, 'enough'],
    ['go on draining while there is room', 253, { used: [240, 3], draining: [1] }, 'enough 1'],
    ['come back before another is claimed', 253, { used: [250, 3], draining: [1] }, 'enough'],
    ['come back the fullest first', 13, { used: [12, 1, 5], draining: [1, 2] }, 'enough 1'],
  ];
  for (const [name, total, numbers, expected] of cases) {
    test(name, () => assert.equal(plan(total, numbers), expected));
  }

  test('are decided about once, until pods come or go', () => {
    const life = fc.record({
      total: fc.constantFrom(1, 5, 13, 253),
      shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 }),
      draining: fc.array(fc.nat({ max: 5 })),
    });
    fc.assert(
      fc.property(life, ({ total, shares, draining }) => {
        const used = shares.map((share) => Math.round(share * total));
        const usage = usageOf(total, used);
        const once = planSubnets({ usage, draining: new Set(draining.map(nameOf)) });
        assert.deepEqual(planSubnets({ usage, draining: once.draining }), once);
        assert.ok(!once.draining.has(nameOf(0)), 'the first one is not drained');
        // A claim in answer to it is the end of it, and what is drained is not missed at once.
        const more = planSubnets({ usage: usageOf(total, [...used, 0]), draining: once.draining });
        assert.equal(once.isShort && more.isShort && total > 1, false);
        const left = usage.filter(({ subnet }) => !once.draining.has(subnet));
        assert.equal(planSubnets({ usage: left, draining: new Set() }).isShort, once.isShort);
      }),
    );
  });
});
