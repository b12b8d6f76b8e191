// What Linux does with addresses, nexthops, routes, neighbours, FDB entries, rules and qdiscs. Each
// function changes the namespace or says in the kernel's words why not. Held to the real kernel by
// test/conformance.

import { isDeepStrictEqual } from 'node:util';
import { contains, networkOf } from '../../src/net/cidr.ts';
import type { Family } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type {
  Address,
  FdbEntry,
  Neighbour,
  Nexthop,
  Qdisc,
  Route,
  Rule,
} from '../../src/state/kernel-state.ts';
import {
  keyOfAddress,
  keyOfFdbEntry,
  keyOfNeighbour,
  keyOfNexthop,
  keyOfQdisc,
  keyOfRoute,
  keyOfRule,
  linksOf,
} from '../../src/state/kernel-state.ts';
import type { Op } from '../../src/state/op.ts';
import type { FakeNamespace } from './namespace.ts';
import { type Refusal, refuse } from './refusal.ts';

type Verb = Op['verb'];

/** Adds what is not there, or replaces; an add where another stands is refused. */
function put<T>(
  map: Map<string, T>,
  verb: Verb,
  { key, value }: { readonly key: string; readonly value: T },
): Refusal | undefined {
  const existing = map.get(key);
  if (verb === 'add' && existing !== undefined && !isDeepStrictEqual(existing, value)) {
    return refuse('EEXIST: another is in its place');
  }
  if (verb === 'remove') map.delete(key);
  else map.set(key, value);
  return undefined;
}

function missingLink(namespace: FakeNamespace, link: string): Refusal | undefined {
  return namespace.links.has(link) ? undefined : refuse(`ENODEV: there is no link ${link}`);
}

/** An add takes the place of another: every link has a qdisc from the beginning. */
export function doQdisc(namespace: FakeNamespace, verb: Verb, value: Qdisc): Refusal | undefined {
  const { qdiscs } = namespace;
  if (verb === 'remove') {
    qdiscs.delete(keyOfQdisc(value));
    return undefined;
  }
  const refusal =
    missingLink(namespace, value.link) ??
    (value.kind === 'redirect' ? missingLink(namespace, value.to) : undefined);
  if (refusal === undefined) qdiscs.set(keyOfQdisc(value), value);
  return refusal;
}

export function doAddress(
  namespace: FakeNamespace,
  verb: Verb,
  value: Address,
): Refusal | undefined {
  if (verb !== 'remove') {
    return (
      missingLink(namespace, value.link) ??
      put(namespace.addresses, verb, { key: keyOfAddress(value), value })
    );
  }
  if (namespace.addresses.has(keyOfAddress(value))) removeAddressOf(namespace, value);
  return undefined;
}

/** IPv4 routes die with their preferred source; IPv6 ones lose it, but by a nexthop object. */
export function removeAddressOf(namespace: FakeNamespace, address: Address): void {
  const { addresses, routes, neighbours } = namespace;
  addresses.delete(keyOfAddress(address));
  const family = familyOf(address.address);
  if (!namespace.hasAddress(address.address)) {
    for (const [key, route] of [...routes]) {
      if (route.source !== address.address) continue;
      if (family === 'ipv4') routes.delete(key);
      else if (route.via.kind !== 'nexthop') {
        const { source: _, ...rest } = route;
        routes.set(key, rest);
      }
    }
  }
  if (family === 'ipv6' || hasIpv4(namespace, address.link)) return;
  // fib_disable_ip: a link without an IPv4 address has no IPv4.
  for (const [key, route] of routesVia(namespace, address.link)) {
    if (familyOfRoute(route) === 'ipv4') routes.delete(key);
  }
  for (const [key, neighbour] of neighbours) {
    const isIpv4 = familyOf(neighbour.address) === 'ipv4';
    if (neighbour.link === address.link && isIpv4) neighbours.delete(key);
  }
}

const hasIpv4 = (namespace: FakeNamespace, link: string): boolean =>
  [...namespace.addresses.values()].some(
    (address) => address.link === link && familyOf(address.address) === 'ipv4',
  );

const familyOfRoute = (route: Route): Family => (route.destination.includes(':') ? 'ipv6' : 'ipv4');

export const routesVia = (namespace: FakeNamespace, link: string): [string, Route][] =>
  [...namespace.routes].filter(([, { via }]) => linksOf(via).includes(link));

