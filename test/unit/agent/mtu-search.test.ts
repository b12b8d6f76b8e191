// The search for the largest packet that a path takes: it finds every size exactly, asks a bounded
// number of times, and asks twice only whether a path has grown that has not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MtuSearch } from '../../../src/agent/mtu-search.ts';
import {
  cameBack,
  foundBy,
  missed,
  nextBytes,
  searchAbove,
  searchBelow,
} from '../../../src/agent/mtu-search.ts';

/** Answers as a path does that takes so much. */
function search(first: MtuSearch, pathBytes: number) {
  const asked: number[] = [];
  let state = first;
  for (let bytes = nextBytes(state); bytes !== undefined; bytes = nextBytes(state)) {
    asked.push(bytes);
    state = bytes <= pathBytes ? cameBack(state) : missed(state);
  }
  return { found: foundBy(state, 'ipv4'), asked };
}

const below = (failedBytes: number): MtuSearch =>
  searchBelow(failedBytes, 'ipv4') ?? assert.fail('no search');

test('every size is found exactly, with a bounded number of packets', () => {
  for (let pathBytes = 576; pathBytes < 1500; pathBytes += 1) {
    const { found, asked } = search(below(1500), pathBytes);
    assert.equal(found, pathBytes);
    assert.ok(asked.length <= 21, `${asked.length} for ${pathBytes}`);
    assert.ok(asked.every((bytes) => bytes >= 576 && bytes < 1500));
  }
});

test('a path that does not even take the smallest size is none', () => {
  const { found, asked } = search(below(1500), 500);
  assert.equal(found, undefined);
  assert.deepEqual(asked, [576, 576]);
});

test('below what every path must take nothing is searched', () => {
  assert.equal(searchBelow(576, 'ipv4'), undefined);
  assert.equal(searchBelow(1280, 'ipv6'), undefined);
  const v6 = searchBelow(1500, 'ipv6') ?? assert.fail('no search');
  assert.equal(nextBytes(v6), 1280);
});

test('whether a path takes more again is asked by two sizes while nothing has changed', () => {
  const { found, asked } = search(searchAbove(1350, 1450), 1350);
  assert.equal(found, 1350);
  assert.deepEqual(asked, [1450, 1450, 1351, 1351]);
});

test('a path that takes all again is found at once, one that takes some more exactly', () => {
  assert.deepEqual(search(searchAbove(1350, 1450), 1500), { found: 1450, asked: [1450] });
  assert.equal(search(searchAbove(1350, 1450), 1399).found, 1399);
  assert.equal(search(searchAbove(1350, 1450), 1351).found, 1351);
  assert.equal(search(searchAbove(1449, 1450), 1449).found, 1449);
});

test('one lost packet does not make a size too large', () => {
  const first = below(1500);
  const afterLoss = missed(first);
  assert.equal(nextBytes(afterLoss), 576);
  assert.equal(foundBy(cameBack(afterLoss), 'ipv4'), 576);
});
