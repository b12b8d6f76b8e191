// How a node can be reached, whoever speaks for it: its advert, or where there is none Flannel's
// annotations and values, which name one backend alone and no VXLAN port, since all of Flannel's
// nodes read that from their configuration. Pure.

import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import type { PathName } from './advert.ts';
import type { ClusterNode } from './node.ts';

export type Reach = {
  /** Who says so, for messages: words that follow the node's name. */
  readonly speaker: 'advert' | 'flannel';
  readonly underlay: readonly Ip[];
  readonly vxlan: readonly {
    readonly family: Family;
    readonly vni: number;
    /** Absent: the one of our own configuration. */
    readonly port?: number;
    readonly mac: Mac;
  }[];
  readonly hostGw: readonly Family[];
  readonly bgp: readonly Family[];
};

const NONE: readonly Family[] = [];

/** `undefined`: nobody has said anything that can be understood. */
export function reachOf({ advert, flannel }: ClusterNode): Reach | undefined {
  if (advert !== undefined) {
    const { underlay, receives } = advert;
    const hostGw = receives['host-gw'].map(({ family }) => family);
    const bgp = receives.bgp?.map(({ family }) => family) ?? NONE;
    return { speaker: 'advert', underlay, vxlan: receives.vxlan, hostGw, bgp };
  }
  if (flannel === undefined) return undefined;
  const { publicIps, vxlan, backendType } = flannel;
  return {
    speaker: 'flannel',
    underlay: publicIps,
    vxlan: vxlan.map(({ publicIp, vni, mac }) => ({ family: familyOf(publicIp), vni, mac })),
    hostGw: backendType.toLowerCase() === 'host-gw' ? publicIps.map(familyOf) : [],
    bgp: NONE,
  };
}

/** Nodes that Flannel alone speaks for. */
export const isFlannelNode = (node: ClusterNode): boolean =>
  node.advert === undefined && node.flannel !== undefined;

/** The same lists for thousands of peers. */
const RECEIVES: readonly (readonly PathName[])[] = [
  [],
  ['vxlan'],
  ['host-gw'],
  ['vxlan', 'host-gw'],
  ['bgp'],
  ['vxlan', 'bgp'],
  ['host-gw', 'bgp'],
  ['vxlan', 'host-gw', 'bgp'],
];

/** By which backends a node says that it can be reached. */
export function receivedBy(reach: Reach | undefined, family: Family): readonly PathName[] {
  const vxlan = reach?.vxlan.some((receiver) => receiver.family === family) === true ? 1 : 0;
  const hostGw = reach?.hostGw.includes(family) === true ? 2 : 0;
  const bgp = reach?.bgp.includes(family) === true ? 4 : 0;
  return RECEIVES[vxlan + hostGw + bgp] ?? [];
}
