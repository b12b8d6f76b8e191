// Watches what the kernels of a lab tell of changes while packets are counted, so that a loss can
// be explained afterwards, when nothing shows it any more: which packets, at what time, what
// changed around that time, and which counters of drops have grown. It changes nothing and decides
// nothing; of a run without a loss it says nothing.

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { LossCounters } from './loss-counters.ts';
import { grownCounters, readLossCounters } from './loss-counters.ts';
import type { LabPlan } from './plan.ts';
import type { PodRecord } from './pods.ts';
import type { MeasurementResult } from './prober/measurement.ts';

/** A node, a pod, or what connects the nodes. */
export type Place = { readonly name: string; readonly netns: string };

export type KernelEvent = { readonly place: string; readonly atMs: number; readonly text: string };

/** A monitor each; in larger labs the first ones alone. */
const PLACES_MAX = 32;
const EVENTS_MAX = 20_000;
const EVENTS_TOLD_MAX = 150;
const GAPS_TOLD_MAX = 20;
/** Around a gap: what causes it may be told late on a busy machine. */
const BEFORE_MS = 300;
const AFTER_MS = 150;

export const placesOf = (plan: LabPlan, pods: readonly PodRecord[]): Place[] => [
  ...plan.nodes.map(({ name, netns }) => ({ name, netns })),
  { name: 'fabric', netns: plan.fabricNetns },
  ...pods.map(({ name, netns }) => ({ name, netns })),
];

export class LossWitness {
  readonly #places: readonly Place[];
  readonly #monitors: ChildProcess[] = [];
  readonly #before: LossCounters;
  #events: KernelEvent[] = [];

  private constructor(places: readonly Place[]) {
    this.#places = places;
    this.#before = this.#counters();
  }

  static start(places: readonly Place[]): LossWitness {
    const witness = new LossWitness(places.slice(0, PLACES_MAX));
    for (const place of witness.#places) witness.#listen(place);
    return witness;
  }

  /** How many changes were told until now. */
  get eventCount(): number {
    return this.#events.length;
  }

  /** Line by line; none when nothing was lost. */
  tellOf({ pairs, startedAt }: Pick<MeasurementResult, 'pairs' | 'startedAt'>): string[] {
    const startedAtMs = Date.parse(startedAt);
    const gaps = pairs.flatMap((pair) => pair.gaps.map((gap) => ({ ...gap, pair })));
    if (gaps.length === 0) return [];
    const spans = gaps.map(({ fromMs, lengthMs }) => ({
      fromMs: startedAtMs + fromMs - BEFORE_MS,
      untilMs: startedAtMs + fromMs + lengthMs + AFTER_MS,
    }));
    const events = this.#events.filter(({ atMs }) =>
      spans.some(({ fromMs, untilMs }) => atMs >= fromMs && atMs <= untilMs),
    );
    const grown = grownCounters(this.#before, this.#counters());
    return [
      ...gaps.slice(0, GAPS_TOLD_MAX).map(({ pair, fromMs, lengthMs, lost }) => {
        const { from, to, family } = pair;
        const at = timeText(startedAtMs + fromMs);
        return `${from} -> ${to}, ${family}: ${lost} lost in ${lengthMs} ms from ${at} on`;
      }),
      `counted meanwhile: ${grown.join('; ') || 'no counter of drops has grown'}`,
      `the kernels told around these times: ${events.length === 0 ? 'nothing' : ''}`,
      ...events
        .sort((a, b) => a.atMs - b.atMs)
        .slice(0, EVENTS_TOLD_MAX)
        .map(({ atMs, place, text }) => `  ${timeText(atMs)} ${place} ${text}`),
    ];
  }

  close(): void {
    for (const monitor of this.#monitors) monitor.kill('SIGKILL');
  }

  #counters(): LossCounters {
    return new Map(this.#places.flatMap(({ name, netns }) => [...countersOf(name, netns)]));
  }

  #listen({ name, netns }: Place): void {
    const monitor = spawn('ip', ['-n', netns, '-ts', '-o', 'monitor', 'all'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, TZ: 'UTC' },
    });
    // Without `ip` there is no lab; a namespace that goes ends it.
    monitor.on('error', () => undefined);
    let rest = '';
    monitor.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = parseEvent(name, line);
        if (event !== undefined && this.#events.length < EVENTS_MAX) this.#events.push(event);
      }
    });
    this.#monitors.push(monitor);
  }
}

/** `[2026-11-21T03:05:29.123456] …` */
const STAMP = /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d*\] (.*)$/;

/** A line of `ip -ts -o monitor`; undefined for the rest of one that is folded. */
export function parseEvent(place: string, line: string): KernelEvent | undefined {
  const [, stamp, text = ''] = STAMP.exec(line) ?? [];
  return stamp === undefined ? undefined : { place, atMs: Date.parse(`${stamp}Z`), text };
}

/** Pods may be gone by the end. */
function countersOf(name: string, netns: string): LossCounters {
  try {
    return readLossCounters(name, netns);
  } catch {
    return new Map();
  }
}

/** `09:08:28.722`, by UTC as in logs. */
const timeText = (atMs: number): string => new Date(atMs).toISOString().slice(11, 23);
