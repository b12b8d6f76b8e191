// bgp: a peer's subnets are reached by the routes that BIRD has learned and put into the kernel,
// unwrapped, over whatever routers there are. This agent makes no route then: BIRD's stand below
// its own (metric 32 and 16), so that taking the own ones away is the switch, and putting them back
// is the other. It never touches what BIRD has made, nor copies it to where it would outlive BIRD.
//
// A packet's way: route 10.244.2.0/24 via 192.168.1.12 (or a router) dev eth0 proto bird; the peer
// forwards it to its pod.

import type { BgpConfig } from '../config/config.ts';
import { FAMILIES } from '../net/family.ts';
import type { Route } from '../state/kernel-state.ts';
import type { Backend, PathOffer } from './backend.ts';
import { birdRouteTo } from './bird-routes.ts';

export const bgp: Backend<Pick<BgpConfig, 'type'>> = {
  name: 'bgp',

  receive({ local: { bird, underlays } }) {
    if (bird?.isConfirmed !== true) return { links: [], receives: {} };
    const { as } = bird;
    // Who translates addresses would not know what to do with packets to pods.
    const families = FAMILIES.filter((family) =>
      underlays.some((by) => by.family === family && by.publicAddress === undefined),
    );
    if (families.length === 0) return { links: [], receives: {} };
    const receivers = families.map((family) => (as === undefined ? { family } : { family, as }));
    return { links: [], receives: { bgp: receivers } };
  },

  offer({ local }, { peer, reach, family, subnets }): PathOffer {
    if (reach === undefined) {
      return { kind: 'unusable', reason: `${peer.name} has published no advert` };
    }
    if (local.bird?.isConfirmed !== true && local.birdRoutes.byDestination.size === 0) {
      return {
        kind: 'unusable',
        reason: 'no BIRD of this node works by a confirmed configuration',
      };
    }
    if (!reach.bgp.includes(family)) {
      return { kind: 'unusable', reason: `${peer.name} does not receive bgp over ${family}` };
    }
    const routes = subnets.map((subnet) => ({
      subnet,
      route: birdRouteTo(local.birdRoutes, subnet),
    }));
    const [first] = routes;
    if (first?.route === undefined) {
      return { kind: 'unusable', reason: `BIRD has no route to ${first?.subnet} of ${peer.name}` };
    }
    const dead = routes.find(({ route }) => route !== undefined && !leadsSomewhere(route));
    if (dead !== undefined) {
      const reason = `BIRD's route to ${dead.subnet} of ${peer.name} leads nowhere`;
      return { kind: 'unusable', reason };
    }
    const lacking = routes.flatMap(({ subnet, route }) => (route === undefined ? [subnet] : []));
    return { kind: 'usable', plan: { birdRoute: first.route, lacking } };
  },
};

/** A blackhole is read as a route to no link, as are forms that nobody can copy for a probe. */
function leadsSomewhere({ via }: Route): boolean {
  if (via.kind === 'unreachable') return false;
  return via.kind === 'multipath' ? via.hops.length > 0 : via.link !== '';
}
