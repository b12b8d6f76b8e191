// What programs and people read of a run: names, ratios, verdicts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Measure } from '../../bench/measure.ts';
import { ratioOf, TARGETS, verdictOf } from '../../bench/measure.ts';
import { renderJson, renderLine, renderPage } from '../../bench/report.ts';

const measure = (name: string, value: number, reference: number): Measure => ({
  name,
  value,
  unit: 'ms',
  against: 'the other',
  reference,
  spread: '',
});

test('JSON has exactly the members that programs are promised', () => {
  const parsed = JSON.parse(renderJson([measure('cni.add.median', 3, 12), measure('x', 1, 0)]));
  assert.deepEqual(parsed, [
    { name: 'cni.add.median', value: 3, unit: 'ms', against: 'the other', ratio: 0.25 },
    { name: 'x', value: 1, unit: 'ms', against: 'the other', ratio: null },
  ]);
});

test('a target is held against the ratio or the value, whichever it is about', () => {
  const cases: readonly (readonly [Measure, string])[] = [
    [measure('cni.add.median', 5, 10), 'holds'],
    [measure('cni.add.median', 5.1, 10), 'missed'],
    [measure('memory.idle', 70, 1), 'holds'],
    [measure('memory.idle', 70.5, 100), 'missed'],
    [measure('reconcile.5000.empty', 100, 1000), 'missed'],
    [measure('datapath.vxlan.tcp', 1000, 1), ''],
  ];
  for (const [each, verdict] of cases) assert.equal(verdictOf(each), verdict, each.name);
});

test('a measure with nothing beside it has no ratio', () => {
  assert.ok(Number.isNaN(ratioOf(measure('x', 1, 0))));
  assert.match(renderLine(measure('x', 1, 0)), /ratio +– /);
});

test('the page has a row for each measure and what it was measured on', () => {
  const page = renderPage([measure('cni.add.median', 6, 10)], {
    cores: 2,
    processor: 'Some CPU',
    kernel: '6.18.0',
    nodeVersion: 'v24.1.0',
    date: '2026-11-21',
    references: ['iproute2 6.1.0'],
  });
  assert.match(page, /\| `cni\.add\.median` \| 6\.00 ms \| the other: 10\.0 ms \| 0\.60 \|/);
  assert.match(page, /2026-11-21: 2 cores \(Some CPU\), Linux 6\.18\.0, Node\.js v24\.1\.0/);
});

test('the measures that have a target are made by some suite', () => {
  const sources = ['cni', 'host-ports', 'peers', 'memory', 'latency', 'datapath', 'bgp']
    .map((suite) => readFileSync(new URL(`../../bench/${suite}.ts`, import.meta.url), 'utf8'))
    .join('');
  for (const name of Object.keys(TARGETS)) {
    const [area = ''] = name.split('.');
    assert.ok(sources.includes(area), name);
  }
});
