// Suite `latency`: from a change of a Node in the API to the kernel of the last of three nodes: a
// peer joins, changes its VTEP, leaves. A bare watch in the same run shows what of it is the API.

import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { renderAdvert } from '../../src/cluster/advert.ts';
import { openNetns } from '../../src/kernel/netns.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { cidrAddress } from '../../src/net/cidr.ts';
import { ipToBytes } from '../../src/net/ip.ts';
import type { Mac } from '../../src/net/mac.ts';
import { macFrom, macToBytes } from '../../src/net/mac.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import type { ApiChange } from './api-process.ts';
import { NODE_LAUNCHER, ROOT } from './checkout.ts';
import { Cluster } from './cluster.ts';
import type { Wanted } from './kernel-news.ts';
import { KernelNews, RTM_DELROUTE, RTM_NEWNEIGH, RTM_NEWROUTE } from './kernel-news.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import { peerAdvert, peerNodeObject, subnetOf } from './node-objects.ts';
import type { Stage } from './stage.ts';
import { inNamespace } from './stage.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';
import type { Seen } from './watch-process.ts';

const NODE_COUNT = 3;
const ROUNDS = 100;
const PEER = 1;
const WARM_UP_ROUNDS = 10;
const STEP_TIMEOUT_MS = 10_000;
/** Between two changes, so that each meets agents at rest, at no fixed distance. */
const REST_MS = { least: 20, spread: 30 };

const STEPS = ['join', 'change', 'leave'] as const;
type StepName = (typeof STEPS)[number];
type Samples = { readonly own: number[]; readonly other: number[] };

export async function latencySuite({ stage, note }: SuiteContext): Promise<Measure[]> {
  const cluster = await Cluster.create(stage, { nodeCount: NODE_COUNT, backend: 'vxlan' });
  await cluster.startAgents();
  await cluster.until('every node has a path to the others', ({ peers }) => {
    return peers.length === NODE_COUNT - 1 && peers.every(({ used }) => used === 'vxlan');
  });
  const news = cluster.nodes.map(({ namespace }) => watchKernel(stage, namespace));
  const watch = await BareWatch.start(stage, cluster);
  const samples = {
    join: { own: [], other: [] } as Samples,
    change: { own: [], other: [] } as Samples,
    leave: { own: [], other: [] } as Samples,
  };
  note(`${ROUNDS} times a peer joins, changes and leaves`);
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    for (const name of STEPS) {
      const { change, wanted } = stepOf(name, round);
      await systemClock.sleep(REST_MS.least + Math.random() * REST_MS.spread);
      const took = await timeStep({ cluster, news, watch }, change, wanted);
      if (round < 0) continue;
      samples[name].own.push(took.kernelMs);
      samples[name].other.push(took.watchMs);
    }
  }
  return STEPS.flatMap((name) => measuresOf(name, samples[name]));
}

function watchKernel(stage: Stage, namespace: string): KernelNews {
  const { fd } = openNetns(`/run/netns/${namespace}`);
  const news = new KernelNews(fd);
  stage.defer(() => {
    news.close();
    closeSync(fd);
  });
  return news;
}

/** What is done in the API, and what every kernel then tells of last. */
function stepOf(name: StepName, round: number): { change: ApiChange; wanted: Wanted } {
  const destination = Buffer.from(ipToBytes(cidrAddress(subnetOf(PEER))));
  const peer = `peer-${PEER}`;
  switch (name) {
    case 'join':
      return {
        change: { verb: 'create', kind: 'nodes', objects: [peerNodeObject(PEER)] },
        wanted: { type: RTM_NEWROUTE, bytes: destination },
      };
    case 'change': {
      const mac = macFrom(`round ${round}`);
      const annotations = { [ADVERT_ANNOTATION]: advertWith(mac) };
      const patch = { metadata: { annotations } };
      return {
        change: { verb: 'merge', kind: 'nodes', name: peer, patch },
        wanted: { type: RTM_NEWNEIGH, bytes: Buffer.from(macToBytes(mac)) },
      };
    }
    case 'leave':
      return {
        change: { verb: 'delete', kind: 'nodes', name: peer },
        wanted: { type: RTM_DELROUTE, bytes: destination },
      };
  }
}

function advertWith(mac: Mac): string {
  const vxlan = [{ family: 'ipv4' as const, vni: 1, port: 8472, mac }];
  return renderAdvert(peerAdvert(PEER, { receives: { vxlan, 'host-gw': [] } }));
}

type World = {
  readonly cluster: Cluster;
  readonly news: readonly KernelNews[];
  readonly watch: BareWatch;
};

async function timeStep(
  { cluster, news, watch }: World,
  change: ApiChange,
  wanted: Wanted,
): Promise<{ kernelMs: number; watchMs: number }> {
  const arrivals = Promise.all([...news.map((each) => each.next(wanted)), watch.next()]);
  const startNs = await cluster.api.change(change);
  const timeout = new AbortController();
  const times = await Promise.race([
    arrivals,
    systemClock.sleep(STEP_TIMEOUT_MS, timeout.signal).then(() => undefined),
  ]);
  timeout.abort();
  if (times === undefined) throw new Error(`${change.verb} of a peer did not reach every kernel`);
  const toMs = (atNs: bigint | undefined): number => Number((atNs ?? startNs) - startNs) / 1e6;
  const kernels = times.slice(0, -1).map(toMs);
  return { kernelMs: Math.max(...kernels), watchMs: toMs(times.at(-1)) };
}

/** The parent's end of watch-process.ts. */
class BareWatch {
  #found: ((atNs: bigint) => void) | undefined;

  static async start(stage: Stage, { fabric, api }: Cluster): Promise<BareWatch> {
    const script = join(ROOT, 'test/bench/watch-process.ts');
    const argv = inNamespace(fabric, [...NODE_LAUNCHER, script, api.server]);
    const child = stage.start(argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const watch = new BareWatch();
    const connected = new Promise((resolve) => child.once('message', resolve));
    child.on('message', (seen: Seen) => watch.#see(seen));
    // A watch without a revision begins with what is there.
    await connected;
    return watch;
  }

  next(): Promise<bigint> {
    return new Promise((found) => {
      this.#found = found;
    });
  }

  #see({ atNs, name }: Seen): void {
    if (name !== `peer-${PEER}`) return;
    this.#found?.(BigInt(atNs));
    this.#found = undefined;
  }
}

function measuresOf(name: StepName, { own, other }: Samples): Measure[] {
  const [ours, theirs] = [summarise(own), summarise(other)];
  const common = { unit: 'ms', against: 'a bare watch', spread: spreadText(ours, theirs) };
  const start = `latency.${name}`;
  return [
    { ...common, name: `${start}.median`, value: ours.median, reference: theirs.median },
    { ...common, name: `${start}.p99`, value: ours.p99, reference: theirs.p99 },
  ];
}
