// Where a peer is reached by BIRD's routes alone, each of them has a copy of ours below it, for the
// moments without BIRD's: a session that is restarted takes its routes along, and it lasts a pass
// until another path is there. It is above nothing of BIRD's: where BIRD has a wider route to fall
// back on, there is no copy. Pure.

import type { LocalNode, PeerTarget } from '../backend/backend.ts';
import { widerBirdRouteTo } from '../backend/bird-routes.ts';
import type { Ip } from '../net/ip.ts';
import type { Route } from '../state/kernel-state.ts';
import { MAIN_TABLE, OWN_PROTOCOL, STANDBY_METRIC } from '../state/own.ts';
import { probeVia } from './bird-path.ts';

export type Sender = {
  readonly local: Pick<LocalNode, 'birdRoutes'>;
  /** What packets of the node itself are sent from. */
  readonly source: Ip | undefined;
};

export function standbyRoutes(
  { subnets }: Pick<PeerTarget, 'subnets'>,
  { local: { birdRoutes }, source }: Sender,
): readonly Route[] {
  return subnets.flatMap((destination): readonly Route[] => {
    const birdRoute = birdRoutes.byDestination.get(destination);
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
