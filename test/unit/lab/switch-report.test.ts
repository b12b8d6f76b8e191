// The verdict about a switch: what makes it fail, what makes it mean nothing, and its text.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MeasurementResult } from '../../../src/lab/prober/measurement.ts';
import type { Measured } from '../../../src/lab/switch-report.ts';
import { renderReport, reportOf } from '../../../src/lab/switch-report.ts';

const pair = { from: 'node1-pod1', to: 'node2-pod1', family: 'ipv4' } as const;
const back = { from: 'node2-pod1', to: 'node1-pod1', family: 'ipv4' } as const;
const fine = { sent: 100, lost: 0, longestGapMs: 0, gaps: [], error: '' };
const stream = { ...pair, bytes: 2_000, broken: false, error: '' };

const RESULT: MeasurementResult = {
  pairs: [
    { ...pair, ...fine },
    { ...back, ...fine },
  ],
  streams: [stream],
  ...{ overflowCount: 0, stalls: { count: 0, longestMs: 0 }, durationMs: 2_000 },
  ...{ unheard: [], startedAt: '2026-11-22T09:08:28.081Z' },
};

const measured = (
  result: Partial<MeasurementResult> = {},
  timing: Partial<Measured['timing']> = {},
): Measured => ({
  ...{ type: 'host-gw', nodeNames: ['node1', 'node2'] },
  probes: { stations: [], pairs: [pair], intervalMs: 2 },
  result: { ...RESULT, ...result },
  timing: {
    ...{ movedMs: 312.4, late: '', tailMs: 1_500, oldDevices: 'none', delays: new Map() },
    ...timing,
  },
  evidence: [],
});

const textOf = (...parts: Parameters<typeof measured>): string =>
  renderReport(reportOf(measured(...parts)));

test('a run in which nothing was lost is fine, and says how it was measured', () => {
  const { ok, valid, lost, movedMs } = reportOf(measured());
  assert.deepEqual({ ok, valid, lost, movedMs }, { ok: true, valid: true, lost: 0, movedMs: 312 });
  assert.equal(
    textOf(),
    [
      'a UDP probe every 2 ms in both directions and a TCP stream on 1 pair, about 1120 packets a second',
      'for 2.0 s, 1.5 s of them after the last node had moved',
      'every node had moved to host-gw after 312 ms',
      '  node1-pod1 -> node2-pod1, IPv4: 0 of 100 packets lost',
      '  node2-pod1 -> node1-pod1, IPv4: 0 of 100 packets lost',
      '  node1-pod1 <-> node2-pod1, IPv4, TCP: whole, 2000 bytes each way',
      '0 packets lost, longest gap none, 0 connections broken',
      '',
    ].join('\n'),
  );
});

describe('a run is not fine', () => {
  const lossy = { ...pair, ...fine, lost: 3, longestGapMs: 304.2, error: 'host unreachable' };
  const broken = { ...stream, broken: true, error: 'it was closed' };
  const cases: readonly {
    readonly what: string;
    readonly result?: Partial<MeasurementResult>;
    readonly timing?: Partial<Measured['timing']>;
    readonly valid: boolean;
    readonly says: readonly RegExp[];
  }[] = [
    {
      what: 'with packets lost',
      result: { pairs: [lossy, { ...back, ...fine }] },
      valid: true,
      says: [
        /node1-pod1 -> node2-pod1, IPv4: 3 of 100 packets lost, longest gap 304 ms \(host unreach/,
        /^3 packets lost, longest gap 304 ms, 0 connections broken/m,
      ],
    },
    {
      what: 'with a connection broken',
      result: { streams: [broken] },
      valid: true,
      says: [/TCP: broken after 2000 bytes: it was closed/, /1 connections broken/],
    },
    {
      what: 'with a node late',
      timing: { movedMs: null, late: 'node2: no word' },
      valid: true,
      says: [/node2: no word/],
    },
    {
      what: 'and invalid with own overflows',
      result: { overflowCount: 4 },
      valid: false,
      says: [/the run is invalid: 4 packets overflowed the prober's own sockets/],
    },
    {
      what: 'and invalid when a pod was not reached before it began',
      result: { unheard: [back] },
      valid: false,
      says: [/invalid: nothing came through on node2-pod1 -> node1-pod1, IPv4 before it began/],
    },
    {
      what: 'and invalid when nothing was measured',
      result: { pairs: [] },
      valid: false,
      says: [/the run is invalid: no two nodes have pods/],
    },
    {
      what: 'and invalid when a direction was never tried',
      result: { pairs: [{ ...pair, ...fine, sent: 0 }] },
      valid: false,
      says: [/the run is invalid: nothing was sent on node1-pod1 -> node2-pod1, IPv4/],
    },
  ];
  for (const { what, result = {}, timing = {}, valid, says } of cases) {
    test(what, () => {
      const report = reportOf(measured(result, timing));
      assert.deepEqual({ ok: report.ok, valid: report.valid }, { ok: false, valid });
      for (const said of says) assert.match(renderReport(report), said);
    });
  }
});

test('what the kernels said of a loss stands below the pairs, before the sum', () => {
  const report = reportOf({
    ...measured(),
    evidence: ['counted meanwhile: node1 Ip OutNoRoutes +3'],
  });
  assert.match(renderReport(report), /each way\n {2}counted meanwhile: .* \+3\n0 packets lost/);
});

test('a single node has nothing to lose', () => {
  const alone = { ...measured({ pairs: [], streams: [] }), nodeNames: ['node1'] };
  const { ok, valid } = reportOf(alone);
  assert.deepEqual({ ok, valid }, { ok: true, valid: true });
});

test('pauses of the prober and delays of nodes are told, and are no loss', () => {
  const stalls = { count: 2, longestMs: 81.7 };
  const delays = new Map([['node1', 40]]);
  const text = textOf({ stalls }, { delays, oldDevices: 'gone' });
  assert.match(text, /sent nothing 2 times for more than 50 ms, 82 ms at the longest/);
  assert.match(text, /node1 saw the change after 40 ms/);
  assert.match(text, /until the old VXLAN devices were gone/);
  assert.equal(reportOf(measured({ stalls }, { delays })).ok, true);
});
