// A configuration for each feature of `BGP`, with the node whose bird.conf is kept as a golden
// file. The real BIRD is asked about the same files in test/system.

import { passwordId } from '../../src/bgp/passwords.ts';
import { renderBird } from '../../src/bgp/render.ts';
import { speakerOf } from '../../src/bgp/speaker.ts';
import type { SpeakerInput } from '../../src/bgp/speaker-types.ts';
import {
  addressesOf,
  bgpSettings,
  cidr,
  ip,
  NETWORKS,
  speakerInput,
  speakerNode,
  subnetsOf,
} from './bgp.ts';

export type BgpCase = { readonly name: string; readonly input: SpeakerInput };

const TOR = { Address: '192.168.77.1', AS: 65001 };
const REFLECTORS = { NodeSelector: 'role=reflector', ClusterID: '10.0.0.1' };
const asReflector = { labels: { role: 'reflector' } };
const IPV4_ONLY = { networks: NETWORKS.slice(0, 1) };
const withPeers = (...peers: readonly object[]): SpeakerInput =>
  speakerInput(bgpSettings({ Peers: peers }), 2, IPV4_ONLY);

const FILTERS = {
  ImportFilter: [
    { Action: 'reject', Prefix: '172.20.9.0/24' },
    { Action: 'accept', Prefix: '172.20.0.0/16', MaxLength: 24, Preference: 250 },
    { Action: 'accept', Communities: ['65001:100', '65001:1:2'] },
    { Action: 'accept', Prefix: '0.0.0.0/0' },
  ],
  ExportFilter: [
    { Action: 'reject', Prefix: '10.96.0.0/12', MinLength: 12, MaxLength: 32 },
    { Action: 'accept' },
  ],
};

