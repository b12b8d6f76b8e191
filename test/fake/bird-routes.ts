// What BIRD would have put into the kernel, for tests that have none.

import type { BirdRoutes } from '../../src/backend/bird-routes.ts';
import { birdRoutesOf } from '../../src/backend/bird-routes.ts';
import type { Advert } from '../../src/cluster/advert.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { Route, RouteVia } from '../../src/state/kernel-state.ts';
import { BIRD_PROTOCOL, MAIN_TABLE } from '../../src/state/own.ts';
import { advertOf, nodeOf } from './cluster.ts';

/** Of BIRD's protocol kernel, where nothing else is configured. */
const BIRD_METRIC = 32;

export const BY_ROUTER: RouteVia = {
  ...{ kind: 'gateway', link: 'eth0', gateway: '192.168.1.254' as Ip, onlink: false },
};

export const birdRoute = (
  destination: string,
  via: RouteVia = BY_ROUTER,
  changes: Partial<Route> = {},
): Route => ({
  destination: destination as Cidr,
  ...{ table: MAIN_TABLE, metric: BIRD_METRIC, protocol: BIRD_PROTOCOL, via },
  ...changes,
});

export const birdRoutes = (routes: readonly Route[]): BirdRoutes =>
  birdRoutesOf(new Map(routes.map((route) => [route.destination, route])), [
    '10.244.0.0/16' as Cidr,
    'fd00:10:244::/48' as Cidr,
  ]);

/** A node whose BIRD announces its subnets. */
export function speakerOf(
  number: number,
  { receives, ...rest }: Partial<Advert> = {},
  changes: Partial<ClusterNode> = {},
): ClusterNode {
  const advert = advertOf(number, rest);
  const bgp = advert.underlay.map((ip) => ({ family: familyOf(ip) }));
  return nodeOf(number, {
    advert: { ...advert, receives: { ...advert.receives, bgp, ...receives } },
    ...changes,
  });
}
