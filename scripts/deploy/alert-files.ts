// The alerts as files: rules for Prometheus, the same as a PrometheusRule of its operator, and the
// tests that promtool plays.

import type { Alert, Series } from './alert.ts';
import { ALERT_GROUPS, ALERTS } from './alerts.ts';
import type { Yaml } from './yaml.ts';

const ruleOf = ({ name, expr, severity, summary, description, ...rest }: Alert): Yaml => ({
  alert: name,
  expr,
  for: rest.for,
  labels: { severity },
  annotations: { summary, description },
});

const groups = (): Yaml =>
  ALERT_GROUPS.map(({ name, alerts }) => ({ name, rules: alerts.map(ruleOf) }));

export const ruleFile = (): Yaml => ({ groups: groups() });

export const ruleObject = (): Yaml => ({
  ...{ apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule' },
  metadata: { name: 'poplin', namespace: 'poplin' },
  spec: { groups: groups() },
});

/** For `promtool test rules`: of each alert that it fires, and that it does not. */
export const ruleTests = (rules: string): Yaml => ({
  rule_files: [rules],
  evaluation_interval: '1m',
  tests: ALERTS.flatMap((alert) => {
    const { name, fires, quiet } = alert;
    return [
      testOf(`${name} fires`, fires.series, {
        ...{ eval_time: fires.at, alertname: name, exp_alerts: [expected(alert)] },
      }),
      testOf(`${name} keeps quiet`, quiet.series, { eval_time: quiet.at, alertname: name }),
    ];
  }),
});

const testOf = (name: string, series: Series, alertTest: Yaml): Yaml => ({
  name,
  interval: '1m',
  input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
  alert_rule_test: [alertTest],
});

const expected = ({ severity, summary, description, fires }: Alert): Yaml => ({
  exp_labels: { severity, ...fires.labels },
  exp_annotations: { summary: filled(summary, fires.labels), description },
});

const filled = (text: string, labels: Series): string =>
  text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '');
