// Suite `datapath`: one TCP connection between pods, in one node and across two, by vxlan and by
// host-gw, against the same between the two nodes over the bare underlay. Pods are attached by the
// real CNI executable. Both sides take turns, so that a busy machine slows both.

import { mustRun, runCommand } from '../../src/lab/command.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { compile } from './checkout.ts';
import { Cluster } from './cluster.ts';
import { ChainRunner, poplinChain } from './cni-chains.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import type { Stage } from './stage.ts';
import { inNamespace } from './stage.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';

const ROUNDS = 5;
const IPERF_SECONDS = 1.5;
const PING_PONGS = 4000;
const IPERF_PORT = 5201;
const PING_PONG_PORT = 5202;
const LISTEN_MS = 300;
const UNDERLAY = 'bare underlay between the nodes';

/** Somebody who serves iperf3 and ping-pong. */
type Place = { readonly namespace: string; readonly address: string };
type Way = { readonly name: string; readonly from: Place; readonly to: Place };

export async function datapathSuite({ stage, note }: SuiteContext): Promise<Measure[]> {
  const cluster = await Cluster.create(stage, { nodeCount: 2, backend: 'vxlan' });
  await cluster.startAgents();
  const [near, other] = await attachPods(stage, cluster, { nodeNumber: 1, count: 2 });
  const [far] = await attachPods(stage, cluster, { nodeNumber: 2, count: 1 });
  const [node1, node2] = [cluster.node(1), cluster.node(2)];
  if (near === undefined || other === undefined || far === undefined) throw new Error('no pods');
  const pingPong = await compile(stage, 'ping-pong');
  await serve(stage, [other, far, node2], pingPong);

  const bare = { name: 'bare', from: node1, to: node2 };
  const measures: Measure[] = [];
  const compare = async (way: Way): Promise<void> => {
    note(way.name);
    measures.push(...(await compareWays(way, bare, pingPong)));
  };
  await compare({ name: 'local', from: near, to: other });
  await usePath(cluster, 'vxlan');
  await compare({ name: 'vxlan', from: near, to: far });
  await usePath(cluster, 'host-gw');
  await compare({ name: 'hostgw', from: near, to: far });
  return measures;
}

/** Until both nodes say that they send by it. */
async function usePath(cluster: Cluster, backend: 'vxlan' | 'host-gw'): Promise<void> {
  await cluster.setBackend(backend);
  await cluster.until(`the paths are ${backend}`, ({ peers }) => {
    return peers.length > 0 && peers.every(({ used }) => used === backend);
  });
}

async function attachPods(
  stage: Stage,
  cluster: Cluster,
  { nodeNumber, count }: { readonly nodeNumber: number; readonly count: number },
): Promise<Place[]> {
  const labels = Array.from({ length: count }, (_, index) => `n${nodeNumber}-pod${index}`);
  const namespaces = await stage.namespaces(labels);
  const chain = await poplinChain(stage, cluster.node(nodeNumber));
  const runner = await ChainRunner.create(stage, [chain]);
  const jobs = namespaces.map((namespace) => ({ chain: 0, container: namespace, namespace }));
  await runner.run('ADD', 'one-by-one', jobs);
  const places: Place[] = [];
  for (const namespace of namespaces) {
    const show = ['ip', '-n', namespace, '-j', '-4', 'address', 'show', 'dev', 'eth0'];
    const [link] = JSON.parse(await mustRun(runCommand, show));
    places.push({ namespace, address: link.addr_info[0].local });
  }
  return places;
}

async function serve(stage: Stage, places: readonly Place[], pingPong: string): Promise<void> {
  for (const { namespace } of places) {
    stage.start(inNamespace(namespace, ['iperf3', '-s', '-p', String(IPERF_PORT)]));
    stage.start(inNamespace(namespace, [pingPong, 'serve', String(PING_PONG_PORT)]));
  }
  await systemClock.sleep(LISTEN_MS);
}

async function compareWays(way: Way, bare: Way, pingPong: string): Promise<Measure[]> {
  const tcp = { own: [] as number[], other: [] as number[] };
  const latency = { own: [] as number[], other: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    tcp.other.push(await throughput(bare));
    tcp.own.push(await throughput(way));
    latency.other.push(...(await roundTrips(bare, pingPong)));
    latency.own.push(...(await roundTrips(way, pingPong)));
  }
  return [
    measureOf(`datapath.${way.name}.tcp`, 'Gbit/s', tcp),
    measureOf(`datapath.${way.name}.latency`, 'µs', latency),
  ];
}

function measureOf(
  name: string,
  unit: string,
  { own, other }: { readonly own: readonly number[]; readonly other: readonly number[] },
): Measure {
  const [ours, theirs] = [summarise(own), summarise(other)];
  const spread = spreadText(ours, theirs);
  const [value, reference] = [ours.median, theirs.median];
  return { name, value, unit, against: UNDERLAY, reference, spread };
}

/** Gbit/s that the receiver got. */
async function throughput({ from, to }: Way): Promise<number> {
  const client = ['iperf3', '-J', '-c', to.address, '-p', String(IPERF_PORT)];
  const argv = inNamespace(from.namespace, [...client, '-t', String(IPERF_SECONDS)]);
  const { end } = JSON.parse(await mustRun(runCommand, argv));
  return end.sum_received.bits_per_second / 1e9;
}

/** Microseconds of each round trip. */
async function roundTrips({ from, to }: Way, pingPong: string): Promise<number[]> {
  const words = ['measure', to.address, String(PING_PONG_PORT), String(PING_PONGS)];
  const text = await mustRun(runCommand, inNamespace(from.namespace, [pingPong, ...words]));
  return text
    .trim()
    .split('\n')
    .map((line) => Number(line) / 1000);
}
