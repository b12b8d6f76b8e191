// What a network namespace holds, as plain data. The desired and the actual state have this one
// type, so that their difference is a comparison. Objects name links by name: an index exists only
// in the kernel that gave it (src/kernel translates). Every map has a key function here, which says
// what makes two objects the same object; everything else about an object may change in place.

import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';

type LinkCommon = {
  readonly name: string;
  readonly up: boolean;
  readonly mtuBytes: number;
  readonly mac: Mac;
  /** IFLA_GROUP: tells our host veths from other links in nftables (`iifgroup`). */
  readonly group: number;
  /** IFLA_IFALIAS, for people; empty when there is none. */
  readonly alias: string;
  /** Name of the bridge that it is a port of: read, never set. */
  readonly master?: string;
};

/** A VXLAN device without group, learning or flooding: what it sends is in FDB and neighbours. */
export type VxlanLink = LinkCommon & {
  readonly kind: 'vxlan';
  readonly vni: number;
  readonly portNumber: number;
  /** Source address of the outer packets; its family is the underlay's. */
  readonly local: Ip;
  /** Name of the underlay link, or '' when the device is bound to none. */
  readonly underlay: string;
  readonly learning: boolean;
  readonly gbp: boolean;
  /** Outer UDP checksum over IPv4 (IFLA_VXLAN_UDP_CSUM); over IPv6 it is always there. */
  readonly udpChecksum: boolean;
};

export type VethPeer = {
  readonly name: string;
  readonly mac: Mac;
  readonly mtuBytes: number;
  /** Path of the namespace the other end is made in; only used when the pair is created. */
  readonly netns: string;
};

/** One end of a veth pair. `peer` is unknown (absent) when read back from the kernel. */
export type VethLink = LinkCommon & { readonly kind: 'veth'; readonly peer?: VethPeer };

/** What pods send passes through one on its way to its qdisc (drivers/net/ifb.c). */
export type IfbLink = LinkCommon & { readonly kind: 'ifb' };

/** Loopback, underlay interfaces and whatever else is there: read, never created. */
export type OtherLink = LinkCommon & { readonly kind: 'other'; readonly driver: string };

export type Link = VxlanLink | VethLink | IfbLink | OtherLink;

export type AddressScope = 'global' | 'link' | 'host';

export type Address = {
  readonly link: string;
  readonly address: Ip;
  readonly lengthBits: number;
  readonly scope: AddressScope;
  /** IFA_PROTO: 0 when the kernel (before 5.18) or the owner does not say. */
  readonly protocol: number;
  /** Why another address of the link would be a better source; absent: nothing against it. */
  readonly drawback?: AddressDrawback;
};

/**
 * `dynamic`: ends by itself, as of DHCP. `secondary`: in IPv4 not the first of its network, in IPv6
 * temporary (RFC 8981). `deprecated`: for old connections only. `tentative`: not usable (yet).
 */
export type AddressDrawback = 'dynamic' | 'secondary' | 'deprecated' | 'tentative' | 'duplicate';

/** A nexthop object (RTM_NEWNEXTHOP, kernel 5.3). Its numeric id is the adapter's business. */
export type Nexthop = {
  readonly link: string;
  readonly gateway: Ip;
  readonly onlink: boolean;
};

export type RouteVia =
  | { readonly kind: 'nexthop'; readonly link: string; readonly gateway: Ip }
  | {
      readonly kind: 'gateway';
      readonly link: string;
      readonly gateway: Ip;
      readonly onlink: boolean;
    }
  | { readonly kind: 'link'; readonly link: string }
  /** Each packet takes one of them (ECMP). */
  | { readonly kind: 'multipath'; readonly hops: readonly RouteHop[] }
  | { readonly kind: 'unreachable' };

/** One of several next hops; without a gateway the destination is on the link itself. */
export type RouteHop = {
  readonly link: string;
  readonly gateway?: Ip;
  readonly onlink: boolean;
  /** Its share among the others' weights, from 1 on. */
  readonly weight: number;
};

export type Route = {
  readonly destination: Cidr;
  readonly table: number;
  readonly metric: number;
  /** RTPROT_*: who made the route. */
  readonly protocol: number;
  readonly via: RouteVia;
  readonly source?: Ip;
  readonly mtuBytes?: number;
};

