// The kernel's way to the addresses at which peers are reached, asked once until links, addresses
// or routes of others change. Of a family of which this node has no address only those are asked
// to which it sends by now, since the path in use stays. Decides nothing.

import type { Remembered, Synced } from '../cluster/cluster.ts';
import { reachOf } from '../cluster/reach.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { KernelState } from '../state/kernel-state.ts';
import { MAIN_TABLE, ownsLink, ownsRoute } from '../state/own.ts';
import type { RouteLookup } from '../state/route-lookup.ts';

export type PeersQuestion = {
  readonly cluster: Synced | Remembered;
  readonly nodeName: string;
  /** Of which this node has an address for its peers. */
  readonly families: readonly Family[];
  /** Those that are served. */
  readonly served: readonly Family[];
  readonly routes: KernelState['routes'];
};

export class PeerLookups {
  readonly #kernel: Pick<Kernel, 'lookUp'>;
  #known: Map<Ip, RouteLookup> | undefined;

  constructor(kernel: Pick<Kernel, 'lookUp'>) {
    this.#kernel = kernel;
  }

  forget(): void {
    this.#known = undefined;
  }

  of(question: PeersQuestion): ReadonlyMap<Ip, RouteLookup> {
    this.#known ??= new Map();
    const unknown = unknownOf(question, this.#known);
    if (unknown.length === 0) return this.#known;
    // Thousands of peers behind one gateway have one answer, which is kept once.
    const answers = new Map<string, RouteLookup>();
    for (const [ip, found] of this.#kernel.lookUp(unknown)) {
      const text = JSON.stringify(found);
      const answer = answers.get(text) ?? found;
      answers.set(text, answer);
      this.#known.set(ip, answer);
    }
    return this.#known;
  }
}

function unknownOf(
  { cluster, nodeName, families, served, routes }: PeersQuestion,
  known: ReadonlyMap<Ip, RouteLookup>,
): readonly Ip[] {
  const unknown: Ip[] = [];
  let isSomebodyNowhere = served.some((family) => !families.includes(family));
  for (const node of cluster.nodes.values()) {
    if (node.name === nodeName) continue;
    const underlay = reachOf(node)?.underlay ?? [];
    isSomebodyNowhere ||= node.advert !== undefined && underlay.length < served.length;
    for (const ip of underlay) {
      if (families.includes(familyOf(ip)) && !known.has(ip)) unknown.push(ip);
    }
  }
  if (!isSomebodyNowhere) return unknown;
  return [...unknown, ...gatewaysInUse(routes).filter((ip) => !known.has(ip))];
}

/** Of peers that are sent to as they are, without any wrapping. */
function gatewaysInUse(routes: KernelState['routes']): readonly Ip[] {
  const gateways = new Set<Ip>();
  for (const route of routes.values()) {
    const { via, table } = route;
    if (table !== MAIN_TABLE || !ownsRoute(route)) continue;
    if (via.kind !== 'nexthop' && via.kind !== 'gateway') continue;
    if (!ownsLink(via.link)) gateways.add(via.gateway);
  }
  return [...gateways];
}
