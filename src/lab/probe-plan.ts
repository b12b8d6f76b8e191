// What the prober of `lab switch` measures: one pod of each node, each pair of nodes once per
// family, and how often, so that all packets together stay under a bound. Pure.

import type { Family } from '../net/family.ts';
import { familyOf } from '../net/ip.ts';
import { netnsPath } from './netns.ts';
import type { PodRecord } from './pods.ts';
import { addressesOf } from './pods.ts';
import type { MeasuredPair, MeasurementPlan } from './prober/measurement.ts';
import { PROBES_PER_WRITE } from './prober/measurement.ts';

const PACKETS_PER_SECOND_MAX = 5_000;
const INTERVAL_MIN_MS = 2;
const INTERVAL_STEP_MS = 0.1;
/** Question and answer, and on the stream two packets there, two back, and what acknowledges. */
const PACKETS_PER_PROBE = 2 + 6 / PROBES_PER_WRITE;

export function planProbes(
  nodeNames: readonly string[],
  pods: readonly PodRecord[],
  families: readonly Family[],
): MeasurementPlan {
  const chosen = nodeNames.flatMap((name) => pods.find(({ node }) => node === name) ?? []);
  const pairs = chosen.flatMap((from, index) =>
    chosen.slice(index + 1).flatMap((to) => pairsOf(from, to, families)),
  );
  const used = new Set(pairs.flatMap(({ from, to }) => [from, to]));
  const stations = chosen
    .filter(({ name }) => used.has(name))
    .map((pod) => ({ name: pod.name, netns: netnsPath(pod.netns), addresses: addressesOf(pod) }));
  return { stations, pairs, intervalMs: intervalMsOf(pairs.length) };
}

/** Of the probes of one pair. */
export function intervalMsOf(pairCount: number): number {
  const leastMs = (pairCount * PACKETS_PER_PROBE * 1_000) / PACKETS_PER_SECOND_MAX;
  const steps = Math.floor(leastMs / INTERVAL_STEP_MS) + 1;
  return Math.max(INTERVAL_MIN_MS, Number((steps * INTERVAL_STEP_MS).toFixed(1)));
}

export const packetsPerSecond = ({ pairs, intervalMs }: MeasurementPlan): number =>
  (pairs.length * PACKETS_PER_PROBE * 1_000) / intervalMs;

/** In those families that both have an address of. */
const pairsOf = (from: PodRecord, to: PodRecord, families: readonly Family[]): MeasuredPair[] =>
  families
    .filter((family) => hasFamily(from, family) && hasFamily(to, family))
    .map((family) => ({ from: from.name, to: to.name, family }));

const hasFamily = (pod: PodRecord, family: Family): boolean =>
  addressesOf(pod).some((address) => familyOf(address) === family);
