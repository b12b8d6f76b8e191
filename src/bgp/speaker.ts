// What this node says to BIRD: its AS, its router id, the prefixes that count, and its sessions.
// From the settings, the live nodes and this node's own addresses. Pure; nothing is remembered, so
// every node comes to the other end of the same session by itself. Sessions with nodes are in
// node-sessions.ts, those with peers in peer-sessions.ts.

import { hash } from 'node:crypto';
import type { Cidr } from '../net/cidr.ts';
import { cidrAddress, cidrFamily, cidrLengthBits, contains, containsCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { ADDRESS_BITS, FAMILIES, FAMILY_LABEL } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, ipFromBigInt, ipToBigInt } from '../net/ip.ts';
import { nodeSessions } from './node-sessions.ts';
import { peerSessions } from './peer-sessions.ts';
import { asOf, isSelected } from './selectors.ts';
import type {
  PodNetwork,
  PrefixRange,
  Session,
  Speaker,
  SpeakerFamily,
  SpeakerInput,
} from './speaker-types.ts';

/** BIRD's words for links cannot say others: they are patterns, in strings without escapes. */
const SAFE_LINK = /^[\w.@:+=~-]{1,15}$/;

export function speakerOf(input: SpeakerInput): Speaker {
  const { settings, self, networks } = input;
  const families = FAMILIES.flatMap((family) => {
    const network = networks.find((each) => each.family === family);
    return network === undefined ? [] : [familyOfSpeaker(network, input)];
  });
  const as = asOf(settings, self);
  const served = new Set(families.map(({ family }) => family));
  const nodes = nodeSessions(input, { as, served });
  const peers = peerSessions(input, { as, served, taken: nodes });
  const sessions = [...nodes, ...peers.sessions].sort(byName);
  const links = linksOf(input, sessions);
  const { reflectors } = settings;
  const isReflector = reflectors !== undefined && isSelected(reflectors.nodes, self);
  return {
    as,
    routerId: routerIdOf(input),
    portNumber: settings.portNumber,
    isReflector,
    ...(isReflector && reflectors.clusterId !== undefined
      ? { clusterId: reflectors.clusterId }
      : {}),
    families,
    links: links.filter((link) => SAFE_LINK.test(link)),
    sessions,
    gracefulRestart: settings.gracefulRestart,
    bfd: settings.bfd,
    ecmpPaths: settings.ecmpPaths,
    problems: [...peers.problems, ...linkProblems(links), ...underlayProblems(input)],
  };
}

const byName = (a: Session, b: Session): number => (a.name < b.name ? -1 : 1);

function familyOfSpeaker(podNetwork: PodNetwork, input: SpeakerInput): SpeakerFamily {
  const { family, network } = podNetwork;
  const { self, settings, addresses, underlays } = input;
  const ofFamily = (cidr: Cidr): boolean => cidrFamily(cidr) === family;
  const ownSubnets = self.subnets.filter(ofFamily);
  // The subnets say all that is in them, so that their addresses' coming changes no text.
  const own = [...underlays, ...addresses]
    .map(({ address }) => address)
    .filter((address) => !ownSubnets.some((subnet) => contains(subnet, address)));
  return {
    family,
    network,
    ownSubnets,
    subnetRanges: subnetRanges(podNetwork, input),
    serviceRanges: settings.serviceRanges.filter(ofFamily),
    smallMtus: smallMtus(family, input),
    ownAddresses: [...new Set(own.filter((address) => familyOf(address) === family))].sort(),
  };
}

function smallMtus(family: Family, { nodes }: SpeakerInput): SpeakerFamily['smallMtus'] {
  const bySize = new Map<number, Cidr[]>();
  for (const { subnets, smallMtuBytes } of nodes) {
    const mtuBytes = smallMtuBytes?.[family];
    if (mtuBytes === undefined) continue;
    const all = bySize.get(mtuBytes) ?? [];
    all.push(...subnets.filter((subnet) => cidrFamily(subnet) === family));
    bySize.set(mtuBytes, all);
  }
  return [...bySize]
    .sort(([a], [b]) => a - b)
    .map(([mtuBytes, subnets]) => ({ mtuBytes, subnets: subnets.sort() }))
    .filter(({ subnets }) => subnets.length > 0);
}

/**
 * While all subnets are of one length this says so, and no node's coming or going changes it: of
 * thousands of nodes only reflectors have to be told. With several lengths a longer one could take
 * a part of a shorter one away, so then each subnet is named.
 */
function subnetRanges(podNetwork: PodNetwork, input: SpeakerInput): readonly PrefixRange[] {
  const { network, subnetLengthBits } = podNetwork;
  const all = [input.self, ...input.nodes].flatMap(({ subnets }) => subnets);
  const inside = [...new Set(all.filter((subnet) => containsCidr(network, subnet)))].sort();
  const lengths = new Set(inside.map(cidrLengthBits));
  if (lengths.size > 1) {
    return inside.map((subnet) => rangeOf(subnet, cidrLengthBits(subnet)));
  }
  const [lengthBits = subnetLengthBits] = lengths;
  return [rangeOf(network, lengthBits)];
}

const rangeOf = (network: Cidr, lengthBits: number): PrefixRange => ({
  network,
  lengthMinBits: lengthBits,
  lengthMaxBits: lengthBits,
});

/**
 * Unique in the cluster, four bytes: the IPv4 address; else where in the network the node's own
 * IPv6 subnet is, since no other node has it. A node without either has nothing to announce.
 */
function routerIdOf({ underlays, self, networks }: SpeakerInput): Ip {
  const ipv4 = underlays.find(({ address }) => familyOf(address) === 'ipv4');
  if (ipv4 !== undefined) return ipv4.address;
  const subnet = self.subnets.find((each) => cidrFamily(each) === 'ipv6');
  const network = networks.find(({ family }) => family === 'ipv6')?.network;
  const position =
    subnet === undefined || network === undefined ? 0n : positionOf(subnet, network) + 1n;
  if (position > 0n && position <= ROUTER_ID_MAX) return ipFromBigInt(position, 'ipv4');
  const mark = BigInt(`0x${hash('sha256', subnet ?? self.name).slice(0, 8)}`);
  return ipFromBigInt(mark === 0n ? 1n : mark, 'ipv4');
}

const ROUTER_ID_MAX = 0xffff_fffen;

function positionOf(subnet: Cidr, network: Cidr): bigint {
  const offset = ipToBigInt(cidrAddress(subnet)) - ipToBigInt(cidrAddress(network));
  return offset >> BigInt(ADDRESS_BITS.ipv6 - cidrLengthBits(subnet));
}

/** Of the underlay, and of each address that a session with a peer starts from. */
function linksOf({ underlays, addresses }: SpeakerInput, sessions: readonly Session[]) {
  const used = new Set(sessions.map(({ local }) => local.address));
  const others = addresses.filter(({ address }) => used.has(address));
  return [...new Set([...underlays, ...others].map(({ link }) => link))].sort();
}

const linkProblems = (links: readonly string[]): readonly string[] =>
  links
    .filter((link) => !SAFE_LINK.test(link))
    .map((link) => `the link ${JSON.stringify(link)} has a name that BIRD cannot be told`);

const underlayProblems = ({ networks, underlays }: SpeakerInput): readonly string[] =>
  networks
    .filter(({ family }) => !underlays.some(({ address }) => familyOf(address) === family))
    .map(({ family }) => noUnderlay(family));

const noUnderlay = (family: Family): string =>
  `no node is reached by BGP over ${FAMILY_LABEL[family]}: this node has no address of its own`;
