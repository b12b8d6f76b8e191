// What the kernel tells of a token bucket is the one that was set, however it rounds, and another
// is not taken for it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Qdisc, RateQdisc } from '../../../src/state/kernel-state.ts';
import { sameQdisc } from '../../../src/state/same-qdisc.ts';

const BUCKET: RateQdisc = {
  kind: 'rate',
  link: 'poplin012345678',
  bytesPerSecond: 125_000,
  burstBytes: 32_768,
  limitBytes: 98_304,
};

/** psched_ratecfg_precompute and psched_l2t_ns of net/sched, and what is told of them. */
function toldBurst({ bytesPerSecond, burstBytes }: RateQdisc): number {
  let factor = 1_000_000_000n;
  let shift = 0n;
  let multiplier = factor / BigInt(bytesPerSecond);
  while ((multiplier & (1n << 31n)) === 0n && (factor & (1n << 63n)) === 0n) {
    factor <<= 1n;
    shift += 1n;
    multiplier = factor / BigInt(bytesPerSecond);
  }
  const nanoseconds = (BigInt(burstBytes) * multiplier) >> shift;
  const ticks = Number((nanoseconds >> 6n) & 0xffffffffn);
  return Math.round(((ticks * 64) / 1e9) * bytesPerSecond);
}

test('a burst that was set is the one that the kernel tells', () => {
  const rates = fc.oneof(fc.integer({ min: 1, max: 2 ** 31 }), fc.integer({ min: 1, max: 1e14 }));
  const bursts = fc.integer({ min: 1518, max: 2 ** 32 - 1 });
  fc.assert(
    fc.property(rates, bursts, (bytesPerSecond, burstBytes) => {
      const wanted = { ...BUCKET, bytesPerSecond, burstBytes };
      assert.ok(sameQdisc(wanted, { ...wanted, burstBytes: toldBurst(wanted) }));
    }),
    { numRuns: 2000 },
  );
});

describe('a qdisc is another', () => {
  const redirect: Qdisc = { kind: 'redirect', link: BUCKET.link, to: 'poplini0000001' };
  const cases: readonly [string, Qdisc, Qdisc][] = [
    ['with another rate', BUCKET, { ...BUCKET, bytesPerSecond: 125_001 }],
    ['with another burst', BUCKET, { ...BUCKET, burstBytes: 34_000 }],
    ['with another limit', BUCKET, { ...BUCKET, limitBytes: 1 }],
    ['that leads elsewhere', redirect, { ...redirect, to: '' }],
    ['of another kind', redirect, BUCKET],
    ['on another link', redirect, { ...redirect, link: 'x' }],
  ];
  for (const [what, wanted, current] of cases) {
    test(what, () => {
      assert.equal(sameQdisc(wanted, wanted), true);
      assert.equal(sameQdisc(wanted, current), false);
    });
  }
});
