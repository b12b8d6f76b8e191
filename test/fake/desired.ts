// What a node of a small network wants, for tests: node-1 with one underlay, whose peers share its
// segment unless a test says otherwise.

import type { Underlay } from '../../src/backend/backend.ts';
import { NO_BIRD_ROUTES } from '../../src/backend/bird-routes.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import type { Config } from '../../src/config/config.ts';
import type { Desired, Local } from '../../src/desired/desired.ts';
import { desired } from '../../src/desired/desired.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { RouteLookup } from '../../src/state/route-lookup.ts';
import { clusterOf, nodeOf } from './cluster.ts';

export const NETWORK = { Network: '10.244.0.0/16' };

export const V4: Underlay = {
  family: 'ipv4',
  link: 'eth0',
  address: '192.168.1.1' as Ip,
  mtuBytes: 1500,
};

const ONLINK: RouteLookup = { kind: 'onlink', link: 'eth0' };

export function localOf(changes: Partial<Local> = {}): Local {
  return {
    name: 'node-1',
    machine: 'machine-1',
    subnets: ['10.244.1.0/24' as Cidr],
    underlays: [V4],
    lookups: new Map(
      ['192.168.1.2', '192.168.1.3', 'fd01::2', 'fd01::3'].map((ip) => [ip as Ip, ONLINK]),
    ),
    hasNexthopObjects: true,
    bird: undefined,
    birdRoutes: NO_BIRD_ROUTES,
    attachments: [],
    neededFamilies: ['ipv4'],
    vxlanDevices: [],
    routes: new Map(),
    probeRules: new Set(),
    neighbours: new Map(),
    fdb: new Map(),
    verdicts: new Map(),
    promised: [],
    underlayMtus: new Map(),
    takesOver: false,
    birdPeers: undefined,
    drainedLinks: new Set(),
    sysctls: new Map(),
    ...changes,
  };
}

export const run = (
  config: Config,
  nodes: readonly ClusterNode[] = [nodeOf(1), nodeOf(2), nodeOf(3)],
  changes = localOf(),
): Desired => {
  const held = nodes.find(({ name }) => name === changes.name)?.subnets ?? [];
  return desired({ config, cluster: clusterOf(nodes), local: { ...changes, subnets: held } });
};
