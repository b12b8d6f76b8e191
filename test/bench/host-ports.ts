// Suite `hostport`: what a packet to a host port costs with 10,000 mappings, against 10. Two nodes
// of the same making, each with a pod and a client, whose tables our own code has filled; new
// connections one after the other (the first packet of each is looked up) and round trips over one
// take turns between them: the ratio is the median of those of neighbouring turns.

import { renderNftTable } from '../../src/desired/nft-table.ts';
import type { PortMapping } from '../../src/endpoint/attachment.ts';
import { hostPortElements } from '../../src/endpoint/host-ports.ts';
import { openKernel } from '../../src/kernel/linux.ts';
import { NetnsRegistry, openNetns } from '../../src/kernel/netns.ts';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { Op } from '../../src/state/op.ts';
import { configFrom } from '../fake/config-from.ts';
import { compile } from './checkout.ts';
import { ipBatch } from './cluster.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import type { Stage } from './stage.ts';
import { inNamespace } from './stage.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';

const ROUNDS = 30;
const ROUND_TRIPS = 400;
const LISTEN_MS = 300;
const [NODE, CLIENT, POD] = ['192.0.2.1', '192.0.2.9', '10.244.1.5'];
const FIRST_PORT = 20_000;
const CONTAINER_PORT = 5202;

export async function hostPortSuite({ stage, note }: SuiteContext): Promise<Measure[]> {
  const program = await compile(stage, 'ping-pong');
  const sides = [
    await makeSide(stage, { mappings: 10_000, program }),
    await makeSide(stage, { mappings: 10, program }),
  ];
  await systemClock.sleep(LISTEN_MS);
  const measures: Measure[] = [];
  for (const [name, verb] of [
    ['hostport.10000.latency', 'connect'],
    ['hostport.10000.roundtrip', 'measure'],
  ] as const) {
    note(name);
    const times: number[][] = sides.map(() => []);
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const medians: number[] = [];
      for (let turn = 0; turn < sides.length; turn += 1) {
        const side = (round + turn) % sides.length;
        const words = [program, verb, NODE, String(FIRST_PORT), String(ROUND_TRIPS)];
        const text = await mustRun(runCommand, inNamespace(sides[side] ?? '', words));
        const turnTimes = text
          .trim()
          .split('\n')
          .map((line) => Number(line) / 1000);
        times[side]?.push(...turnTimes);
        medians[side] = summarise(turnTimes).median;
      }
      const [withMany = Number.NaN, withFew = Number.NaN] = medians;
      ratios.push(withMany / withFew);
    }
    const [many, few] = times.map(summarise);
    if (many === undefined || few === undefined) throw new Error('nothing was measured');
    const common = { unit: 'µs', against: '10 mappings', spread: spreadText(many, few) };
    const ratio = summarise(ratios).median;
    measures.push({ ...common, name, value: many.median, reference: few.median, ratio });
  }
  return measures;
}

/** The name of the client's namespace. */
async function makeSide(
  stage: Stage,
  { mappings, program }: { readonly mappings: number; readonly program: string },
): Promise<string> {
  const labels = ['node', 'client', 'pod'].map((place) => `${place}${mappings}`);
  const [node = '', client = '', pod = ''] = await stage.namespaces(labels);
  await ipBatch(node, [
    'link set lo up',
    'address add 10.244.1.0/32 dev lo',
    `link add eth0 up type veth peer name eth0 netns ${client}`,
    `address add ${NODE}/24 dev eth0`,
    `link add poplin000000001 up group 113 type veth peer name eth0 netns ${pod}`,
    'address add 169.254.1.1/32 dev poplin000000001 scope link',
    `route add ${POD} dev poplin000000001`,
  ]);
  await ipBatch(client, [`address add ${CLIENT}/24 dev eth0`, 'link set eth0 up']);
  await ipBatch(pod, [
    `address add ${POD}/32 dev eth0`,
    'link set eth0 up',
    'route add default via 169.254.1.1 dev eth0 onlink',
  ]);
  await mustRun(runCommand, inNamespace(node, ['sysctl', '-qw', 'net.ipv4.ip_forward=1']));
  await fillTable(node, mappings);
  stage.start(inNamespace(pod, [program, 'serve', String(CONTAINER_PORT)]));
  return client;
}

async function fillTable(node: string, mappings: number): Promise<void> {
  const kernel = openKernel({
    netns: openNetns(`/run/netns/${node}`).fd,
    procSysRoot: '/proc/sys/net',
    netnsRegistry: new NetnsRegistry(),
    log: silentLog,
  });
  const config = configFrom({ Network: '10.244.0.0/16' });
  const table = renderNftTable({ config, ownSubnets: ['10.244.1.0/24' as Cidr] });
  const portMappings = Array.from({ length: mappings }, (_, index): PortMapping => {
    return { protocol: 'tcp', hostPort: FIRST_PORT + index, containerPort: CONTAINER_PORT };
  });
  const elements = hostPortElements({ addresses: [POD as Ip], portMappings });
  const failures = await kernel.apply([
    { verb: 'add', object: 'nft-table', value: table },
    ...elements.map((value): Op => ({ verb: 'add', object: 'nft-element', value })),
  ]);
  kernel.close();
  if (failures[0] !== undefined) throw failures[0].error;
}
