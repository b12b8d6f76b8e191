// Where a peer is reached by BIRD's routes alone, each of them has a copy of ours below it, for the
// time without BIRD's: a session that is restarted takes its routes along, and a BIRD that stays
// away leaves a node that still passes packets on. The copy goes when another path has answered. It
// is above nothing of BIRD's: where BIRD has a wider route to fall back on, there is no copy. Pure.

import type { LocalNode, PeerTarget } from '../backend/backend.ts';
import { widerBirdRouteTo } from '../backend/bird-routes.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { KernelState, Route } from '../state/kernel-state.ts';
import { keyOfRoute } from '../state/kernel-state.ts';
import { MAIN_TABLE, OWN_PROTOCOL, STANDBY_METRIC } from '../state/own.ts';
import { probeVia } from './bird-path.ts';

export type Sender = {
  readonly local: Pick<LocalNode, 'birdRoutes'> & Pick<KernelState, 'routes'>;
  /** What packets of the node itself are sent from. */
  readonly source: Ip | undefined;
  /** BIRD's route to the first subnet is gone, and the copy is the path in use. */
  readonly isLeft: boolean;
};

export function standbyRoutes(
  { subnets }: Pick<PeerTarget, 'subnets'>,
  { local: { birdRoutes, routes }, source, isLeft }: Sender,
): readonly Route[] {
  return subnets.flatMap((destination): readonly Route[] => {
    const left = isLeft ? copyIn(routes, destination) : undefined;
    const birdRoute = birdRoutes.byDestination.get(destination) ?? left;
    if (birdRoute === undefined) return [];
    if (widerBirdRouteTo(birdRoutes, destination) !== undefined) return [];
    const { mtuBytes } = birdRoute;
    const route: Route = {
      ...{ destination, table: MAIN_TABLE, metric: STANDBY_METRIC, protocol: OWN_PROTOCOL },
      via: probeVia({ birdRoute }),
      ...(source === undefined ? {} : { source }),
      ...(mtuBytes === undefined ? {} : { mtuBytes }),
    };
    return [route];
  });
}

/** What the kernel has of them. */
export const copyIn = (routes: KernelState['routes'], destination: Cidr): Route | undefined =>
  routes.get(keyOfRoute({ destination, table: MAIN_TABLE, metric: STANDBY_METRIC }));
