// What one pass of the agent tells whoever speaks BGP for its node: node-1 on 192.168.1.1, as a
// cluster and a configuration make it.

import type { BgpPass } from '../../src/agent/bgp-speaker.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import type { Local } from '../../src/desired/desired.ts';
import type { Ip } from '../../src/net/ip.ts';
import { speakerOf } from './bird-routes.ts';
import { clusterOf, configOf, nodeOf } from './cluster.ts';
import { localOf, run, V4 } from './desired.ts';

const ADDRESS = { link: 'eth0', address: '192.168.1.1' as Ip, lengthBits: 24 };

type Asked = {
  readonly kind?: 'synced' | 'remembered';
  readonly bgp?: object;
  readonly nodes?: readonly ClusterNode[];
  readonly local?: Partial<Local>;
};

export function bgpPass(Type: string, asked: Asked = {}): BgpPass {
  const { kind = 'synced', bgp, nodes = [nodeOf(1), speakerOf(2)], local } = asked;
  const settings = bgp === undefined ? {} : { BGP: bgp };
  const config = configOf({ Network: '10.244.0.0/16', Backend: { Type }, ...settings });
  const computed = run(config, nodes, localOf({ birdPeers: new Set(), ...local }));
  const { state: _, probes: __, ...desired } = computed;
  const underlay = { underlays: [{ ...V4, chosenBy: 'test' }], problems: [], kept: [] };
  const outcome = { desired, underlay, addresses: [ADDRESS] };
  const cluster = clusterOf(nodes);
  return { config, cluster: kind === 'synced' ? cluster : { ...cluster, kind }, outcome };
}
