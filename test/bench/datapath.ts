// Suite `datapath`: one TCP connection between pods, in one node and across two, by vxlan and by
// host-gw, against the same between the two nodes over the bare underlay; in one node also against
// pods of the bridge plugin, alone on their node, masqueraded as ours are, and both on nodes with
// kube-proxy's rules; and of ptp. Pods are attached by the real executables. Both sides take turns,
// so that a busy machine slows both; each end of a connection has a processor of its own, or chance
// would put both on one now and then. Congestion control is Linux's own default, whatever the
// machine has been set to; what paces its packets (bbr) is measured as well.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { compile } from './checkout.ts';
import { Cluster } from './cluster.ts';
import type { Chain } from './cni-chains.ts';
import {
  bridgeChain,
  ChainRunner,
  masqueradingChain,
  masqueradingPtpChain,
  plainBridgeChain,
  poplinChain,
} from './cni-chains.ts';
import { withServices } from './kube-proxy.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import type { Stage } from './stage.ts';
import { inNamespace } from './stage.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';

/** Many short turns: what else the machine does comes and goes within seconds. */
const ROUNDS = 80;
const IPERF_BYTES = '256M';
const PING_PONGS = 800;
const CONGESTION = { usual: 'cubic', paced: 'bbr' } as const;
const NAME = 'pods of the bridge plugin';
const IPERF_PORT = 5201;
const PING_PONG_PORT = 5202;
const LISTEN_MS = 300;

/** Somebody who serves iperf3 and ping-pong. */
type Place = { readonly namespace: string; readonly address: string };
type Way = { readonly name: string; readonly from: Place; readonly to: Place };
type Congestion = (typeof CONGESTION)[keyof typeof CONGESTION];
/** `suffix` of the names of the measures. */
type Reference = Way & { readonly suffix: string };

export async function datapathSuite({ stage, note }: SuiteContext): Promise<Measure[]> {
  const cluster = await Cluster.create(stage, { nodeCount: 2, backend: 'vxlan' });
  await cluster.startAgents();
  const [node1, node2] = [cluster.node(1), cluster.node(2)];
  const [near, other] = await attachPods(stage, await poplinChain(stage, node1), 'near');
  const [far] = await attachPods(stage, await poplinChain(stage, node2), 'far');
  const bridging = await bridgeChain(stage);
  const plain = await plainBridgeChain(stage);
  const bridge = await podsOf(stage, bridging, { label: 'bridge', name: NAME });
  const wide = await podsOf(stage, plain, {
    label: 'bridge-1500',
    name: `${NAME} with an MTU of 1500`,
  });
  const masked = await masqueradingChain(stage);
  const masquerading = await podsOf(stage, masked, {
    label: 'bridge-masq',
    name: `${NAME} with ipMasq`,
  });
  const onPtp = await masqueradingPtpChain(stage);
  const routed = await podsOf(stage, onPtp, { label: 'ptp-masq', name: 'pods of ptp with ipMasq' });
  const pingPong = await compile(stage, 'ping-pong');
  const references = [bridge, wide, masquerading, routed];
  await serve(stage, [other, far, node2, ...references.map(({ to }) => to)], pingPong);

  const local = { name: 'local', from: near, to: other };
  const bare = { name: 'bare underlay between the nodes', suffix: '', from: node1, to: node2 };
  const measures: Measure[] = [];
  const compare = async (way: Way, reference: Reference): Promise<void> => {
    note(`${way.name}, ${reference.name}`);
    measures.push(...(await compareWays(way, reference, pingPong)));
  };
  await compare(local, bare);
  for (const reference of references) await compare(local, reference);
  if (isAvailable(CONGESTION.paced)) measures.push(await comparePaced(local, bridge));
  await withServices([node1.namespace, bridging.host, plain.host], async () => {
    for (const { name, suffix, ...reference } of [bridge, wide]) {
      await compare(local, {
        ...reference,
        name: `${name}, both nodes with kube-proxy's rules`,
        suffix: suffix.replace('.bridge', '.bridge-services'),
      });
    }
  });
  await usePath(cluster, 'vxlan');
  await compare({ name: 'vxlan', from: near, to: far }, bare);
  await usePath(cluster, 'host-gw');
  await compare({ name: 'hostgw', from: near, to: far }, bare);
  return measures;
}

async function podsOf(
  stage: Stage,
  chain: Chain,
  { label, name }: { readonly label: string; readonly name: string },
): Promise<Reference> {
  const [from, to] = await attachPods(stage, chain, label);
  return { name, suffix: `.${label}`, from, to };
}

