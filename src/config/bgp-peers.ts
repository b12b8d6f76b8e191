// The peers of `BGP`: each against the rest of the configuration and against the other peers.
// Which of them a node has is not known here, as labels are the cluster's; what two peers do to
// each other is refused where it is certain, and the rest is found when a node's sessions are made
// (src/bgp).

import type { Cidr } from '../net/cidr.ts';
import { cidrFamily, contains, hostCidr } from '../net/cidr.ts';
import { FAMILY_LABEL } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, parseIp } from '../net/ip.ts';
import { nodesOf } from './bgp-nodes.ts';
import { filterProblems, mayTake, ruleOf, within } from './bgp-rules.ts';
import type { BgpConf, BgpPeerConf } from './bgp-schema.ts';
import type { BgpPeer, Community, NodeSelector } from './bgp-settings.ts';
import { parseCommunity } from './bgp-text.ts';
import type { ConfigProblem } from './config.ts';
import { reservedUse } from './prefix-text.ts';
import { problem } from './problems.ts';

export type PeerContext = {
  readonly networks: readonly Cidr[];
  readonly serviceRanges: readonly Cidr[];
};

export const communitiesOf = (texts: readonly string[]): readonly Community[] => [
  ...new Set(texts.flatMap((text) => parseCommunity(text) ?? [])),
];

export function peerOf(conf: BgpPeerConf): BgpPeer | undefined {
  const address = parseIp(conf.Address);
  if (address === undefined) return undefined;
  const source = parseIp(conf.SourceAddress ?? '');
  const secret = conf.PasswordSecret;
  return {
    name: conf.Name ?? address,
    nodes: nodesOf(conf),
    address,
    as: conf.AS,
    portNumber: conf.Port,
    ...(secret === undefined ? {} : { password: { secret: secret.Name, key: secret.Key } }),
    ...(conf.Multihop === 0 ? {} : { multihop: conf.Multihop }),
    gtsm: conf.GTSM,
    bfd: conf.BFD,
    ...(source === undefined ? {} : { sourceAddress: source }),
    allowLocalAs: conf.AllowLocalAS,
    acceptPods: conf.AcceptPods,
    announcePods: conf.AnnouncePods,
    announceServices: conf.AnnounceServices,
    importRules: conf.ImportFilter.map(ruleOf),
    exportRules: conf.ExportFilter.map(ruleOf),
    communities: communitiesOf(conf.Communities),
    importLimit: conf.ImportLimit,
  };
}

export const peersProblems = (
  { Peers: peers }: BgpConf,
  context: PeerContext,
): readonly ConfigProblem[] => [
  ...peers.flatMap((peer, index) => peerProblems(peer, `BGP.Peers[${index}]`, context)),
  ...sameProblems(peers),
];

function peerProblems(
  peer: BgpPeerConf,
  key: string,
  context: PeerContext,
): readonly ConfigProblem[] {
  const address = parseIp(peer.Address);
  if (address === undefined) return [];
  const problems = [
    ...explained(`${key}.Address`, address, explainPeerAddress(address, context)),
    ...sourceProblems(peer, key, address),
    ...filtersProblems(peer, key, context),
  ];
  if (problems.length > 0 || exchangesSomething(peer, context)) return problems;
  const why =
    'exchanges nothing with this node: set AcceptPods or AnnouncePods, or remove the peer';
  return [problem(key, peer.Address, why)];
}

const explained = (key: string, value: unknown, why: string | undefined) =>
  why === undefined ? [] : [problem(key, value, why)];

function explainPeerAddress(address: Ip, { networks }: PeerContext): string | undefined {
  const reserved = reservedUse(hostCidr(address));
  if (reserved !== undefined) {
    return `is reserved for ${reserved.use}: take the address at which the router is reached`;
  }
  const network = networks.find((each) => contains(each, address));
  return network === undefined
    ? undefined
    : `is inside ${network}, the range of the pods: a peer is a router outside of it`;
}