/** A permanent neighbour: ARP for IPv4, ND for IPv6. */
export type Neighbour = { readonly link: string; readonly address: Ip; readonly mac: Mac };

/** A permanent entry of a VXLAN device's forwarding database: frames to `mac` go to `remote`. */
export type FdbEntry = { readonly link: string; readonly mac: Mac; readonly remote: Ip };

export type Rule = {
  readonly family: Family;
  readonly priority: number;
  readonly mark: number;
  readonly markMask: number;
  readonly table: number;
};

/** A token bucket that bounds what a link sends. */
export type RateQdisc = {
  readonly kind: 'rate';
  readonly link: string;
  readonly bytesPerSecond: number;
  /** As the kernel tells it: nearly what was set, and of more than 275 s the rest. */
  readonly burstBytes: number;
  /** What may wait. */
  readonly limitBytes: number;
};

/** All that a link receives is led to another link, and comes back when that has sent it. */
export type RedirectQdisc = {
  readonly kind: 'redirect';
  readonly link: string;
  readonly to: string;
};

export type Qdisc = RateQdisc | RedirectQdisc;

/** Structure of our nftables table: all but the elements of its named sets. */
export type NftTable = {
  /** Hash of `text`; read back from the comments of the rules in the kernel. */
  readonly hash: string;
  /** The whole table as nft text; '' when read back, since listed rules do not round-trip. */
  readonly text: string;
  /** Somebody has switched all of its rules off; the hash is '' then. */
  readonly isDormant?: true;
};

export type KernelState = {
  readonly links: ReadonlyMap<string, Link>;
  readonly addresses: ReadonlyMap<string, Address>;
  readonly nexthops: ReadonlyMap<string, Nexthop>;
  readonly routes: ReadonlyMap<string, Route>;
  /**
   * BIRD's routes of the main table, by destination; of several to one the one that wins. They are
   * read alone: nothing is ever wanted in here, so that no op can come of them.
   */
  readonly birdRoutes: ReadonlyMap<Cidr, Route>;
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  readonly fdb: ReadonlyMap<string, FdbEntry>;
  readonly rules: ReadonlyMap<string, Rule>;
  /** Ours, by link and kind. */
  readonly qdiscs: ReadonlyMap<string, Qdisc>;
  /** Path below /proc/sys/net, as `ipv4/ip_forward` or `ipv4/conf/eth0/rp_filter` → value. */
  readonly sysctls: ReadonlyMap<string, string>;
  readonly nftTable?: NftTable;
  /** Elements of the named sets and maps (`KEY : DATA`) of our table, by the name of the set. */
  readonly nftSets: ReadonlyMap<string, ReadonlySet<string>>;
};

export const keyOfAddress = (a: Address): string => `${a.link} ${a.address}/${a.lengthBits}`;
export const keyOfNexthop = (n: { readonly link: string; readonly gateway: Ip }): string =>
  `${n.link} ${n.gateway}`;
/** The kernel's own identity of a route: two with the same key cannot stand side by side. */
export const keyOfRoute = (r: Pick<Route, 'table' | 'destination' | 'metric'>): string =>
  `${r.table} ${r.destination} ${r.metric}`;
/** Names of the links that it leads over. */
export function linksOf(via: RouteVia): readonly string[] {
  if (via.kind === 'unreachable') return [];
  return via.kind === 'multipath' ? via.hops.map(({ link }) => link) : [via.link];
}
export const keyOfNeighbour = (n: Pick<Neighbour, 'link' | 'address'>): string =>
  `${n.link} ${n.address}`;
export const keyOfFdbEntry = (e: Pick<FdbEntry, 'link' | 'mac'>): string => `${e.link} ${e.mac}`;
export const keyOfRule = (r: Rule): string =>
  `${r.family} ${r.priority} ${r.mark}/${r.markMask} ${r.table}`;

export const keyOfQdisc = (q: Pick<Qdisc, 'link' | 'kind'>): string => `${q.link} ${q.kind}`;

export const EMPTY_STATE: KernelState = {
  links: new Map(),
  addresses: new Map(),
  nexthops: new Map(),
  routes: new Map(),
  birdRoutes: new Map(),
  neighbours: new Map(),
  fdb: new Map(),
  rules: new Map(),
  qdiscs: new Map(),
  sysctls: new Map(),
  nftSets: new Map(),
};
