// Whether two qdiscs do the same. The kernel keeps a token bucket as the time in which it fills, in
// units of 64 ns and 32 bits of them: what it tells of a burst is not exact, and of one that takes
// longer than 275 s only the rest is told. Pure.

import type { Qdisc, RateQdisc } from './kernel-state.ts';

const TICK_SECONDS = 64e-9;
const RANGE_TICKS = 2 ** 32;
/** The kernel multiplies by a rounded factor of 32 bits. */
const RELATIVE_ERROR = 1e-6;

export function sameQdisc(wanted: Qdisc, current: Qdisc): boolean {
  if (wanted.link !== current.link) return false;
  if (wanted.kind === 'redirect') return current.kind === 'redirect' && wanted.to === current.to;
  return (
    current.kind === 'rate' &&
    wanted.bytesPerSecond === current.bytesPerSecond &&
    wanted.limitBytes === current.limitBytes &&
    sameBurst(wanted, current)
  );
}

function sameBurst(wanted: RateQdisc, { burstBytes }: RateQdisc): boolean {
  const tickBytes = wanted.bytesPerSecond * TICK_SECONDS;
  const rangeBytes = tickBytes * RANGE_TICKS;
  const apartBytes = Math.abs(wanted.burstBytes - burstBytes) % rangeBytes;
  const toleranceBytes = 2 * tickBytes + 2 + wanted.burstBytes * RELATIVE_ERROR;
  return Math.min(apartBytes, rangeBytes - apartBytes) <= toleranceBytes;
}