function sourceProblems(peer: BgpPeerConf, key: string, address: Ip): readonly ConfigProblem[] {
  const source = parseIp(peer.SourceAddress ?? '');
  if (source === undefined) return [];
  const sourceKey = `${key}.SourceAddress`;
  if (familyOf(source) !== familyOf(address)) {
    const [own, wanted] = [FAMILY_LABEL[familyOf(source)], FAMILY_LABEL[familyOf(address)]];
    return [problem(sourceKey, source, `is ${own}: it must be ${wanted}, as the peer's address`)];
  }
  if (peer.NodeNames?.length === 1) return [];
  const why = 'is an address of one node: name this node alone in NodeNames';
  return [problem(sourceKey, source, why)];
}

function filtersProblems(
  peer: BgpPeerConf,
  key: string,
  { networks, serviceRanges }: PeerContext,
): readonly ConfigProblem[] {
  const address = parseIp(peer.Address);
  const family = address === undefined ? 'ipv4' : familyOf(address);
  const ofFamily = (cidrs: readonly Cidr[], isOn: boolean): readonly Cidr[] =>
    isOn ? cidrs.filter((cidr) => cidrFamily(cidr) === family) : [];
  const told = [
    ...ofFamily(networks, peer.AnnouncePods),
    ...ofFamily(serviceRanges, peer.AnnounceServices),
  ];
  return [
    ...filterProblems(peer.ImportFilter, {
      ...{ key: `${key}.ImportFilter`, family },
      accepted: ofFamily(networks, peer.AcceptPods).map(within),
      instead: peer.AcceptPods
        ? 'leave it out and set AcceptPods to false'
        : 'set AcceptPods to true, or leave it out',
    }),
    ...filterProblems(peer.ExportFilter, {
      ...{ key: `${key}.ExportFilter`, family },
      accepted: told.map(within),
      instead: 'leave it out and set AnnouncePods and AnnounceServices to false',
    }),
  ];
}

/** Whether routes to pods of other nodes may come from it. */
export function bringsPods(peer: BgpPeerConf, networks: readonly Cidr[]): boolean {
  const address = parseIp(peer.Address);
  const rules = peer.ImportFilter.map(ruleOf);
  return networks.some(
    (network) =>
      (address === undefined || familyOf(address) === cidrFamily(network)) &&
      mayTake(rules, network, peer.AcceptPods),
  );
}

const exchangesSomething = (peer: BgpPeerConf, { serviceRanges }: PeerContext): boolean =>
  peer.AcceptPods ||
  peer.AnnouncePods ||
  peer.ImportFilter.length > 0 ||
  (peer.AnnounceServices && serviceRanges.length > 0);

/** One node cannot have two peers of one address, and status has to tell them apart. */
function sameProblems(peers: readonly BgpPeerConf[]): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const [index, conf] of peers.entries()) {
    const peer = peerOf(conf);
    for (const [before, otherConf] of peers.slice(0, index).entries()) {
      const other = peerOf(otherConf);
      if (peer === undefined || other === undefined) continue;
      if (peer.address === other.address && mayShareNode(peer.nodes, other.nodes)) {
        const why =
          `is that of BGP.Peers[${before}] too, and both are for the same nodes: ` +
          'remove one, or give each its own nodes by NodeNames';
        problems.push(problem(`BGP.Peers[${index}].Address`, peer.address, why));
      } else if (peer.name === other.name && isAnotherOfFamily(peer, other)) {
        const why = `is that of BGP.Peers[${before}] too: give each peer its own name`;
        problems.push(problem(`BGP.Peers[${index}].Name`, peer.name, why));
      }
    }
  }
  return problems;
}

const isAnotherOfFamily = (peer: BgpPeer, other: BgpPeer): boolean =>
  peer.address !== other.address && familyOf(peer.address) === familyOf(other.address);

/** Whether it is certain; by labels it depends on the cluster. */
function mayShareNode(a: NodeSelector, b: NodeSelector): boolean {
  if (a.kind === 'all' || b.kind === 'all') return true;
  if (a.kind === 'names')
    return b.kind === 'names' && a.names.some((name) => b.names.includes(name));
  return b.kind === 'labels' && JSON.stringify(a.terms) === JSON.stringify(b.terms);
}
