// A hundred nodes that exist as objects in the API and as sessions of one BIRD: each has an address
// of its own on the node's network, announces its subnet from there, and answers probes of it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderAdvert } from '../../src/cluster/advert.ts';
import { cidrAddress } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import { bird } from '../lab/birds.ts';
import type { BenchNode, Cluster } from './cluster.ts';
import { ipBatch } from './cluster.ts';
import { agentNodeObject, peerAdvert, subnetOf } from './node-objects.ts';
import { inNamespace, PLAIN_ENVIRONMENT } from './stage.ts';

export const PEER_COUNT = 100;
export const AS = 64_512;
/** What BIRD of the node does, and the other ends of its sessions have to do as well. */
const BFD = '{ interval 1000 ms; multiplier 5; }';

export const peerNames = (): readonly string[] => numbers().map((number) => `peer-${number}`);

const numbers = (): readonly number[] =>
  Array.from({ length: PEER_COUNT }, (_, index) => index + 1);

const addressOf = (number: number): Ip => `192.168.77.${100 + number}` as Ip;

/** Nodes with adverts that promise to receive by bgp. */
export const peerObjects = (): readonly unknown[] =>
  numbers().map((number) => {
    const node = agentNodeObject(`peer-${number}`, addressOf(number), subnetOf(number));
    const { receives } = peerAdvert(number);
    const advert = peerAdvert(number, {
      underlay: [addressOf(number)],
      receives: { ...receives, bgp: [{ family: 'ipv4', as: AS }] },
      sends: ['bgp'],
    });
    const { metadata, ...rest } = node as { readonly metadata: object };
    const annotations = { [ADVERT_ANNOTATION]: renderAdvert(advert) };
    return { ...rest, metadata: { ...metadata, annotations } };
  });

/** Until the end of the stage. */
export async function startPeers({ stage, fabric }: Cluster, node: BenchNode): Promise<void> {
  const namespace = await stage.namespace('peers');
  await ipBatch(fabric, [
    `link add peers type veth peer name eth0 netns ${namespace}`,
    'link set peers master segment up',
  ]);
  await ipBatch(namespace, [
    'link set lo up',
    'link set eth0 up',
    ...numbers().flatMap((number) => [
      `address add ${addressOf(number)}/24 dev eth0`,
      `address add ${cidrAddress(subnetOf(number))}/32 dev lo`,
    ]),
    `route add ${node.subnet} via ${node.address}`,
  ]);
  startBird(stage, { namespace, text: confOf(node) });
}

/** A BIRD without an agent and without its script. */
export function startBird(
  stage: Cluster['stage'],
  { namespace, text }: { readonly namespace: string; readonly text: string },
) {
  const directory = stage.directory();
  const file = join(directory, 'bird.conf');
  writeFileSync(file, text);
  const socketPath = join(directory, 'bird.ctl');
  const argv = inNamespace(namespace, [bird.path, '-f', '-c', file, '-s', socketPath]);
  const child = stage.start(argv, { env: { ...PLAIN_ENVIRONMENT, ...bird.environment } });
  return { child, directory, socketPath };
}

/**
 * A table for each session, and in it what that node alone announces. BIRD has one session with an
 * address and port: none of these connects, so that the port says nothing else.
 */
function confOf(node: BenchNode): string {
  const sessions = numbers().map(
    (number) => `ipv4 table t${number};
protocol static s${number} { ipv4 { table t${number}; }; route ${subnetOf(number)} blackhole; }
protocol bgp p${number} { local ${addressOf(number)} as ${AS}; strict bind; passive;
  router id ${addressOf(number)}; neighbor ${node.address} port ${10_000 + number} as ${AS};
  graceful restart on; bfd graceful; error wait time 1,4;
  ipv4 { table t${number}; import none; export all; next hop self; }; }`,
  );
  return `log stderr { fatal, bug };
router id 192.168.77.1;
protocol device { scan time 10; }
protocol bfd { interface "*" ${BFD}; multihop ${BFD}; }
${sessions.join('\n')}
`;
}
