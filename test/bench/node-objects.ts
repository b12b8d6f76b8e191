// Node objects for the embedded API: small ones for the nodes that an agent runs on, and ones of
// about 8 KB, as kubelets write them, for clusters of thousands. Also the same nodes as the agent
// keeps them, for benches without an API. Pure.

import type { Advert } from '../../src/cluster/advert.ts';
import { renderAdvert } from '../../src/cluster/advert.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { macFrom } from '../../src/net/mac.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';

export const POD_NETWORK = '10.0.0.0/8';
/** Peers that exist only as objects are in 172.16.0.0/12, behind the underlay's link. */
const PEERS_BASE = (172 << 24) | (16 << 16);
/** All that `peerAddressOf` and `subnetOf` give for up to 8,000 peers. */
export const PEER_RANGES: readonly Cidr[] = [
  '172.16.0.0/12' as Cidr,
  ...Array.from({ length: 32 }, (_, index) => `10.${1 + index}.0.0/16` as Cidr),
];
const IMAGES_PER_NODE = 40;

const dotted = (value: number): string =>
  [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

/** Node `number` (from 1) has the subnet 10.X.Y.0/24, of which X starts at 1. */
export const subnetOf = (number: number): Cidr =>
  `10.${1 + (number >> 8)}.${number & 255}.0/24` as Cidr;

export const peerAddressOf = (number: number): Ip => dotted(PEERS_BASE + number) as Ip;

export function peerAdvert(number: number, changes: Partial<Advert> = {}): Advert {
  return {
    v: 1,
    machine: `machine-${number}`,
    underlay: [peerAddressOf(number)],
    families: ['ipv4'],
    receiveMtuBytes: 1500,
    receives: {
      vxlan: [{ family: 'ipv4', vni: 1, port: 8472, mac: macFrom(`vtep ${number}`) }],
      'host-gw': [{ family: 'ipv4' }],
    },
    sends: ['vxlan'],
    sendsVxlan: [{ vni: 1, port: 8472 }],
    config: 'peer',
    ...changes,
  };
}

export const peerNode = (number: number): ClusterNode => ({
  name: `peer-${number}`,
  uid: `uid-${number}`,
  createdAt: '2026-01-01T00:00:00Z',
  subnets: [subnetOf(number)],
  internalIps: [peerAddressOf(number)],
  advert: peerAdvert(number),
  problems: [],
});

/** The Node of a machine that an agent runs on. */
export const agentNodeObject = (
  name: string,
  address: string,
  subnet: Cidr | undefined,
): unknown => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  spec: subnet === undefined ? {} : { podCIDR: subnet, podCIDRs: [subnet] },
  status: { addresses: [{ type: 'InternalIP', address }] },
});

/** A Node as a kubelet keeps it: most of it is of no interest to a pod network. */
export const peerNodeObject = (
  number: number,
  subnet: Cidr | 'none' = subnetOf(number),
): unknown => ({
  metadata: {
    name: `peer-${number}`,
    labels: {
      'kubernetes.io/hostname': `peer-${number}`,
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/os': 'linux',
      'topology.kubernetes.io/zone': `zone-${number % 3}`,
      'node.kubernetes.io/instance-type': 'standard-8',
    },
    annotations: {
      [ADVERT_ANNOTATION]: renderAdvert(peerAdvert(number)),
      'node.alpha.kubernetes.io/ttl': '0',
      'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
    },
  },
  spec: subnet === 'none' ? {} : { podCIDR: subnet, podCIDRs: [subnet] },
  status: {
    addresses: [
      { type: 'InternalIP', address: peerAddressOf(number) },
      { type: 'Hostname', address: `peer-${number}` },
    ],
    capacity: { cpu: '8', memory: '32845488Ki', pods: '110', 'ephemeral-storage': '101430960Ki' },
    conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map(condition),
    images: Array.from({ length: IMAGES_PER_NODE }, (_, index) => image(number, index)),
    nodeInfo: { kernelVersion: '6.12.0', containerRuntimeVersion: 'containerd://2.1.4' },
  },
});

const condition = (type: string): unknown => ({
  type,
  status: type === 'Ready' ? 'True' : 'False',
  lastHeartbeatTime: '2026-01-01T00:00:00Z',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  reason: `KubeletHas${type}`,
  message: `kubelet reports ${type} as expected on this node`,
});

const image = (number: number, index: number): unknown => ({
  names: [
    `registry.example.com/team-${index}/service@sha256:${macFrom(`${number} ${index}`)
      .replaceAll(':', '')
      .padEnd(64, '0')}`,
    `registry.example.com/team-${index}/service:v1.${index}.${number % 50}`,
  ],
  sizeBytes: 100_000_000 + index,
});
