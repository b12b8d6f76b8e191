// What is made of repeated measurements. Medians and percentiles are by nearest rank, so that each
// is a value that was measured; pure.

export type Summary = {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
};

/** The smallest value that at least `share` (0 < share ≤ 1) of all values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError(`${share} is not in (0, 1]`);
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.ceil(sorted.length * share) - 1];
  if (value === undefined) throw new RangeError('there is no percentile of no values');
  return value;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export const summarise = (values: readonly number[]): Summary => ({
  count: values.length,
  min: percentile(values, Number.MIN_VALUE),
  median: median(values),
  p95: percentile(values, 0.95),
  p99: percentile(values, 0.99),
  max: percentile(values, 1),
});

/** Three significant digits, without an exponent: 0.0123, 1.23, 12.3, 123, 1234. */
export function shortNumber(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 6));
}