/** An address of the link has the gateway in its network, or a route to the link alone has. */
function reaches(namespace: FakeNamespace, link: string, gateway: Ip): boolean {
  const byAddress = [...namespace.addresses.values()].some(
    ({ link: name, address, lengthBits }) =>
      name === link && contains(networkOf(address, lengthBits), gateway) && address !== gateway,
  );
  return (
    byAddress ||
    [...namespace.routes.values()].some(
      ({ via, destination }) =>
        via.kind === 'link' && via.link === link && contains(destination, gateway),
    )
  );
}

function refuseGateway(namespace: FakeNamespace, nexthop: Nexthop): Refusal | undefined {
  if (nexthop.onlink || reaches(namespace, nexthop.link, nexthop.gateway)) return undefined;
  return familyOf(nexthop.gateway) === 'ipv6'
    ? refuse('EHOSTUNREACH')
    : refuse('ENETUNREACH: Nexthop has invalid gateway');
}

export function doNexthop(
  namespace: FakeNamespace,
  verb: Verb,
  value: Nexthop,
): Refusal | undefined {
  const key = keyOfNexthop(value);
  if (verb === 'remove') {
    namespace.nexthops.delete(key);
    for (const [routeKey, { via }] of namespace.routes) {
      if (via.kind === 'nexthop' && keyOfNexthop(via) === key) namespace.routes.delete(routeKey);
    }
    return undefined;
  }
  const missing = missingLink(namespace, value.link);
  if (missing !== undefined) return missing;
  if (namespace.links.get(value.link)?.up !== true) {
    return refuse('ENETDOWN: Nexthop device is not up');
  }
  return refuseGateway(namespace, value) ?? put(namespace.nexthops, verb, { key, value });
}

export function doRoute(namespace: FakeNamespace, verb: Verb, value: Route): Refusal | undefined {
  // IP6_RT_PRIO_USER: what a metric of 0 means for IPv6.
  const isIpv6 = familyOfRoute(value) === 'ipv6';
  const route = isIpv6 && value.metric === 0 ? { ...value, metric: 1024 } : value;
  const key = keyOfRoute(route);
  if (verb === 'remove') {
    if (namespace.routes.get(key)?.protocol === route.protocol) namespace.routes.delete(key);
    return undefined;
  }
  return (
    refuseVia(namespace, route) ??
    refuseSource(namespace, route) ??
    put(namespace.routes, verb, { key, value: route })
  );
}

function refuseVia(namespace: FakeNamespace, { via }: Route): Refusal | undefined {
  if (via.kind === 'unreachable') return undefined;
  if (via.kind === 'nexthop') {
    const key = keyOfNexthop(via);
    return namespace.nexthops.has(key) ? undefined : refuse(`ENODEV: there is no nexthop ${key}`);
  }
  for (const link of linksOf(via)) {
    const missing = missingLink(namespace, link);
    if (missing !== undefined) return missing;
    if (namespace.links.get(link)?.up !== true) {
      return refuse('ENETDOWN: Device for nexthop is not up');
    }
  }
  if (via.kind === 'gateway') return refuseGateway(namespace, via);
  if (via.kind !== 'multipath') return undefined;
  for (const { link, gateway, onlink } of via.hops) {
    const refusal = gateway && refuseGateway(namespace, { link, gateway, onlink });
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refuseSource(namespace: FakeNamespace, route: Route): Refusal | undefined {
  if (route.source === undefined || namespace.hasAddress(route.source)) return undefined;
  return familyOfRoute(route) === 'ipv6'
    ? refuse('EINVAL: Invalid source address')
    : refuse('EINVAL: Invalid prefsrc address');
}

export function doNeighbour(
  namespace: FakeNamespace,
  verb: Verb,
  value: Neighbour,
): Refusal | undefined {
  const missing = verb === 'remove' ? undefined : missingLink(namespace, value.link);
  return missing ?? put(namespace.neighbours, verb, { key: keyOfNeighbour(value), value });
}

export function doFdb(namespace: FakeNamespace, verb: Verb, value: FdbEntry): Refusal | undefined {
  const missing = verb === 'remove' ? undefined : missingLink(namespace, value.link);
  return missing ?? put(namespace.fdb, verb, { key: keyOfFdbEntry(value), value });
}

export const doRule = (namespace: FakeNamespace, verb: Verb, value: Rule): Refusal | undefined =>
  put(namespace.rules, verb, { key: keyOfRule(value), value });
