// Whether everything that should reach each other does: every pod every pod, every node every pod
// and back, in each family that both have. This process opens sockets inside all the namespaces and
// speaks to itself through the network between them, so that it knows both what was sent and what
// arrived. Pairs are probed side by side, a bounded number at a time.

import type { Clock } from '../lib/clock.ts';
import { systemClock } from '../lib/clock.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import { fullPacketBytes } from './prober/packet-size.ts';
import type { Finding, ProbeEffects } from './prober/probe-pair.ts';
import { probePair } from './prober/probe-pair.ts';
import { Station } from './prober/station.ts';
import type { UdpArrival } from './prober/udp-responder.ts';

export type Endpoint = {
  /** `node1` or `node1-pod1`; unlike all others. */
  readonly name: string;
  readonly kind: 'node' | 'pod';
  /** The node that it is, or is on. */
  readonly node: string;
  /** Path of its namespace: `/run/netns/<name>`. */
  readonly netns: string;
  /** Where others reach it, at most one per family: a pod's addresses, a node's underlay ones. */
  readonly addresses: readonly Ip[];
  /** What counts as its own when a receiver sees it: for a node its subnets' addresses too. */
  readonly sourceAddresses: readonly Ip[];
  /** The largest IP packet that it may send. */
  readonly mtuBytes: number;
};

export type PairResult = {
  readonly from: string;
  readonly to: string;
  readonly family: Family;
} & Finding;

export type CheckResult = { readonly ok: boolean; readonly pairs: readonly PairResult[] };

export type CheckOptions = {
  /** Of each probe, of which a pair has two in a row; a stream that has begun has four times it. */
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
  readonly families?: readonly Family[];
  readonly clock?: Clock;
};

/** Pairs that are probed at the same time; each has a few sockets open. */
const PAIRS_AT_ONCE = 128;

type Pair = { readonly from: Endpoint; readonly to: Endpoint; readonly family: Family };

/** Rejects only when stopped. What is wrong with an endpoint is an error of all its pairs. */
export async function checkReachability(
  endpoints: readonly Endpoint[],
  options: CheckOptions,
): Promise<CheckResult> {
  const arrivals = new Map<number, UdpArrival>();
  const arrived = (arrival: UdpArrival): void => {
    // The first of several attempts counts.
    if (!arrivals.has(arrival.token)) arrivals.set(arrival.token, arrival);
  };
  const stations = new Map<string, Station>();
  try {
    for (const { name, netns, addresses } of endpoints) {
      stations.set(name, await Station.open({ netns, addresses, arrived }));
    }
    const effects = effectsOf(options, arrivals);
    const work = (pair: Pair): Promise<PairResult[]> => probe(pair, stations, effects);
    const results = await mapAtOnce(pairsOf(endpoints, options.families ?? FAMILIES), work);
    options.stop.throwIfAborted();
    const pairs = results.flat();
    // A check that tried nothing has shown nothing.
    return { ok: pairs.length > 0 && pairs.every(({ ok }) => ok), pairs };
  } finally {
    await Promise.all([...stations.values()].map((station) => station.close()));
  }
}

/** All pairs that should reach each other. Nodes among themselves are the underlay's business. */
export function pairsOf(endpoints: readonly Endpoint[], families: readonly Family[]): Pair[] {
  return endpoints.flatMap((from) =>
    endpoints
      .filter((to) => from !== to && (from.kind === 'pod' || to.kind === 'pod'))
      .flatMap((to) =>
        families
          .filter((family) => [from, to].every((end) => addressOf(end, family) !== undefined))
          .map((family) => ({ from, to, family })),
      ),
  );
}

const addressOf = ({ addresses }: Endpoint, family: Family): Ip | undefined =>
  addresses.find((address) => familyOf(address) === family);

function effectsOf(
  { timeoutMs, stop, clock = systemClock }: CheckOptions,
  arrivals: ReadonlyMap<number, UdpArrival>,
): ProbeEffects {
  let token = 0;
  const nextToken = (): number => {
    token += 1;
    return token;
  };
  return { clock, stop, timeoutMs, nextToken, arrivalOf: (number) => arrivals.get(number) };
}

async function probe(
  { from, to, family }: Pair,
  stations: ReadonlyMap<string, Station>,
  effects: ProbeEffects,
): Promise<PairResult[]> {
  const [sender, receiver] = [stations.get(from.name), stations.get(to.name)];
  if (sender === undefined || receiver === undefined || effects.stop.aborted) return [];
  const pair = {
    from: sender,
    to: receiver,
    family,
    ownSources: from.sourceAddresses.filter((address) => familyOf(address) === family),
    fullPacketBytes: fullPacketBytes(from, to),
  };
  const findings = await probePair(pair, effects);
  return findings.map((finding) => ({ from: from.name, to: to.name, family, ...finding }));
}

/** Results in the order of the items, with a bounded number of them under way. */
async function mapAtOnce<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    // All workers take from the same iterator.
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: PAIRS_AT_ONCE }, worker));
  return results;
}
