// The route lookup of the fake kernel: local addresses first, then the longest prefix of the main
// table and of the links' own networks.

import type { Cidr } from '../../src/net/cidr.ts';
import { cidrLengthBits, contains, networkOf } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { Route, RouteVia } from '../../src/state/kernel-state.ts';
import { MAIN_TABLE } from '../../src/state/own.ts';
import type { RouteLookup } from '../../src/state/route-lookup.ts';
import type { FakeNamespace } from './namespace.ts';

type Candidate = {
  readonly destination: Cidr;
  readonly metric: number;
  readonly via: RouteVia;
  readonly source?: Ip;
};

export function lookUp(namespace: FakeNamespace, ip: Ip): RouteLookup {
  if (namespace.hasAddress(ip)) return { kind: 'local' };
  const [best] = candidates(namespace)
    .filter(({ destination }) => contains(destination, ip))
    .sort(
      (a, b) =>
        cidrLengthBits(b.destination) - cidrLengthBits(a.destination) || a.metric - b.metric,
    );
  if (best === undefined || best.via.kind === 'unreachable') return { kind: 'unreachable' };
  const { link } = best.via;
  const source = best.source ?? sourceOn(namespace, link, ip);
  const from = source === undefined ? {} : { source };
  return best.via.kind === 'link'
    ? { kind: 'onlink', link, ...from }
    : { kind: 'gateway', link, gateway: best.via.gateway, ...from };
}

function candidates(namespace: FakeNamespace): Candidate[] {
  const routes: Candidate[] = [...namespace.routes.values()].filter(
    ({ table }: Route) => table === MAIN_TABLE,
  );
  for (const { link, address, lengthBits } of namespace.addresses.values()) {
    if (namespace.links.get(link)?.up !== true) continue;
    const destination = networkOf(address, lengthBits);
    const metric = familyOf(address) === 'ipv6' ? 256 : 0;
    routes.push({ destination, metric, via: { kind: 'link', link }, source: address });
  }
  return routes;
}

/** The first address of the link that is of the destination's family. */
function sourceOn(namespace: FakeNamespace, link: string, ip: Ip): Ip | undefined {
  for (const address of namespace.addresses.values()) {
    if (address.link === link && familyOf(address.address) === familyOf(ip)) return address.address;
  }
  return undefined;
}