export const BGP_CASES: readonly BgpCase[] = [
  { name: 'mesh', input: speakerInput(bgpSettings({}), 3) },
  { name: 'ipv4-only', input: speakerInput(bgpSettings({}), 2, IPV4_ONLY) },
  {
    name: 'ipv6-only',
    input: speakerInput(bgpSettings({}), 2, {
      networks: NETWORKS.slice(1),
      underlays: [{ link: 'eth0', address: ip('fd77::b'), lengthBits: 64 }],
      self: { name: 'node-1', labels: {}, subnets: subnetsOf(1).slice(1) },
    }),
  },
  {
    name: 'smaller-mtu',
    input: speakerInput(bgpSettings({}), 1, {
      nodes: [
        speakerNode(2, { smallMtuBytes: { ipv4: 1450, ipv6: 1450 } }),
        speakerNode(3),
        speakerNode(4, { smallMtuBytes: { ipv4: 1400 } }),
        speakerNode(5, { smallMtuBytes: { ipv4: 1450 } }),
      ],
    }),
  },
  { name: 'alone', input: speakerInput(bgpSettings({}), 1) },
  {
    name: 'nothing-leased',
    input: speakerInput(bgpSettings({}), 2, { self: { name: 'node-1', labels: {}, subnets: [] } }),
  },
  {
    name: 'several-subnets',
    input: speakerInput(bgpSettings({}), 2, {
      self: { name: 'node-1', labels: {}, subnets: [...subnetsOf(1), ...subnetsOf(7)] },
      nodes: [speakerNode(2, { subnets: [cidr('10.244.2.0/24'), cidr('10.244.8.0/23')] })],
    }),
  },
  {
    name: 'client-of-reflectors',
    input: speakerInput(bgpSettings({ FullMesh: false, RouteReflectors: REFLECTORS }), 4, {
      nodes: [speakerNode(2, asReflector), speakerNode(3), speakerNode(4, asReflector)],
    }),
  },
  {
    name: 'reflector',
    input: speakerInput(bgpSettings({ RouteReflectors: REFLECTORS, Peers: [TOR] }), 3, {
      self: { name: 'node-1', ...asReflector, subnets: subnetsOf(1) },
      nodes: [speakerNode(2, asReflector), speakerNode(3)],
    }),
  },
  {
    name: 'racks',
    input: speakerInput(
      bgpSettings({
        NodeAS: [
          { NodeSelector: 'rack=r1', AS: 64601 },
          { NodeSelector: 'rack=r2', AS: 64602 },
          { NodeNames: ['node-4'], AS: 64603 },
        ],
        Peers: [
          {
            Name: 'tor-r1',
            Address: '192.168.77.1',
            AS: 64601,
            NodeSelector: 'rack=r1',
            ...{ BFD: true, AcceptPods: true },
          },
          {
            Name: 'tor-r2',
            Address: '192.168.78.1',
            AS: 64602,
            NodeSelector: 'rack=r2',
            ...{ BFD: true, AcceptPods: true },
          },
        ],
      }),
      4,
      {
        self: { name: 'node-1', labels: { rack: 'r1' }, subnets: subnetsOf(1) },
        nodes: [
          speakerNode(2, { labels: { rack: 'r1' } }),
          speakerNode(3, { labels: { rack: 'r2' }, addresses: [ip('192.168.78.13')] }),
          speakerNode(4, { addresses: addressesOf(4).slice(0, 1) }),
        ],
      },
    ),
  },
  {
    name: 'peer-security',
    input: withPeers({
      ...{ ...TOR, Name: 'tor-a', Port: 1179, Multihop: 3, GTSM: true, AllowLocalAS: 1 },
      PasswordSecret: { Name: 'bgp-passwords', Key: 'tor-a' },
      ...{ NodeNames: ['node-1'], SourceAddress: '192.168.77.11', ImportLimit: 50 },
    }),
  },
  { name: 'peer-bfd', input: withPeers({ ...TOR, BFD: true }) },
  { name: 'peer-takes-only', input: withPeers({ ...TOR, AcceptPods: true, AnnouncePods: false }) },
  { name: 'peer-is-told-only', input: withPeers(TOR) },
  {
    name: 'filters',
    input: speakerInput(
      bgpSettings({
        ServiceRanges: { ClusterIP: ['10.96.0.0/12'], LoadBalancer: ['198.51.100.0/24'] },
        Peers: [{ ...TOR, ...FILTERS, AcceptPods: true }],
      }),
      2,
      IPV4_ONLY,
    ),
  },
  {
    name: 'services-and-communities',
    input: speakerInput(
      bgpSettings({
        Communities: ['64512:100', '64512:1:2'],
        ServiceRanges: {
          ...{ ClusterIP: ['10.96.0.0/12', 'fd00:10:96::/112'], External: ['203.0.113.0/28'] },
          LoadBalancer: ['198.51.100.0/24'],
        },
        Peers: [
          { ...TOR, Communities: ['64512:200', '64512:100'] },
          { Address: 'fd77::1', AS: 65001, AcceptPods: true, AnnouncePods: false },
        ],
      }),
      2,
    ),
  },
  {
    name: 'times-and-ecmp',
    input: speakerInput(
      bgpSettings({
        ...{ AS: 4_200_000_000, Port: 1790, ECMPPaths: 8 },
        GracefulRestart: { WaitSeconds: 45, RestartSeconds: 240 },
        BFD: { IntervalMs: 100, Multiplier: 5 },
        NodePasswordSecret: { Name: 'bgp-passwords', Key: 'nodes' },
        Peers: [
          { ...TOR, BFD: true, AcceptPods: true },
          { Address: '192.168.77.2', AS: 65002, BFD: true, AcceptPods: true },
        ],
      }),
      2,
      IPV4_ONLY,
    ),
  },
];

const PASSWORDS = new Map([
  [passwordId({ secret: 'bgp-passwords', key: 'tor-a' }), `it's $(safe); # \\ here`],
  [passwordId({ secret: 'bgp-passwords', key: 'nodes' }), 'among nodes'],
]);

export const birdConfOf = ({ input }: BgpCase): string => renderBird(speakerOf(input), PASSWORDS);
