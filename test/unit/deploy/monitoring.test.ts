// Alerts and dashboard ask for metrics that there are, by labels that they have; docs/metrics.md
// says which alert looks at what. That they fire is played by promtool, in test/system.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ALERTS } from '../../../scripts/deploy/alerts.ts';
import { dashboardQueries } from '../../../scripts/deploy/dashboard.ts';

const PAGE = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');

/** Labels by metric, as documented. */
const METRICS = new Map(
  [...PAGE.matchAll(/^\| `(poplin_\w+)` \| (\w+) \|([^|]*)\|/gm)].map(
    ([, name = '', type = '', labels = '']) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) },
    ],
  ),
);

/** Prometheus' own, of each series that it scrapes. */
const OF_PROMETHEUS = ['instance', 'job'];

const metricsOf = (expr: string): string[] =>
  [...expr.matchAll(/\bpoplin_\w+/g)].map(([name]) => name);

function problemsOf(expr: string): string[] {
  const problems: string[] = [];
  const known = new Set(OF_PROMETHEUS);
  for (const name of metricsOf(expr)) {
    const base = name.replace(/_(?:bucket|count|sum)$/, '');
    const metric = METRICS.get(name) ?? METRICS.get(base);
    if (metric === undefined) problems.push(`${name} is not documented`);
    else if (metric.type === 'histogram' && base === name) problems.push(`${name} is a histogram`);
    for (const label of metric?.labels ?? []) known.add(label);
    if (name.endsWith('_bucket')) known.add('le');
  }
  const selectors = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner = '']) =>
    [...inner.matchAll(/(\w+)\s*[=!]~?\s*"/g)].map(([, label = '']) => label),
  );
  const groups = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, inner = '']) =>
    inner.split(',').map((label) => label.trim()),
  );
  for (const label of [...selectors, ...groups]) {
    if (!known.has(label)) problems.push(`${label} is no label of ${metricsOf(expr).join()}`);
  }
  return problems;
}

test('a metric or a label that there is not is found', () => {
  assert.deepEqual(problemsOf('poplin_nothing > 0'), ['poplin_nothing is not documented']);
  assert.deepEqual(problemsOf('sum by (colour) (poplin_ready)'), [
    'colour is no label of poplin_ready',
  ]);
  assert.deepEqual(problemsOf('poplin_cni_duration_seconds > 1'), [
    'poplin_cni_duration_seconds is a histogram',
  ]);
});

describe('each alert asks for what there is', () => {
  for (const { name, expr } of ALERTS) {
    test(name, () => assert.deepEqual(problemsOf(expr), []));
  }
});

test('each query of the dashboard asks for what there is', () => {
  assert.ok(dashboardQueries().length > 20);
  assert.deepEqual(dashboardQueries().flatMap(problemsOf), []);
});

test('the dashboard or an alert shows every metric', () => {
  const asked = new Set(
    [...dashboardQueries(), ...ALERTS.map(({ expr }) => expr)]
      .flatMap(metricsOf)
      .map((name) => (METRICS.has(name) ? name : name.replace(/_(?:bucket|count|sum)$/, ''))),
  );
  assert.deepEqual(
    [...METRICS.keys()].filter((name) => !asked.has(name)),
    [],
  );
});

test('docs/metrics.md has each alert with what it looks at, and no other', () => {
  const documented = [...PAGE.matchAll(/^\| `(Poplin\w+)` \| ([^|]*) \| ([^|]*) \| (\w+) \|/gm)];
  assert.deepEqual(
    documented.map(([, name, metrics = '', lasting, severity]) => [
      name,
      [...metrics.matchAll(/`(\w+)`/g)].map(([, metric]) => metric),
      lasting?.trim(),
      severity,
    ]),
    ALERTS.map(({ name, expr, for: lasting, severity }) => [
      name,
      [...new Set(expr.match(/\b(?:poplin_\w+|up\b)/g))],
      lasting,
      severity,
    ]),
  );
});
