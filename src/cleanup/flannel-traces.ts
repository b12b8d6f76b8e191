// A node that goes back to Flannel while pods of Flannel are on it: what Flannel had in the kernel
// is put beside what is ours, before that goes, so that its pods lose nothing until Flannel runs
// again, which finds its device, keeps it, and writes all of this anew. Pure.

import type { Adoption, OldBridge } from '../desired/flannel-remains.ts';
import { adoptedDevices, FLANNEL_PROTOCOL, oldBridgeIn } from '../desired/flannel-remains.ts';
import { isSubnetRoute } from '../desired/own-subnets.ts';
import { cidrAddress, cidrFamily } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Adopted } from '../state/adopted.ts';
import type { KernelState, Route } from '../state/kernel-state.ts';
import { keyOfNeighbour } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { MAIN_TABLE, OWN_METRIC, ownsRoute } from '../state/own.ts';

/** What the kernel gives routes without any: Flannel names none. */
const METRIC = { ipv4: 0, ipv6: 1024 } as const satisfies Record<Family, number>;

export type FlannelReturn = {
  readonly bridge: OldBridge;
  /** While devices have our names. */
  readonly first: readonly Op[];
  readonly renames: readonly Adoption[];
  /** By their names of before, when nothing of ours leads over them any more. */
  readonly last: readonly Op[];
};

/** Undefined where no pod of Flannel is left: then there is nothing to go back to. */
export function flannelReturn(state: KernelState): FlannelReturn | undefined {
  const { links, routes, neighbours } = state;
  const subnets = [...routes.values()].filter(isSubnetRoute).map((route) => route.destination);
  const bridge = oldBridgeIn(state, subnets);
  if (bridge === undefined) return undefined;
  const devices = adoptedDevices(links);
  const last = [...neighbours.values()].flatMap((value): readonly Op[] => {
    const link = devices.get(value.link)?.from;
    if (link === undefined || !value.address.startsWith('fe80:')) return [];
    return [{ verb: 'remove', object: 'neighbour', value: { ...value, link } }];
  });
  return {
    bridge,
    first: [
      ...[...devices].flatMap(([name, adopted]) => deviceBack(state, name, adopted)),
      ...[...routes.values()].flatMap((route) => routeBack(state, route, devices)),
    ],
    renames: [...devices].map(([name, { from }]) => ({ from: name, to: from, alias: '' })),
    last,
  };
}

/** Its address it has kept. */
function deviceBack({ links }: KernelState, name: string, { mtuBytes }: Adopted): readonly Op[] {
  const device = links.get(name);
  if (device === undefined || device.mtuBytes === mtuBytes) return [];
  return [{ verb: 'change', object: 'link', value: { ...device, mtuBytes } }];
}

function routeBack(
  { neighbours }: KernelState,
  route: Route,
  devices: ReadonlyMap<string, Adopted>,
): readonly Op[] {
  const { destination, table, metric, via } = route;
  const isToPeer = ownsRoute(route) && table === MAIN_TABLE && metric === OWN_METRIC;
  if (!isToPeer || (via.kind !== 'nexthop' && via.kind !== 'gateway')) return [];
  const { link } = via;
  const isTunnelled = devices.has(link);
  const gateway = isTunnelled ? cidrAddress(destination) : via.gateway;
  const back: Route = {
    destination,
    ...{ table, metric: METRIC[cidrFamily(destination)], protocol: FLANNEL_PROTOCOL },
    via: { kind: 'gateway', link, gateway, onlink: isTunnelled },
  };
  const mac = neighbours.get(keyOfNeighbour({ link, address: via.gateway }))?.mac;
  const isMissing = isTunnelled && mac !== undefined && gateway !== via.gateway;
  return [
    ...(isMissing
      ? [{ verb: 'add', object: 'neighbour', value: { link, address: gateway, mac } } as const]
      : []),
    { verb: 'add', object: 'route', value: back },
  ];
}
