// What the chosen paths are as kernel objects, and what the node's advert says of them. A path in
// use is a route to each of the peer's subnets; one that is being tested is there beside it with
// all that it needs, and its route is in the table that only marked packets look into. Pure.

import type { OwnPlan } from '../backend/backend.ts';
import type { PathName, VxlanId } from '../cluster/advert.ts';
import type { ClusterNode } from '../cluster/node.ts';
import { reachOf } from '../cluster/reach.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrAddress, hostCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Route, RouteVia } from '../state/kernel-state.ts';
import { keyOfRoute } from '../state/kernel-state.ts';
import { MAIN_TABLE, OWN_METRIC, OWN_PROTOCOL, PROBE_MARK, PROBE_TABLE } from '../state/own.ts';
import { isBirdPlan, probeVia } from './bird-path.ts';
import type { Local } from './desired.ts';
import { vtepOf } from './kept-path.ts';
import { peerFamilyKey, plainMtu, routeMtu } from './path-mtu.ts';
import type { ChosenPath, PathMemory, PeerPath } from './paths.ts';
import { copyIn, standbyRoutes } from './standby.ts';
import type { StateBuilder } from './state-builder.ts';

export function addPath(
  builder: StateBuilder,
  chosen: ChosenPath,
  { sources, local }: { readonly sources: readonly Ip[]; readonly local: Local },
): void {
  const { option, tested, target, besides } = chosen;
  const source = sources.find((ip) => familyOf(ip) === target.family);
  const lacking = option !== undefined && isBirdPlan(option.plan) ? option.plan.lacking : undefined;
  const own = lacking === undefined ? option : besides;
  const destinations = lacking ?? target.subnets;
  // Where there is nothing of ours above, packets go by BIRD's routes.
  if (option !== undefined && isBirdPlan(option.plan)) {
    const standby = { local, source, isLeft: option.plan.isCopy === true };
    for (const route of standbyRoutes(target, standby)) builder.route(route);
  }
  if (own !== undefined && !isBirdPlan(own.plan) && destinations.length > 0) {
    addPlan(builder, own.plan, local);
    const way = { table: MAIN_TABLE, via: viaOf(own.plan, local), source };
    const mtuBytes = routeMtu({ ...chosen, option: own }, local);
    for (const destination of destinations) {
      const route = routeTo(destination, way);
      builder.route(mtuBytes === undefined ? route : { ...route, mtuBytes });
    }
  }
  const [subnet] = target.subnets;
  if (tested === undefined || subnet === undefined) return;
  const { plan } = tested;
  if (!isBirdPlan(plan)) addPlan(builder, plan, local);
  const destination = hostCidr(cidrAddress(subnet));
  const via = isBirdPlan(plan) ? probeVia(plan) : viaOf(plan, local);
  builder.route(routeTo(destination, { table: PROBE_TABLE, via, source }));
}

/** Written out, since thousands of them are made in each pass. */
function routeTo(
  destination: Cidr,
  { table, via, source }: { table: number; via: RouteVia; source: Ip | undefined },
): Route {
  const metric = OWN_METRIC;
  const protocol = OWN_PROTOCOL;
  return source === undefined
    ? { destination, table, metric, protocol, via }
    : { destination, table, metric, protocol, via, source };
}

function addPlan(builder: StateBuilder, plan: OwnPlan, local: Local): void {
  if (local.hasNexthopObjects) builder.nexthop(plan.nexthop);
  for (const neighbour of plan.neighbours) builder.neighbour(neighbour);
  for (const entry of plan.fdb) builder.fdb(entry);
}

const viaOf = ({ nexthop }: OwnPlan, local: Local): RouteVia =>
  local.hasNexthopObjects
    ? { kind: 'nexthop', link: nexthop.link, gateway: nexthop.gateway }
    : { kind: 'gateway', ...nexthop };

/**
 * Marked packets take the path that is being tested; where none is, they go like all others. The
 * rule comes with the first path that is tested, since any rule costs each packet of the node a
 * second look-up, and stays: of a namespace that has had one, the kernel keeps `local` and `main`
 * apart (`fib_has_custom_rules` of net/ipv4/fib_rules.c is never taken back).
 */
export function addProbeRules(
  builder: StateBuilder,
  chosen: readonly ChosenPath[],
  { families, had }: { readonly families: readonly Family[]; readonly had: ReadonlySet<Family> },
): void {
  const tested = chosen.flatMap((path) => (path.tested === undefined ? [] : [path.target.family]));
  const needed = new Set([...tested, ...had]);
  const mark = { mark: PROBE_MARK, markMask: PROBE_MARK };
  for (const family of families) {
    if (!needed.has(family)) continue;
    builder.rule({ family, priority: PROBE_TABLE, ...mark, table: PROBE_TABLE });
  }
}

export function sendsBy(chosen: readonly ChosenPath[]): PathName[] {
  const names = new Set<PathName>();
  for (const { option, besides } of chosen) {
    if (option !== undefined) names.add(option.name);
    if (besides !== undefined) names.add(besides.name);
  }
  return [...names].sort();
}

export function sendsVxlanBy(chosen: readonly ChosenPath[]): VxlanId[] {
  const ids = new Map<string, VxlanId>();
  for (const { option, besides } of chosen) {
    const network = option?.network ?? besides?.network;
    if (network === undefined) continue;
    const { vni, portNumber: port } = network;
    ids.set(`${vni} ${port}`, { vni, port });
  }
  return [...ids.values()].sort((a, b) => a.vni - b.vni || a.port - b.port);
}

export const pathMemory = (
  { routes, neighbours, fdb, verdicts, underlayMtus, birdPeers }: Local,
  nodes: ReadonlyMap<string, ClusterNode>,
): PathMemory => ({
  viaOf: (destination) =>
    routes.get(keyOfRoute({ destination, table: MAIN_TABLE, metric: OWN_METRIC }))?.via,
  copyTo: (destination) => copyIn(routes, destination),
  vtepOf: (via) => vtepOf(via, { neighbours, fdb }),
  verdictOf: (key) => verdicts.get(key) ?? 'untried',
  isByBird: ({ peer, family }) =>
    birdPeers === undefined || birdPeers.has(peerFamilyKey({ peer: peer.name, family })),
  isHopeless: (key) => verdicts.isHopeless?.(key) === true,
  receiveBytesOf: (target) => plainMtu(target, underlayMtus),
  isSaid: (ip) => [...nodes.values()].some((node) => reachOf(node)?.underlay.includes(ip) === true),
});

/** Whom the node sends to by BIRD's routes. */
export const birdPeersIn = (paths: readonly PeerPath[]): ReadonlySet<string> =>
  new Set(paths.flatMap((path) => (path.used === 'bgp' ? [peerFamilyKey(path)] : [])));

export function usedLinks({ routes, vxlanDevices }: Local): ReadonlySet<string> {
  const devices = new Set(vxlanDevices.map(({ name }) => name));
  const used = new Set<string>();
  if (devices.size === 0) return used;
  for (const { via, table } of routes.values()) {
    const leadsToPeer = via.kind === 'nexthop' || via.kind === 'gateway';
    if (leadsToPeer && table === MAIN_TABLE && devices.has(via.link)) used.add(via.link);
  }
  return used;
}
