// The single answer to "is this kernel object ours?", which needs no memory: a restarted agent, or
// `cleanup` after an uninstall, recognises everything by what the kernel shows. Nothing outside of
// what passes here is ever changed or removed.

import type { Cidr } from '../net/cidr.ts';
import { contains } from '../net/cidr.ts';
import { ADDRESS_BITS } from '../net/family.ts';
import { familyOf } from '../net/ip.ts';
import { adoptedFrom } from './adopted.ts';
import type { Address, KernelState, Route, Rule } from './kernel-state.ts';

/** Route, nexthop and address protocol number (rt_protos: not used by others). */
export const OWN_PROTOCOL = 113;
/** RTPROT_BIRD of linux/rtnetlink.h: routes that are looked at, and never touched. */
export const BIRD_PROTOCOL = 12;
/** Metric of our routes, in both families: 0 in v4 would win, 1024 in v6 would lose. */
export const OWN_METRIC = 16;
/** Of routes that lead where BIRD's do (metric 32), for the moments without BIRD's. */
export const STANDBY_METRIC = 48;
/** RT_TABLE_MAIN of linux/rtnetlink.h. */
export const MAIN_TABLE = 254;
/** Rule priority and table of the probes. */
export const PROBE_TABLE = 113;
/** Mark and mask of the packets that take it. */
export const PROBE_MARK = 0x1000;
/** Link group of pods' host veths: what nftables matches them by. */
export const POD_LINK_GROUP = 113;
/** Major number of our qdiscs (`71:` in `tc`), and priority of our filters. */
export const QDISC_NUMBER = 113;
/** The nftables table `inet poplin`. */
export const NFT_TABLE = 'poplin';

const POD_LINK_PREFIX = 'poplin';
const EGRESS_LINK_PREFIX = 'poplini';
const EGRESS_DIGITS = 7;

export const ownsLink = (name: string): boolean => name.startsWith('poplin');

/** A pod's host veth: `poplin` and nine hex digits (VXLAN devices have `4-` or `6-` there). */
export const isPodLink = (name: string): boolean => /^poplin[0-9a-f]{9}$/.test(name);

/**
 * The link that a pod's egress passes through: `poplini` and the nine hex digits of its host veth
 * as seven of base 36, so that one follows from the other.
 */
export const egressLinkOf = (hostLink: string): string => {
  const digits = Number.parseInt(hostLink.slice(POD_LINK_PREFIX.length), 16);
  return `${EGRESS_LINK_PREFIX}${digits.toString(36).padStart(EGRESS_DIGITS, '0')}`;
};

export const isEgressLink = (name: string): boolean => /^poplini[0-9a-z]{7}$/.test(name);

export const ownsRoute = (route: Route): boolean => route.protocol === OWN_PROTOCOL;
export const ownsRule = (rule: Rule): boolean => rule.priority === PROBE_TABLE;

/**
 * All addresses of own links; on `lo` the subnet address: by IFA_PROTO where the kernel has it
 * (5.18), else as a single address inside the pod network, which nobody else puts on `lo`.
 */
export function ownsAddress(address: Address, networks: readonly Cidr[]): boolean {
  // The kernel makes IPv6 link-local addresses by itself, on own links too.
  if (ownsLink(address.link)) return !isKernelMade(address);
  if (address.link !== 'lo') return false;
  if (address.protocol === OWN_PROTOCOL) return true;
  return (
    address.protocol === 0 &&
    address.lengthBits === ADDRESS_BITS[familyOf(address.address)] &&
    networks.some((network) => contains(network, address.address))
  );
}

const isKernelMade = ({ address, scope, protocol }: Address): boolean =>
  scope === 'link' && familyOf(address) === 'ipv6' && protocol !== OWN_PROTOCOL;

/**
 * A device that was Flannel's keeps the address that it has had: with the last IPv4 address of a
 * link the kernel takes its routes and neighbours along (fib_inetaddr_event in
 * net/ipv4/fib_frontend.c).
 */
function isOfAdopted({ link, protocol }: Address, links: KernelState['links']): boolean {
  const device = links.get(link);
  return protocol !== OWN_PROTOCOL && device !== undefined && adoptedFrom(device) !== undefined;
}

/** The owned part of what was read: only this may be removed. */
export function ownedPart(actual: KernelState, networks: readonly Cidr[]): KernelState {
  return {
    links: only(actual.links, (link) => ownsLink(link.name) && link.kind !== 'other'),
    addresses: only(
      actual.addresses,
      (address) => ownsAddress(address, networks) && !isOfAdopted(address, actual.links),
    ),
    nexthops: actual.nexthops,
    routes: only(actual.routes, ownsRoute),
    birdRoutes: new Map(),
    neighbours: only(actual.neighbours, (neighbour) => ownsLink(neighbour.link)),
    fdb: only(actual.fdb, (entry) => ownsLink(entry.link)),
    rules: only(actual.rules, ownsRule),
    qdiscs: only(actual.qdiscs, (qdisc) => ownsLink(qdisc.link)),
    sysctls: new Map(),
    ...(actual.nftTable === undefined ? {} : { nftTable: actual.nftTable }),
    nftSets: actual.nftSets,
  };
}

/** The map itself when all of it passes, which is so for the thousands of objects of peers. */
function only<T>(map: ReadonlyMap<string, T>, owns: (value: T) => boolean): ReadonlyMap<string, T> {
  for (const value of map.values()) {
    if (!owns(value)) return new Map([...map].filter(([, each]) => owns(each)));
  }
  return map;
}
