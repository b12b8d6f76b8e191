// How large packets are, and what takes them: what pods send to a peer's pods is bounded by the
// routes in their namespaces, by the host's route to the peer and by the device that it leads over,
// and whoever sends more than these is told by his own node. What is larger than the underlay of
// either end, or than a veth end at the other, is dropped without a word.

import { vxlanOverheadBytes } from '../../src/backend/vxlan.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { cidrFamily } from '../../src/net/cidr.ts';
import type { Family } from '../../src/net/family.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { Route } from '../../src/state/kernel-state.ts';
import { keyOfRoute } from '../../src/state/kernel-state.ts';
import { MAIN_TABLE, OWN_METRIC, STANDBY_METRIC } from '../../src/state/own.ts';
import type { SimMachine, SimPod } from './machine.ts';

export const BIRD_METRIC = 32;
export const TOO_LARGE = 'packets of full size are larger than what takes them';

/** Why packets to a peer's subnet that get there when they are small would not; else undefined. */
export function losesLargeTo(from: SimMachine, to: SimMachine, subnet: Cidr): string | undefined {
  const family = cidrFamily(subnet);
  const routeBy = (metric: number): Route | undefined =>
    from.host.routes.get(keyOfRoute({ destination: subnet, table: MAIN_TABLE, metric }));
  const route = routeBy(OWN_METRIC) ?? routeBy(BIRD_METRIC) ?? routeBy(STANDBY_METRIC);
  if (route === undefined || (route.via.kind !== 'nexthop' && route.via.kind !== 'gateway')) {
    return undefined;
  }
  const { link } = route.via;
  const deviceBytes = from.host.links.get(link)?.mtuBytes ?? 0;
  const boundBytes = Math.min(deviceBytes, route.mtuBytes ?? deviceBytes);
  const sentBytes = Math.max(0, ...podsOf(from, family).map((pod) => sentBy(from, pod, family)));
  const receivedBytes = podsOf(to, family).map((pod) => receivedBy(to, pod));
  const takenBytes = Math.min(pathBytes(from, link, to), ...receivedBytes);
  return Math.min(sentBytes, boundBytes) > takenBytes ? TOO_LARGE : undefined;
}

/** The largest packet that gets from one machine to another by this link of the first. */
export function pathBytes(from: SimMachine, linkName: string, to: SimMachine): number {
  const link = from.host.links.get(linkName);
  if (link === undefined) return 0;
  const underlay = Math.min(underlayBytes(from), underlayBytes(to));
  if (link.kind !== 'vxlan') return underlay;
  return underlay - vxlanOverheadBytes(familyOf(link.local));
}

const underlayBytes = ({ host }: SimMachine): number => host.links.get('eth0')?.mtuBytes ?? 0;

const podsOf = ({ pods }: SimMachine, family: Family): SimPod[] =>
  [...pods.values()].filter(
    ({ state, addresses }) => state === 'up' && addresses.some((ip) => familyOf(ip) === family),
  );

function sentBy(machine: SimMachine, pod: SimPod, family: Family): number {
  const namespace = machine.podNamespace(pod.netns);
  const linkBytes = namespace?.links.get('eth0')?.mtuBytes ?? 0;
  const destination = (family === 'ipv4' ? '0.0.0.0/0' : '::/0') as Cidr;
  for (const route of namespace?.routes.values() ?? []) {
    if (route.destination === destination) return Math.min(linkBytes, route.mtuBytes ?? linkBytes);
  }
  return 0;
}

/** Of a pod that is not connected nobody can say anything. */
function receivedBy(machine: SimMachine, pod: SimPod): number {
  const namespace = machine.podNamespace(pod.netns);
  const end = namespace?.peers.get('eth0');
  const inside = namespace?.links.get('eth0')?.mtuBytes;
  const outside = end === undefined ? undefined : machine.host.links.get(end.name)?.mtuBytes;
  return Math.min(inside ?? Number.POSITIVE_INFINITY, outside ?? Number.POSITIVE_INFINITY);
}
