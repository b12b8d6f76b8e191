// One measured number beside the real thing that it is compared with, and the targets that the
// project holds itself to. Pure: running and printing are elsewhere.

import type { Summary } from './statistics.ts';
import { shortNumber } from './statistics.ts';

export type Measure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What was measured beside it, in the same run. */
  readonly against: string;
  /** The same number of that other thing, in the same unit. */
  readonly reference: number;
  /**
   * Median of the ratios of neighbouring turns, where they stand for more than the ratio of two
   * medians: what else the machine does changes between turns, seldom within one.
   */
  readonly ratio?: number;
  /** How far the single values of both lie apart, as text. */
  readonly spread: string;
};

export type Target = {
  readonly of: 'ratio' | 'value';
  readonly compare: '≤' | '<' | '≥';
  readonly limit: number;
};

/** What must hold; a measure without an entry is for information. */
export const TARGETS: Readonly<Record<string, Target>> = {
  'cni.add.median': { of: 'ratio', compare: '≤', limit: 0.5 },
  'cni.add.p95': { of: 'ratio', compare: '≤', limit: 0.6 },
  'cni.add.parallel50': { of: 'ratio', compare: '≤', limit: 0.25 },
  'cni.add.parallel50.bridge': { of: 'ratio', compare: '≤', limit: 0.2 },
  'cni.del.median': { of: 'ratio', compare: '≤', limit: 0.7 },
  'cni.del.p95': { of: 'ratio', compare: '≤', limit: 0.6 },
  'datapath.local.tcp.bridge': { of: 'ratio', compare: '≥', limit: 1 },
  'datapath.local.tcp.bridge-services': { of: 'ratio', compare: '≥', limit: 1 },
  'datapath.local.tcp.bridge-services-1500': { of: 'ratio', compare: '≥', limit: 1 },
  'cni.add.hostport': { of: 'ratio', compare: '≤', limit: 0.2 },
  'cni.add.parallel50.hostport': { of: 'ratio', compare: '≤', limit: 0.2 },
  'hostport.10000.latency': { of: 'ratio', compare: '≤', limit: 1.1 },
  'hostport.10000.roundtrip': { of: 'ratio', compare: '≤', limit: 1.1 },
  'peers.5000.add': { of: 'ratio', compare: '≤', limit: 1.3 },
  'reconcile.5000.empty': { of: 'value', compare: '<', limit: 100 },
  'reconcile.5000.empty.writes': { of: 'value', compare: '≤', limit: 0 },
  'memory.idle': { of: 'value', compare: '≤', limit: 70 },
  'memory.5000': { of: 'value', compare: '≤', limit: 95 },
  'memory.5000.anonymous': { of: 'value', compare: '≤', limit: 40 },
  'memory.5000.leases': { of: 'value', compare: '≤', limit: 95 },
  'memory.5000.leases.anonymous': { of: 'value', compare: '≤', limit: 40 },
  'start.ready': { of: 'value', compare: '≤', limit: 1000 },
  'bgp.100.join': { of: 'value', compare: '≤', limit: 3000 },
  'latency.change.median': { of: 'value', compare: '<', limit: 50 },
};

/** Of whatever somebody does, and of whatever change of the backend. */
function targetOf(name: string): Target | undefined {
  if (/^switch\..*\.lost$/.test(name)) return { of: 'value', compare: '≤', limit: 0 };
  if (name.startsWith('drift.')) return { of: 'value', compare: '<', limit: 100 };
  return TARGETS[name];
}

/** Nothing beside it (0 of the other thing) gives no ratio: null in JSON. */
export const ratioOf = ({ value, reference, ratio }: Measure): number =>
  ratio ?? (reference === 0 ? Number.NaN : value / reference);

export function verdictOf(measure: Measure): 'holds' | 'missed' | '' {
  const target = targetOf(measure.name);
  if (target === undefined) return '';
  const actual = target.of === 'ratio' ? ratioOf(measure) : measure.value;
  return holds(actual, target) ? 'holds' : 'missed';
}

function holds(actual: number, { compare, limit }: Target): boolean {
  switch (compare) {
    case '≤':
      return actual <= limit;
    case '<':
      return actual < limit;
    case '≥':
      return actual >= limit;
  }
}

export function targetText({ name, unit }: Measure): string {
  const target = targetOf(name);
  if (target === undefined) return '';
  return `${target.of} ${target.compare} ${target.limit}${target.of === 'value' ? ` ${unit}` : ''}`;
}

/** Of both sides: smallest value, and what 95 of 100 do not exceed. */
export const spreadText = (own: Summary, other: Summary): string =>
  `min ${shortNumber(own.min)}, p95 ${shortNumber(own.p95)} / ` +
  `min ${shortNumber(other.min)}, p95 ${shortNumber(other.p95)}`;
