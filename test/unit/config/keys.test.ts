// Suggestions for mistyped keys: near enough is suggested, far away is not.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { editDistance, nearestOf, normaliseKeys } from '../../../src/config/keys.ts';
import { TOP_KEYS } from '../../../src/config/schema.ts';

describe('the key that was probably meant', () => {
  const cases: readonly [written: string, meant: string | undefined][] = [
    ['Netwrok', 'Network'],
    ['Networks', 'Network'],
    ['IPv6Netwrk', 'IPv6Network'],
    ['subnetlength', 'SubnetLen'],
    ['EnableIPV5', 'EnableIPv4'],
    ['Masqurade', 'Masquerade'],
    ['ForwardRule', 'ForwardRules'],
    ['Color', undefined],
    ['x', undefined],
    ['', undefined],
  ];
  for (const [written, meant] of cases) {
    test(`"${written}" means ${meant ?? 'nothing known'}`, () => {
      assert.equal(nearestOf(written, TOP_KEYS), meant);
    });
  }

  test('the distance is a metric for single edits', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        assert.equal(editDistance(a, b), editDistance(b, a));
        assert.equal(editDistance(a, b) === 0, a === b);
        assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
        assert.equal(editDistance(a, `${a}x`), 1);
      }),
    );
    assert.equal(editDistance('abcd', 'abdc'), 1);
  });
});

describe('bringing keys into one spelling', () => {
  test('keeps what it does not know, and members that are no objects', () => {
    const document = { NETWORK: 1, Odd: 2, backend: ['x'], subnetlen: null };
    assert.deepEqual(normaliseKeys(document), { Network: 1, Odd: 2, Backend: ['x'] });
  });

  test('a key named __proto__ is a key like any other', () => {
    const document: unknown = JSON.parse('{"__proto__": {"Network": "x"}}');
    const normalised = normaliseKeys(document);
    assert.ok(typeof normalised === 'object' && normalised !== null);
    assert.deepEqual(Object.keys(normalised), ['__proto__']);
  });
});
