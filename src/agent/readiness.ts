// What a CNI call is answered by, from the last pass: the subnets that new pods may have addresses
// of, and their MTU. Whether the node is ready at all is decided in verdict.ts. Pure.

import type { NodeReadiness, WhenFull } from '../cni/node-network.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrAddress } from '../net/cidr.ts';
import type { Tracks } from './path-track.ts';
import type { LastPass } from './reconciler.ts';
import { limitOf } from './verdict.ts';

type Given = {
  readonly isGiven: (subnet: Cidr) => boolean;
  readonly stock: { readonly whenFull: WhenFull };
  readonly prober: { readonly tracks: Tracks };
};

export function readinessBy(pass: LastPass, { isGiven, stock, prober }: Given): NodeReadiness {
  const { desired } = pass;
  const { podMtuBytes } = desired;
  const limit = limitOf(pass, prober.tracks);
  const subnets = desired.ownSubnets.filter(isGiven);
  const network = {
    subnets,
    sources: subnets.map(cidrAddress),
    whenFull: stock.whenFull,
    linkMtuBytes: podMtuBytes.link,
    routeMtuBytes: podMtuBytes.route,
  };
  return limit === undefined
    ? { kind: 'ready', network }
    : { kind: 'degraded', network, reason: limit };
}
