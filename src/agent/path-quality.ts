// How well a path answers: how long the echo takes, and how many of the last probes were lost.
// Only probes of the path in use count, and of those only the ones that ask whether it works: a
// search for the largest packet loses some on purpose. It is shown and published; nothing is
// decided by it.

/** So many of the last probes are remembered: one bit each. */
const REMEMBERED = 32;
/** How much a new measurement counts, as in TCP's smoothed round-trip time (RFC 6298). */
const WEIGHT = 1 / 8;

export type PathQuality = {
  sentMs: number;
  /** Smoothed; undefined before the first answer. */
  latencyMs: number | undefined;
  /** The lowest bit is the last probe; 1: it was lost. */
  lostBits: number;
  /** How many of the bits count. */
  probes: number;
};

export type QualityView = {
  /** Milliseconds of an echo of full size, smoothed; absent before the first. */
  readonly latencyMs?: number;
  /** Of the last 32 probes. */
  readonly lossPercent?: number;
};

export const newQuality = (): PathQuality => ({
  ...{ sentMs: 0, latencyMs: undefined, lostBits: 0, probes: 0 },
});

export function probeCameBack(quality: PathQuality, nowMs: number): void {
  const tookMs = Math.max(0, nowMs - quality.sentMs);
  const before = quality.latencyMs ?? tookMs;
  quality.latencyMs = before + (tookMs - before) * WEIGHT;
  remember(quality, 0);
}

export function probeWasLost(quality: PathQuality): void {
  remember(quality, 1);
}

function remember(quality: PathQuality, bit: 0 | 1): void {
  quality.lostBits = ((quality.lostBits << 1) | bit) >>> 0;
  quality.probes = Math.min(quality.probes + 1, REMEMBERED);
}

/** Rounded to what can be measured from a program: hundredths of a millisecond, whole percents. */
export function viewOf({ latencyMs, lostBits, probes }: PathQuality): QualityView {
  if (probes === 0) return {};
  let lost = 0;
  for (let bits = lostBits; bits !== 0; bits &= bits - 1) lost += 1;
  return {
    ...(latencyMs === undefined ? {} : { latencyMs: Math.round(latencyMs * 100) / 100 }),
    lossPercent: Math.round((lost * 100) / probes),
  };
}
