// The route lookup of the fake kernel: local addresses first, then the longest prefix of the main
// table and of the links' own networks. The simulation walks thousands of packets through it, so
// the numbers behind prefixes are computed once for each namespace, and what was found is found
// again until a link, an address or a route changes.

import type { Cidr } from '../../src/net/cidr.ts';
import { cidrAddress, cidrLengthBits, cidrSize, networkOf } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf, ipToBigInt } from '../../src/net/ip.ts';
import type { RouteVia } from '../../src/state/kernel-state.ts';
import { MAIN_TABLE, PROBE_TABLE } from '../../src/state/own.ts';
import type { RouteLookup } from '../../src/state/route-lookup.ts';
import type { AddressRange, FakeNamespace } from './namespace.ts';

type Candidate = {
  readonly range: AddressRange;
  readonly metric: number;
  readonly via: RouteVia;
  readonly source?: Ip | undefined;
};

export function lookUp(namespace: FakeNamespace, ip: Ip): RouteLookup {
  const { links, addresses, routes, lookups } = namespace;
  const changes = links.changes + addresses.changes + routes.changes;
  if (lookups.changes !== changes) {
    lookups.changes = changes;
    lookups.found.clear();
  }
  const known = lookups.found.get(ip);
  if (known !== undefined) return known;
  const found = search(namespace, ip);
  lookups.found.set(ip, found);
  return found;
}

/** Of a packet with the probes' mark. */
export function lookUpProbe(namespace: FakeNamespace, ip: Ip): RouteLookup {
  for (const { table, destination, via } of namespace.routes.values()) {
    if (table !== PROBE_TABLE || cidrAddress(destination) !== ip) continue;
    return lookupBy(via);
  }
  return lookUp(namespace, ip);
}

function search(namespace: FakeNamespace, ip: Ip): RouteLookup {
  if (namespace.hasAddress(ip)) return { kind: 'local' };
  const best = bestRoute(namespace, ip);
  const found = best === undefined ? UNREACHABLE : lookupBy(best.via);
  if (found.kind === 'unreachable' || found.kind === 'local') return found;
  const source = best?.source ?? sourceOn(namespace, found.link, ip);
  return source === undefined ? found : { ...found, source };
}

const UNREACHABLE: RouteLookup = { kind: 'unreachable' };

/** Of several nexthops the first: all packets of a test belong to one connection. */
function lookupBy(via: RouteVia): RouteLookup {
  switch (via.kind) {
    case 'unreachable':
      return UNREACHABLE;
    case 'link':
      return { kind: 'onlink', link: via.link };
    case 'multipath': {
      const [hop] = via.hops;
      if (hop === undefined) return UNREACHABLE;
      const { link, gateway } = hop;
      return gateway === undefined ? { kind: 'onlink', link } : { kind: 'gateway', link, gateway };
    }
    default:
      return { kind: 'gateway', link: via.link, gateway: via.gateway };
  }
}

function bestRoute(namespace: FakeNamespace, ip: Ip): Candidate | undefined {
  const family = familyOf(ip);
  const number = ipToBigInt(ip);
  let best: Candidate | undefined;
  const consider = (candidate: Candidate): void => {
    const { range, metric } = candidate;
    if (range.family !== family || number < range.first || number > range.last) return;
    const isBetter =
      best === undefined ||
      range.lengthBits > best.range.lengthBits ||
      (range.lengthBits === best.range.lengthBits && metric < best.metric);
    if (isBetter) best = candidate;
  };
  for (const { table, destination, metric, via, source } of namespace.routes.values()) {
    if (table !== MAIN_TABLE) continue;
    consider({ range: rangeOf(namespace, destination), metric, via, source });
  }
  const metric = family === 'ipv6' ? 256 : 0;
  for (const { link, address, lengthBits } of namespace.addresses.values()) {
    if (namespace.links.get(link)?.up !== true) continue;
    const range = rangeAround(namespace, address, lengthBits);
    consider({ range, metric, via: { kind: 'link', link }, source: address });
  }
  return best;
}

function rangeOf(namespace: FakeNamespace, cidr: Cidr): AddressRange {
  const known = namespace.ranges.get(cidr);
  if (known !== undefined) return known;
  const address = cidrAddress(cidr);
  const first = ipToBigInt(address);
  const last = first + cidrSize(cidr) - 1n;
  const range = { family: familyOf(address), first, last, lengthBits: cidrLengthBits(cidr) };
  namespace.ranges.set(cidr, range);
  return range;
}

function rangeAround(namespace: FakeNamespace, address: Ip, lengthBits: number): AddressRange {
  const text = `${address}/${lengthBits}`;
  const known = namespace.ranges.get(text);
  if (known !== undefined) return known;
  const range = rangeOf(namespace, networkOf(address, lengthBits));
  namespace.ranges.set(text, range);
  return range;
}

/** The first address of the link that is of the destination's family. */
function sourceOn(namespace: FakeNamespace, link: string, ip: Ip): Ip | undefined {
  for (const address of namespace.addresses.values()) {
    if (address.link === link && familyOf(address.address) === familyOf(ip)) return address.address;
  }
  return undefined;
}
