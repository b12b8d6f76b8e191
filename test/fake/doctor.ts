// Facts of a healthy node for the doctor's checks, one peer beside it, and what changes in them
// when something is wrong.

import type { PeerStatus, Status } from '../../src/agent/status.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import { parseRuleset } from '../../src/desired/nft-ruleset.ts';
import type { Facts } from '../../src/doctor/facts.ts';
import { known } from '../../src/doctor/facts.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { Mac } from '../../src/net/mac.ts';
import type { KernelState, Link } from '../../src/state/kernel-state.ts';
import { EMPTY_STATE, keyOfAddress } from '../../src/state/kernel-state.ts';
import { cidr, configFrom } from './config-from.ts';
import type { ChainText } from './ruleset.ts';
import { rulesetJson } from './ruleset.ts';

export const OWN_ADDRESS = '192.168.1.11' as Ip;
export const PEER_ADDRESS = '192.168.1.12' as Ip;

const PATH: PeerStatus = {
  ...{ peer: 'node-2', family: 'ipv4', subnets: [cidr('10.244.2.0/24')], configured: 'vxlan' },
  ...{ receives: ['vxlan', 'host-gw'], used: 'vxlan', reason: '', probe: 'answers' },
};

const STATUS: Status = {
  ...{ schema: 1, version: '0.1.0', node: 'node-1', ready: true, problems: [] },
  config: { hash: 'h', origin: 'ConfigMap poplin/poplin-config', backend: 'vxlan', problems: [] },
  cluster: 'synced',
  lease: {
    ...{ authority: 'lease', explanation: '', reason: '' },
    ...{ subnets: [cidr('10.244.1.0/24')], usage: [] },
  },
  families: [],
  underlay: [
    { family: 'ipv4', link: 'eth0', address: OWN_ADDRESS, mtuBytes: 1500, chosenBy: 'InternalIP' },
  ],
  podMtuBytes: { link: 1500, route: 1450 },
  startedAt: '2026-01-01T00:00:00.000Z',
  devices: [],
  peers: [PATH],
  ...{ nodeProblems: {}, silentPaths: [], silent: [], foreignDrops: [], fights: [] },
  pods: { attached: 1, hostPorts: 0, broken: [], isolated: [], unread: [], mtu: [] },
  ...{ cni: { verbs: [] }, drift: { repaired: 0, byObject: {}, last: [] }, events: [] },
  source: { synced: true, lastContactAgeSeconds: 1 },
  clockJumps: [],
  reconcile: { passes: 2, config: 'h', lastDurationMs: 1, lastOps: 0, failures: [] },
};

const COMMON = { up: true, mtuBytes: 1500, group: 0, alias: '', mac: '02:00:00:00:00:01' as Mac };
export const otherLink = (name: string, driver = 'veth'): Link => ({
  ...{ ...COMMON, kind: 'other', name, driver },
});
const VXLAN: Link = {
  ...{ ...COMMON, kind: 'vxlan', name: 'poplin4-1', vni: 1, portNumber: 8472 },
  ...{ local: OWN_ADDRESS, underlay: 'eth0', learning: false, gbp: false, udpChecksum: false },
};
const ADDRESS = {
  ...{ link: 'eth0', address: OWN_ADDRESS, lengthBits: 24, protocol: 0 },
  scope: 'global',
} as const;

export const KERNEL: KernelState = {
  ...EMPTY_STATE,
  links: new Map([otherLink('lo', ''), otherLink('eth0'), VXLAN].map((link) => [link.name, link])),
  addresses: new Map([[keyOfAddress(ADDRESS), ADDRESS]]),
  sysctls: new Map([
    ['ipv4/ip_forward', '1'],
    ['ipv4/conf/all/rp_filter', '0'],
    ['ipv4/conf/eth0/rp_filter', '2'],
    ['ipv4/conf/poplin4-1/rp_filter', '0'],
    ['ipv4/conf/poplin4-1/forwarding', '1'],
  ]),
};

const PEER: ClusterNode = {
  ...{ name: 'node-2', uid: 'u2', createdAt: '', subnets: [cidr('10.244.2.0/24')] },
  ...{ internalIps: [PEER_ADDRESS], problems: [] },
  flannel: { backendType: 'vxlan', publicIps: [PEER_ADDRESS], vxlan: [] },
};

const HEALTHY: Facts = {
  node: 'node-1',
  agent: known(STATUS),
  config: known(configFrom({ Network: '10.244.0.0/16' })),
  datastore: 'kubernetes',
  kernel: known(KERNEL),
  rules: known([]),
  udpSockets: known([{ port: 8472, holder: '' }]),
  cniFiles: known([{ name: '10-poplin.conflist', network: 'poplin', plugins: ['poplin'] }]),
  checksums: known([{ place: 'the node', protocol: 'TCP', all: 100_000, wrong: 1 }]),
  droppedByFilter: known({ total: 0, meanwhile: 0 }),
  api: known({ server: 'https://10.96.0.1', problem: '', aheadMs: 300, denied: [], unasked: '' }),
  peers: known([PEER]),
  pings: new Map(),
  duplicates: known([]),
  features: known([{ feature: 'vxlan', isFor: 'devices', problem: '', isNeeded: true }]),
  kubeProxy: [],
};

export const factsWith = (change: Partial<Facts> = {}): Facts => ({ ...HEALTHY, ...change });

export const statusWith = (change: Partial<Status>): Pick<Facts, 'agent'> => ({
  agent: known({ ...STATUS, ...change }),
});

export const pathWith = (change: Partial<PeerStatus>): PeerStatus => ({ ...PATH, ...change });

export const kernelWith = (change: {
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly links?: readonly Link[];
  readonly without?: string;
}): Pick<Facts, 'kernel'> => {
  const links = [...KERNEL.links.values(), ...(change.links ?? [])];
  const left = links.filter(({ name }) => name !== change.without);
  return {
    kernel: known({
      ...KERNEL,
      links: new Map(left.map((link) => [link.name, link])),
      sysctls: new Map([...KERNEL.sysctls, ...Object.entries(change.sysctls ?? {})]),
    }),
  };
};

export const rulesOf = (chains: readonly ChainText[]): Pick<Facts, 'rules'> => ({
  rules: known(parseRuleset(rulesetJson(chains))),
});

/** A path to the peer over which nothing comes back, and whether its node answers a ping. */
export const silentBy = (
  path: 'vxlan' | 'host-gw' | 'bgp',
  nodeAnswers: boolean,
): Pick<Facts, 'agent' | 'pings'> => {
  const silent = { peer: 'node-2', family: 'ipv4', path, isUsed: true } as const;
  return {
    ...statusWith({ silent: [{ ...silent, isOfSizeOnly: false }] }),
    pings: new Map([[PEER_ADDRESS, nodeAnswers]]),
  };
};
