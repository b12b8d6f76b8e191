// What of Flannel is in the kernel of a node that moves to Poplin, known by its form: the VXLAN
// devices that can be ours from now on, the bridge whose pods go on, and the routes to peers that
// ours take the place of. Pure; what is done about it is in src/agent/flannel-move.ts.

import { vxlanLinkName } from '../backend/vxlan.ts';
import type { ClusterNode } from '../cluster/node.ts';
import { reachOf } from '../cluster/reach.ts';
import type { Config } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import { addressAt, cidrAddress, networkOf } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Adopted } from '../state/adopted.ts';
import { adoptedAlias, adoptedFrom } from '../state/adopted.ts';
import type { KernelState, Link, Route } from '../state/kernel-state.ts';
import { keyOfRoute } from '../state/kernel-state.ts';
import { isPodLink, MAIN_TABLE, OWN_METRIC, ownsLink, ownsRoute } from '../state/own.ts';

/** RTPROT_BOOT of linux/rtnetlink.h, which Flannel's routes have for want of another. */
export const FLANNEL_PROTOCOL = 3;

/** A device that is to be renamed, and what its alias is to say. */
export type Adoption = { readonly from: string; readonly to: string; readonly alias: string };

/** The bridge of pods that Flannel's plugin has attached. */
export type OldBridge = {
  readonly link: string;
  /** Own subnets that its pods take for a network segment. */
  readonly subnets: readonly Cidr[];
  /** Names of the host ends of its pods. */
  readonly ports: readonly string[];
};

const DEVICE = /^flannel(?:-v6)?\.(\d+)$/;
/** As Flannel's conflist leaves it to the plugin bridge. */
const BRIDGE = 'cni0';

/** Its addresses are inside the pods' network, and that is no mistake. */
export const isOfFlannel = (link: Link): boolean =>
  (link.kind === 'vxlan' && DEVICE.test(link.name)) || isBridge(link);

const isBridge = (link: Link | undefined): boolean =>
  link?.kind === 'other' && link.driver === 'bridge' && link.name === BRIDGE;

/**
 * Flannel's devices of the VNI and port that this node is to work by. One that is to go by host-gw
 * has none: it keeps the one that its own annotations name, for what others still send.
 */
export function adoptionsIn(
  links: ReadonlyMap<string, Link>,
  { backend }: Pick<Config, 'backend'>,
  self: ClusterNode | undefined,
): readonly Adoption[] {
  return [...links.values()].flatMap((link) => {
    const vni = Number(DEVICE.exec(link.name)?.[1]);
    if (link.kind !== 'vxlan' || link.vni !== vni) return [];
    const isNamed = self?.flannel?.vxlan.some((own) => own.vni === vni && own.mac === link.mac);
    const isWanted =
      backend.type === 'host-gw'
        ? isNamed === true
        : backend.vni === vni && backend.portNumber === link.portNumber;
    const to = vxlanLinkName(familyOf(link.local), vni);
    if (!isWanted || links.has(to)) return [];
    const { name: from, mtuBytes, underlay } = link;
    const alias = adoptedAlias(`poplin VXLAN over ${underlay}`, { from, mtuBytes });
    return [{ from, to, alias }];
  });
}

/** By its address, which is the first one of a subnet of this node. */
export function oldBridgeIn(
  { links, addresses }: Pick<KernelState, 'links' | 'addresses'>,
  ownSubnets: readonly Cidr[],
): OldBridge | undefined {
  const bridge = links.get(BRIDGE);
  if (bridge === undefined || !isBridge(bridge) || !bridge.up) return undefined;
  const subnets = [...addresses.values()].flatMap(({ link, address, lengthBits }) => {
    const subnet = networkOf(address, lengthBits);
    const isFirst = link === BRIDGE && addressAt(subnet, 1n) === address;
    return isFirst && ownSubnets.includes(subnet) ? [subnet] : [];
  });
  if (subnets.length === 0) return undefined;
  const ports = [...links.values()].flatMap(({ name, master }) => (master === BRIDGE ? name : []));
  return { link: BRIDGE, subnets, ports };
}

/** By their names of now. */
export const adoptedDevices = (links: ReadonlyMap<string, Link>): ReadonlyMap<string, Adopted> =>
  new Map(
    [...links.values()].flatMap((link) => {
      const adopted = ownsLink(link.name) ? adoptedFrom(link) : undefined;
      return adopted === undefined ? [] : [[link.name, adopted] as const];
    }),
  );

export type RouteOwners = {
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly ownSubnets: readonly Cidr[];
};

/**
 * Those of `routes`, which lead to pods, that are Flannel's and of no use any more: ours leads to
 * the same subnet, or no node has it. In IPv4 they hide ours by their metric.
 */
export function supersededRoutes(
  routes: readonly Route[],
  { routes: own, links }: Pick<KernelState, 'routes' | 'links'>,
  { nodes, ownSubnets }: RouteOwners,
): readonly Route[] {
  const adopted = adoptedDevices(links);
  const held = new Set<Cidr>([...nodes.values()].flatMap(({ subnets }) => subnets));
  const gateways = new Set<Ip>(
    [...nodes.values()].flatMap((node) => reachOf(node)?.underlay ?? []),
  );
  return routes.filter(({ destination, table, protocol, via }) => {
    const isSome = table === MAIN_TABLE && protocol === FLANNEL_PROTOCOL;
    if (!isSome || via.kind !== 'gateway' || ownSubnets.includes(destination)) return false;
    const isTunnelled = adopted.has(via.link) && via.gateway === cidrAddress(destination);
    if (!isTunnelled && !gateways.has(via.gateway)) return false;
    const ours = own.get(keyOfRoute({ table, destination, metric: OWN_METRIC }));
    return !held.has(destination) || (ours !== undefined && ownsRoute(ours));
  });
}

/** Of the node's own pods, for which the bridge has to answer one by one (IPv6 alone). */
export const proxiedAddresses = ({ routes }: Pick<KernelState, 'routes'>): ReadonlySet<Ip> =>
  new Set(
    [...routes.values()].flatMap((route) => {
      const { via, destination } = route;
      const address = cidrAddress(destination);
      const isPod = ownsRoute(route) && via.kind === 'link' && isPodLink(via.link);
      return isPod && familyOf(address) === 'ipv6' ? [address] : [];
    }),
  );
