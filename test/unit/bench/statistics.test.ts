// Medians and percentiles by nearest rank, and how numbers are shown.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, percentile, shortNumber, summarise } from '../../bench/statistics.ts';

const upTo = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => count - index);

test('a percentile is a value that was measured', () => {
  const cases: readonly (readonly [share: number, expected: number])[] = [
    [0.01, 1],
    [0.5, 50],
    [0.95, 95],
    [0.951, 96],
    [0.99, 99],
    [1, 100],
  ];
  for (const [share, expected] of cases) assert.equal(percentile(upTo(100), share), expected);
  assert.equal(median([7]), 7);
  assert.equal(median([1, 2]), 1);
  assert.equal(median([10, 9, 2]), 9, 'sorted as numbers');
});

test('the values themselves stay in their order', () => {
  const values = [3, 1, 2];
  median(values);
  assert.deepEqual(values, [3, 1, 2]);
});

test('a summary has all of them', () => {
  assert.deepEqual(summarise(upTo(200)), {
    count: 200,
    min: 1,
    median: 100,
    p95: 190,
    p99: 198,
    max: 200,
  });
});

test('no values, and shares outside of (0, 1], are refused', () => {
  assert.throws(() => median([]), RangeError);
  for (const share of [0, -1, 1.1, Number.NaN]) assert.throws(() => percentile([1], share));
});

test('numbers have three significant digits and no exponent', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0'],
    [0.012345, '0.0123'],
    [0.5, '0.500'],
    [1.2345, '1.23'],
    [12.345, '12.3'],
    [123.45, '123'],
    [123456, '123456'],
  ];
  for (const [value, text] of cases) assert.equal(shortNumber(value), text);
});
