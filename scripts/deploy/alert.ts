// What an alert is, and the common case of one: a gauge that is compared with a number.

export type Series = Readonly<Record<string, string>>;

export type Alert = {
  readonly name: string;
  readonly expr: string;
  /** How long it must last. */
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  /** One line, with `{{ $labels.… }}`. */
  readonly summary: string;
  /** What it means, and what to do. */
  readonly description: string;
  /** In promtool's notation, one value a minute; looked at after `at`. */
  readonly fires: { readonly series: Series; readonly at: string; readonly labels: Series };
  readonly quiet: { readonly series: Series; readonly at: string };
};

const NODE = '{instance="node1"}';
export const ON_NODE = { instance: 'node1' } as const;

/** A gauge that is at a value for as long as the test lasts. */
export const steady = (metric: string, value: number, labels = NODE): Series => ({
  [`${metric}${labels}`]: `${value}x120`,
});

/** It was so for two minutes, and is not any more, or only at the end. */
const brief = (metric: string, bad: number, good: number): Series => ({
  [`${metric}${NODE}`]: `${good}x5 ${bad} ${bad} ${good}x20`,
});

type Simple = Pick<Alert, 'name' | 'for' | 'severity' | 'summary' | 'description'> & {
  readonly metric: string;
  readonly comparison: string;
  readonly bad: number;
  readonly good: number;
};

/** One gauge, compared with one number. */
export const simple = ({ metric, comparison, bad, good, ...rest }: Simple): Alert => ({
  ...rest,
  expr: `${metric} ${comparison}`,
  fires: { series: steady(metric, bad), at: '20m', labels: ON_NODE },
  quiet: { series: brief(metric, bad, good), at: '8m' },
});
