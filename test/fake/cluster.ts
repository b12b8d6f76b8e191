// Nodes, adverts and configurations for tests, each with sensible values where the test has none.

import type { Advert } from '../../src/cluster/advert.ts';
import type { Synced } from '../../src/cluster/cluster.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { Mac } from '../../src/net/mac.ts';

export function configOf(json: Readonly<Record<string, unknown>>): Config {
  const parsed = parseConfig(JSON.stringify(json));
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

/** Node `number` has the subnet 10.244.NUMBER.0/24 and the underlay address 192.168.1.NUMBER. */
export function nodeOf(number: number, changes: Partial<ClusterNode> = {}): ClusterNode {
  const underlay = changes.internalIps ?? [`192.168.1.${number}` as Ip];
  return {
    name: `node-${number}`,
    uid: `uid-${number}`,
    createdAt: `2026-01-01T00:00:${String(number % 60).padStart(2, '0')}Z`,
    subnets: [`10.244.${number}.0/24` as Cidr],
    internalIps: underlay,
    advert: advertOf(number, { underlay }),
    problems: [],
    ...changes,
  };
}

export function advertOf(number: number, changes: Partial<Advert> = {}): Advert {
  const underlay = changes.underlay ?? [`192.168.1.${number}` as Ip];
  const mac = `02:00:00:00:00:${number.toString(16).padStart(2, '0')}` as Mac;
  return {
    v: 1,
    machine: `machine-${number}`,
    underlay,
    families: underlay.map(familyOf),
    receiveMtuBytes: 1500,
    receives: {
      vxlan: underlay.map((ip) => ({ family: familyOf(ip), vni: 1, port: 8472, mac })),
      'host-gw': underlay.map((ip) => ({ family: familyOf(ip) })),
    },
    sends: ['vxlan'],
    sendsVxlan: changes.sends?.includes('vxlan') === false ? [] : [{ vni: 1, port: 8472 }],
    config: 'hash',
    ...changes,
  };
}

export const clusterOf = (nodes: readonly ClusterNode[]): Synced => ({
  kind: 'synced',
  nodes: new Map(nodes.map((node) => [node.name, node])),
  config: { text: '', origin: 'test' },
});
