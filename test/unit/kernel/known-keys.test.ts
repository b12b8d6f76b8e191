// Keys that are kept as numbers: what is there is never denied, and what is not there hardly ever
// affirmed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownKeys } from '../../../src/kernel/known-keys.ts';

const COUNT = 10_000;
const address = (index: number): string => `poplin4-1 10.${index >> 8}.${index & 255}.0`;

test('all that are there are known, and of others hardly one', () => {
  const known = new KnownKeys();
  known.add('poplin4-1 192.0.2.1');
  const there = Array.from({ length: COUNT }, (_, index) => address(index));
  known.replaceAll([new Map(there.map((key) => [key, key])), new Map([['x', 1]])]);
  assert.ok(there.every((key) => known.has(key)) && known.has('x'));
  assert.equal(known.has('poplin4-1 192.0.2.1'), false, 'forgotten');
  known.add('poplin4-1 192.0.2.1');
  assert.equal(known.has('poplin4-1 192.0.2.1'), true);
  const others = Array.from({ length: COUNT }, (_, index) => address(COUNT + index));
  const wrong = others.filter((key) => known.has(key));
  assert.ok(wrong.length <= 3, wrong.join());
});
