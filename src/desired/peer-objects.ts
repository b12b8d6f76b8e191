// What the chosen paths are as kernel objects, and what the node's advert says of them. A path in
// use is a route to each of the peer's subnets; one that is being tested is there beside it with
// all that it needs, and its route is in the table that only marked packets look into. Pure.

import type { PathPlan } from '../backend/backend.ts';
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
import type { Local } from './desired.ts';
import { vtepOf } from './kept-path.ts';
import { routeMtu } from './path-mtu.ts';
import type { ChosenPath, PathMemory, PeerPath } from './paths.ts';
import type { StateBuilder } from './state-builder.ts';

export function addPath(
  builder: StateBuilder,
  chosen: ChosenPath,
  { sources, local }: { readonly sources: readonly Ip[]; readonly local: Local },
): void {
  const { option, tested, target } = chosen;
  const source = sources.find((ip) => familyOf(ip) === target.family);
  if (option !== undefined) {
    addPlan(builder, option.plan, local);
    const way = { table: MAIN_TABLE, via: viaOf(option.plan, local), source };
    const mtuBytes = routeMtu(chosen, local);
    for (const destination of target.subnets) {
      const route = routeTo(destination, way);
      builder.route(mtuBytes === undefined ? route : { ...route, mtuBytes });
    }
  }
  const [subnet] = target.subnets;
  if (tested === undefined || subnet === undefined) return;
  addPlan(builder, tested.plan, local);
  const destination = hostCidr(cidrAddress(subnet));
  const via = viaOf(tested.plan, local);
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

function addPlan(builder: StateBuilder, plan: PathPlan, local: Local): void {
  if (local.hasNexthopObjects) builder.nexthop(plan.nexthop);
  for (const neighbour of plan.neighbours) builder.neighbour(neighbour);
  for (const entry of plan.fdb) builder.fdb(entry);
}

const viaOf = ({ nexthop }: PathPlan, local: Local): RouteVia =>
  local.hasNexthopObjects
    ? { kind: 'nexthop', link: nexthop.link, gateway: nexthop.gateway }
    : { kind: 'gateway', ...nexthop };

/** Marked packets take the path that is being tested; where none is, they go like all others. */
export function addProbeRule(builder: StateBuilder, family: Family): void {
  const mark = { mark: PROBE_MARK, markMask: PROBE_MARK };
  builder.rule({ family, priority: PROBE_TABLE, ...mark, table: PROBE_TABLE });
}

export function sendsBy(paths: readonly PeerPath[]): PathName[] {
  const names = new Set<PathName>();
  for (const { used } of paths) if (used !== 'none') names.add(used);
  return [...names].sort();
}

export function sendsVxlanBy(chosen: readonly ChosenPath[]): VxlanId[] {
  const ids = new Map<string, VxlanId>();
  for (const { option } of chosen) {
    if (option?.network === undefined) continue;
    const { vni, portNumber: port } = option.network;
    ids.set(`${vni} ${port}`, { vni, port });
  }
  return [...ids.values()].sort((a, b) => a.vni - b.vni || a.port - b.port);
}

export const pathMemory = (
  { routes, neighbours, fdb, verdicts }: Local,
  nodes: ReadonlyMap<string, ClusterNode>,
): PathMemory => ({
  viaOf: (destination) =>
    routes.get(keyOfRoute({ destination, table: MAIN_TABLE, metric: OWN_METRIC }))?.via,
  vtepOf: (via) => vtepOf(via, { neighbours, fdb }),
  verdictOf: (key) => verdicts.get(key) ?? 'untried',
  isSaid: (ip) => [...nodes.values()].some((node) => reachOf(node)?.underlay.includes(ip) === true),
});

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