/** Until both nodes say that they send by it. */
async function usePath(cluster: Cluster, backend: 'vxlan' | 'host-gw'): Promise<void> {
  await cluster.setBackend(backend);
  await cluster.until(`the paths are ${backend}`, ({ peers }) => {
    return peers.length > 0 && peers.every(({ used }) => used === backend);
  });
}

/** Two pods. */
async function attachPods(stage: Stage, chain: Chain, label: string): Promise<[Place, Place]> {
  const attach = async (namespace: string): Promise<Place> => {
    await runner.run('ADD', 'one-by-one', [{ chain: 0, container: namespace, namespace }]);
    const show = ['ip', '-n', namespace, '-j', '-4', 'address', 'show', 'dev', 'eth0'];
    const [link] = JSON.parse(await mustRun(runCommand, show));
    return { namespace, address: link.addr_info[0].local };
  };
  const runner = await ChainRunner.create(stage, [chain]);
  const first = await attach(await stage.namespace(`${label}-1`));
  return [first, await attach(await stage.namespace(`${label}-2`))];
}

async function serve(stage: Stage, places: readonly Place[], pingPong: string): Promise<void> {
  for (const { namespace } of places) {
    stage.start(inNamespace(namespace, ['iperf3', '-s', '-p', String(IPERF_PORT)]));
    stage.start(inNamespace(namespace, [pingPong, 'serve', String(PING_PONG_PORT)]));
  }
  await systemClock.sleep(LISTEN_MS);
}

async function comparePaced(way: Way, other: Reference): Promise<Measure> {
  const name = `datapath.${way.name}.tcp${other.suffix}-${CONGESTION.paced}`;
  const against = `${other.name}, both with ${CONGESTION.paced}`;
  const turns = await takeTurns([way, other], (each) => throughput(each, CONGESTION.paced));
  return tcpMeasure({ name, against }, turns);
}

async function compareWays(way: Way, other: Reference, pingPong: string): Promise<Measure[]> {
  const latency = { own: [] as number[], other: [] as number[] };
  const tcp = await takeTurns([way, other], async (each) => {
    const gigabits = await throughput(each, CONGESTION.usual);
    latency[each === way ? 'own' : 'other'].push(...(await roundTrips(each, pingPong)));
    return gigabits;
  });
  const names = (what: string) => ({
    name: `datapath.${way.name}.${what}${other.suffix}`,
    against: other.name,
  });
  return [tcpMeasure(names('tcp'), tcp), { ...names('latency'), unit: 'µs', ...compared(latency) }];
}

/** Who comes second finds caches and processors as the first has left them. */
async function takeTurns(
  [way, other]: readonly [Way, Way],
  measure: (way: Way) => Promise<number>,
): Promise<Sides> {
  const sides = { own: [] as number[], other: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const turns = [['own', way] as const, ['other', other] as const];
    for (const [side, each] of round % 2 === 0 ? turns : turns.reverse()) {
      sides[side].push(await measure(each));
    }
  }
  return sides;
}

const tcpMeasure = (names: Pick<Measure, 'name' | 'against'>, tcp: Sides): Measure => ({
  ...names,
  ...{ unit: 'Gbit/s', ...compared(tcp), ratio: ratioOfTurns(tcp) },
});

type Sides = { readonly own: readonly number[]; readonly other: readonly number[] };

const ratioOfTurns = ({ own, other }: Sides): number =>
  summarise(own.map((value, turn) => value / (other[turn] ?? Number.NaN))).median;

function compared({ own, other }: Sides): Pick<Measure, 'value' | 'reference' | 'spread'> {
  const [ours, theirs] = [summarise(own), summarise(other)];
  return { value: ours.median, reference: theirs.median, spread: spreadText(ours, theirs) };
}

const isAvailable = (congestion: Congestion): boolean =>
  readFileSync('/proc/sys/net/ipv4/tcp_available_congestion_control', 'utf8')
    .trim()
    .split(' ')
    .includes(congestion);

/** Gbit/s that the receiver got. */
async function throughput({ from, to }: Way, congestion: Congestion): Promise<number> {
  const processors = availableParallelism() > 1 ? ['-A', '0,1'] : [];
  const options = ['-p', String(IPERF_PORT), '-C', congestion, ...processors];
  const argv = inNamespace(from.namespace, [
    ...['iperf3', '-J', '-c', to.address, '-n', IPERF_BYTES],
    ...options,
  ]);
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
