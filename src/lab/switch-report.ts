// The verdict about a measured switch, and its text for people. A run is valid when its numbers
// mean what they say: something was measured, and nothing was dropped by the prober's own sockets.
// It is fine when it is valid, no packet was lost, no connection broken, and every node had moved.
// Pure.

import type { Family } from '../net/family.ts';
import type { Delays } from './late-nodes.ts';
import { packetsPerSecond } from './probe-plan.ts';
import type { MeasurementPlan, MeasurementResult } from './prober/measurement.ts';

export type SwitchTiming = {
  /** Until the last node had moved; null when it had not in time, and `late` says which. */
  readonly movedMs: number | null;
  readonly late: string;
  /** How long was probed after that. */
  readonly tailMs: number;
  /** What became of the VXLAN devices that were of no use any more. */
  readonly oldDevices: 'none' | 'gone' | 'kept';
  readonly delays: Delays;
};

/** What `lab switch --json` prints. */
export type SwitchReport = Verdict & {
  readonly type: string;
  readonly movedMs: number | null;
  readonly pairs: MeasurementResult['pairs'];
  readonly streams: MeasurementResult['streams'];
  readonly overflows: number;
  readonly stalls: MeasurementResult['stalls'];
  readonly intervalMs: number;
  readonly packetsPerSecond: number;
  readonly durationMs: number;
  readonly tailMs: number;
  readonly oldDevices: SwitchTiming['oldDevices'];
  readonly startedAt: string;
  readonly delaysMs: Readonly<Record<string, number>>;
  /** What the kernels said around the times at which something was lost; empty without a loss. */
  readonly evidence: readonly string[];
};

type Verdict = {
  readonly ok: boolean;
  readonly valid: boolean;
  readonly lost: number;
  readonly broken: number;
  readonly longestGapMs: number;
  /** Why the run is not fine, in words, besides what was lost or broken. */
  readonly problems: readonly string[];
};

export type Measured = {
  readonly type: string;
  readonly nodeNames: readonly string[];
  readonly probes: MeasurementPlan;
  readonly result: MeasurementResult;
  readonly timing: SwitchTiming;
  readonly evidence: readonly string[];
};

export function reportOf(measured: Measured): SwitchReport {
  const { type, nodeNames, probes, result, timing, evidence } = measured;
  const invalid = invalidity(result, nodeNames);
  const late = timing.late === '' ? [] : [timing.late];
  const { ok, ...verdict } = judge(result, invalid);
  return {
    ...{ ok: ok && late.length === 0, ...verdict, problems: [...verdict.problems, ...late] },
    ...{ type, movedMs: timing.movedMs === null ? null : Math.round(timing.movedMs) },
    ...{ pairs: result.pairs, streams: result.streams },
    ...{ overflows: result.overflowCount, stalls: result.stalls, intervalMs: probes.intervalMs },
    packetsPerSecond: Math.round(packetsPerSecond(probes)),
    ...{ durationMs: Math.round(result.durationMs), tailMs: Math.round(timing.tailMs) },
    ...{ oldDevices: timing.oldDevices, delaysMs: Object.fromEntries(timing.delays) },
    ...{ startedAt: result.startedAt, evidence },
  };
}

/** What a measurement says, whatever was done while it went on. */
export function judge(result: MeasurementResult, invalid: readonly string[]): Verdict {
  const lost = result.pairs.reduce((sum, pair) => sum + pair.lost, 0);
  const broken = result.streams.filter((stream) => stream.broken).length;
  const longestGapMs = Math.max(0, ...result.pairs.map((pair) => pair.longestGapMs));
  const valid = invalid.length === 0;
  const ok = valid && lost === 0 && broken === 0;
  return { ok, valid, lost, broken, longestGapMs, problems: invalid };
}

/** Why the numbers do not mean what they say. */
export function invalidity(
  { pairs, overflowCount, unheard }: MeasurementResult,
  nodeNames: readonly string[],
): readonly string[] {
  const problems: string[] = [];
  if (overflowCount > 0) {
    const what = `${overflowCount} packets overflowed the prober's own sockets`;
    problems.push(`the run is invalid: ${what}, so what is lost may not be the network's`);
  }
  for (const { from, to, family } of unheard) {
    const pair = `${from} -> ${to}, ${LABEL[family]}`;
    problems.push(`the run is invalid: nothing came through on ${pair} before it began`);
  }
  if (pairs.length === 0 && nodeNames.length > 1) {
    problems.push('the run is invalid: no two nodes have pods, so nothing was measured');
  }
  for (const { from, to, family, sent } of pairs) {
    if (sent > 0) continue;
    const pair = `${from} -> ${to}, ${LABEL[family]}`;
    problems.push(`the run is invalid: nothing was sent on ${pair}`);
  }
  return problems;
}

export function renderReport(report: SwitchReport): string {
  const { type, movedMs, lost, broken, longestGapMs } = report;
  const lines = [
    ...howMeasured(report),
    ...Object.entries(report.delaysMs).map(([node, ms]) => `${node} saw the change after ${ms} ms`),
    ...(movedMs === null ? [] : [`every node had moved to ${type} after ${movedMs} ms`]),
    ...report.pairs.map(renderPair),
    ...report.streams.map(renderStream),
    ...stallLines(report),
    ...report.evidence.map((line) => `  ${line}`),
    ...report.problems,
    `${lost} packets lost, longest gap ${gapText(longestGapMs)}, ${broken} connections broken`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function howMeasured(report: SwitchReport): string[] {
  const { pairs, intervalMs, packetsPerSecond: rate, durationMs, tailMs } = report;
  if (pairs.length === 0) return [];
  const seconds = (durationMs / 1000).toFixed(1);
  const tail = `${(tailMs / 1000).toFixed(1)} s of them after the last node had moved`;
  const where = pairs.length === 2 ? '1 pair' : `each of ${pairs.length / 2} pairs`;
  return [
    `a UDP probe every ${intervalMs} ms in both directions and a TCP stream on ${where}, ` +
      `about ${rate} packets a second`,
    `for ${seconds} s, ${tail}${OLD_DEVICES[report.oldDevices]}`,
  ];
}

const OLD_DEVICES: Readonly<Record<SwitchTiming['oldDevices'], string>> = {
  none: '',
  gone: ', until the old VXLAN devices were gone',
  kept: '; the old VXLAN devices are still there',
};

const LABEL: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

const gapText = (gapMs: number): string => (gapMs === 0 ? 'none' : `${gapMs.toFixed(0)} ms`);

function renderPair(pair: MeasurementResult['pairs'][number]): string {
  const { from, to, family, sent, lost, longestGapMs, error } = pair;
  const gap = lost === 0 ? '' : `, longest gap ${gapText(longestGapMs)}`;
  const why = error === '' ? '' : ` (${error})`;
  return `  ${from} -> ${to}, ${LABEL[family]}: ${lost} of ${sent} packets lost${gap}${why}`;
}

function renderStream(stream: MeasurementResult['streams'][number]): string {
  const { from, to, family, bytes, broken, error } = stream;
  const what = broken ? `broken after ${bytes} bytes: ${error}` : `whole, ${bytes} bytes each way`;
  return `  ${from} <-> ${to}, ${LABEL[family]}, TCP: ${what}`;
}

function stallLines({ stalls: { count, longestMs } }: SwitchReport): string[] {
  if (count === 0) return [];
  const what = `${count} times for more than 50 ms, ${longestMs.toFixed(0)} ms at the longest`;
  return [`the prober itself sent nothing ${what}: what was so short then went unseen`];
}
