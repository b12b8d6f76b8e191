// Stands in for thousands of peers that exist only as Nodes: their underlay addresses, their VTEPs
// and their subnets are all here, in the fabric's namespace, so that an agent's probes are answered
// as by living nodes. Where it is missing every path is silent, which no cluster at rest is.

import { mustRun, runCommand } from '../../src/lab/command.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { cidrAddress } from '../../src/net/cidr.ts';

const DEVICE = 'peers';

export type Answering = {
  /** Namespace that the node's packets to peers come to. */
  readonly fabric: string;
  /** Namespace, underlay address and subnet of the node that asks. */
  readonly node: string;
  readonly underlay: string;
  readonly subnet: Cidr;
  /** Ranges of the peers' underlay addresses and subnets. */
  readonly peers: readonly Cidr[];
};

/** From a moment when the node's own device is there. */
export async function answerForPeers(answering: Answering): Promise<void> {
  const { fabric, node, underlay, subnet, peers } = answering;
  const shown = await mustRun(runCommand, ['ip', '-n', node, '-o', 'link', 'show', 'poplin4-1']);
  const [, mac = ''] = /link\/ether (\S+)/.exec(shown) ?? [];
  const lines = [
    `link add ${DEVICE} type vxlan id 1 dstport 8472 nolearning`,
    `link set ${DEVICE} up`,
    ...peers.map((range) => `route add local ${range} dev lo`),
    // In the same table, so that the longer prefix wins.
    `route add ${subnet} dev ${DEVICE} table local`,
    `neigh add ${cidrAddress(subnet)} lladdr ${mac} dev ${DEVICE}`,
  ];
  const input = `${lines.join('\n')}\n`;
  await mustRun(runCommand, ['ip', '-n', fabric, '-batch', '-'], { input });
  const entry = [mac, 'dev', DEVICE, 'dst', underlay];
  await mustRun(runCommand, ['bridge', '-n', fabric, 'fdb', 'append', ...entry]);
  // Frames to any peer's VTEP are for this one.
  const table = `table netdev ${DEVICE} {\n chain ingress {
    type filter hook ingress device ${DEVICE} priority 0; meta pkttype set host;\n }\n}\n`;
  await mustRun(runCommand, ['ip', 'netns', 'exec', fabric, 'nft', '-f', '-'], { input: table });
}
