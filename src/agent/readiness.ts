// What a CNI call is answered by, from the last pass: the subnets that new pods may have addresses
// of, and their MTU. Whether the node is ready at all is decided in verdict.ts. Pure.

import type { NodeReadiness, WhenFull } from '../cni/node-network.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrAddress } from '../net/cidr.ts';
import type { LastPass } from './reconciler.ts';

type Given = {
  readonly isGiven: (subnet: Cidr) => boolean;
  readonly whenFull: WhenFull;
  /** Why pods would reach less than they should. */
  readonly limit: string | undefined;
};

export function readinessBy(
  { desired }: LastPass,
  { isGiven, whenFull, limit }: Given,
): NodeReadiness {
  const { podMtuBytes } = desired;
  const subnets = desired.ownSubnets.filter(isGiven);
  const network = {
    subnets,
    sources: subnets.map(cidrAddress),
    whenFull,
    linkMtuBytes: podMtuBytes.link,
    routeMtuBytes: podMtuBytes.route,
  };
  return limit === undefined
    ? { kind: 'ready', network }
    : { kind: 'degraded', network, reason: limit };
}
