// What a node has for its own subnets, whatever its pods. The subnet address on `lo` outlives every
// device. The unreachable route, below the pods' own routes, keeps packets to pods that are gone
// from leaving by the default route and coming back. Pure.

import type { Cidr } from '../net/cidr.ts';
import { cidrAddress, cidrFamily } from '../net/cidr.ts';
import { ADDRESS_BITS } from '../net/family.ts';
import type { Route } from '../state/kernel-state.ts';
import { MAIN_TABLE, OWN_METRIC, OWN_PROTOCOL, ownsLink, ownsRoute } from '../state/own.ts';
import type { OldBridge } from './flannel-remains.ts';
import type { StateBuilder } from './state-builder.ts';

/**
 * While pods of Flannel are behind a bridge, the rest of the subnet is there. In IPv4 the bridge's
 * own route comes first anyhow; in IPv6 its metric is larger than ours.
 */
export function addOwnSubnets(
  builder: StateBuilder,
  ownSubnets: readonly Cidr[],
  oldBridge: OldBridge | undefined,
): void {
  for (const subnet of ownSubnets) {
    builder.address({
      link: 'lo',
      address: cidrAddress(subnet),
      lengthBits: ADDRESS_BITS[cidrFamily(subnet)],
      scope: 'global',
      protocol: OWN_PROTOCOL,
    });
    const link = oldBridge?.subnets.includes(subnet) === true ? oldBridge.link : undefined;
    builder.route({
      destination: subnet,
      ...{ table: MAIN_TABLE, metric: OWN_METRIC, protocol: OWN_PROTOCOL },
      via: link === undefined ? { kind: 'unreachable' } : { kind: 'link', link },
    });
  }
}

/** By which an agent without any memory finds the subnets that were held. */
export function isSubnetRoute(route: Route): boolean {
  const { via, table, metric } = route;
  if (!ownsRoute(route)) return false;
  if (via.kind === 'unreachable') return true;
  const isOfUs = table === MAIN_TABLE && metric === OWN_METRIC;
  return isOfUs && via.kind === 'link' && !ownsLink(via.link);
}
