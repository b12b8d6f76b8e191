// The matrix as a person reads it, as golden text.

import { describe, test } from 'node:test';
import type { PairResult } from '../../../src/lab/check.ts';
import { pairsOf } from '../../../src/lab/check.ts';
import { renderMatrix } from '../../../src/lab/matrix.ts';
import { FAMILIES } from '../../../src/net/family.ts';
import { checkGolden } from '../../golden/golden.ts';
import { endpoint } from './endpoints.ts';

const ENDPOINTS = ['node1', 'node2', 'node1-pod1', 'node2-pod1'].map((name) => endpoint(name));

/** The check's result where everything is fine but what `change` says. */
function results(change: (pair: PairResult) => Partial<PairResult>): PairResult[] {
  return pairsOf(ENDPOINTS, FAMILIES).flatMap(({ from, to, family }) =>
    [
      { protocol: 'udp', bytes: 92 },
      { protocol: 'udp', bytes: 1450 },
      { protocol: 'tcp', bytes: 100_000 },
    ].map((probe) => {
      const names = { from: from.name, to: to.name, family };
      const fine = { ok: true, seenSource: '10.244.1.1', error: null };
      const pair = { ...names, ...probe, ...fine } as PairResult;
      return { ...pair, ...change(pair) };
    }),
  );
}

const render = (pairs: readonly PairResult[]): string =>
  renderMatrix({ ok: pairs.every(({ ok }) => ok), pairs }, ENDPOINTS);

const failure = (error: string): Partial<PairResult> => ({ ok: false, seenSource: null, error });

describe('the matrix', () => {
  test('of a lab where everything is fine fits on a screen', () => {
    checkGolden('lab/matrix-fine.txt', render(results(() => ({}))));
  });

  test('counts what failed and says why', () => {
    const pairs = results(({ from, to, bytes, family, protocol }) => {
      if (to === 'node2-pod1' && bytes === 1450) return failure('the packet is too big');
      if (from === 'node1-pod1' && to === 'node1' && family === 'ipv6') return failure('no route');
      if (from === 'node2' && protocol === 'udp' && bytes === 92) {
        return { error: 'answered only at attempt 2' };
      }
      return {};
    });
    checkGolden('lab/matrix-failed.txt', render(pairs));
  });

  test('does not list thousands of failures', () => {
    checkGolden('lab/matrix-broken.txt', render(results(() => failure('no route'))));
  });

  test('of nothing says so', () => {
    checkGolden('lab/matrix-empty.txt', render([]));
  });
});
