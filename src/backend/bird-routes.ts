// Which of BIRD's routes leads to a subnet, as the kernel would find it: the longest prefix. Those
// that are wider than the network of pods say nothing of any pod, a default route least of all.
// Pure, and made for thousands of subnets to which there mostly is a route of their own.

import type { Cidr } from '../net/cidr.ts';
import { cidrAddress, cidrFamily, cidrLengthBits, containsCidr, networkOf } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import type { Route } from '../state/kernel-state.ts';
import { linksOf } from '../state/kernel-state.ts';

export type BirdRoutes = {
  readonly byDestination: ReadonlyMap<Cidr, Route>;
  /** Names of the links that they lead over. */
  readonly links: readonly string[];
  /** Lengths of prefixes that there are, the longest first. */
  readonly lengthsBits: Readonly<Record<Family, readonly number[]>>;
};

export const NO_BIRD_ROUTES: BirdRoutes = {
  byDestination: new Map(),
  links: [],
  lengthsBits: { ipv4: [], ipv6: [] },
};

export function birdRoutesOf(
  routes: ReadonlyMap<Cidr, Route>,
  networks: readonly Cidr[],
): BirdRoutes {
  if (routes.size === 0) return NO_BIRD_ROUTES;
  const byDestination = new Map<Cidr, Route>();
  const links = new Set<string>();
  const lengths = { ipv4: new Set<number>(), ipv6: new Set<number>() };
  for (const [destination, route] of routes) {
    if (!networks.some((network) => containsCidr(network, destination))) continue;
    byDestination.set(destination, route);
    for (const link of linksOf(route.via)) if (link !== '') links.add(link);
    lengths[cidrFamily(destination)].add(cidrLengthBits(destination));
  }
  const sorted = FAMILIES.map((family) => [family, [...lengths[family]].sort((a, b) => b - a)]);
  const lengthsBits = Object.fromEntries(sorted) as BirdRoutes['lengthsBits'];
  return { byDestination, links: [...links], lengthsBits };
}

export function birdRouteTo(routes: BirdRoutes, subnet: Cidr): Route | undefined {
  const exact = routes.byDestination.get(subnet);
  return exact !== undefined || routes.byDestination.size === 0
    ? exact
    : widerBirdRouteTo(routes, subnet);
}

/** What would lead there without a route to the subnet itself. */
export function widerBirdRouteTo(
  { byDestination, lengthsBits }: BirdRoutes,
  subnet: Cidr,
): Route | undefined {
  const ownBits = cidrLengthBits(subnet);
  for (const bits of lengthsBits[cidrFamily(subnet)]) {
    if (bits >= ownBits) continue;
    const wider = byDestination.get(networkOf(cidrAddress(subnet), bits));
    if (wider !== undefined) return wider;
  }
  return undefined;
}
