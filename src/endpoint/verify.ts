// What is missing or wrong of an endpoint, in words for CNI CHECK. Plugins that run after us in
// the chain may change what is theirs to change (MTU, further addresses and routes, their own
// qdiscs), so only what a pod cannot be reached or bounded without is compared, and additions are
// never faults. Pure.

import type { Ip } from '../net/ip.ts';
import type { KernelState, Link, Qdisc, RouteVia } from '../state/kernel-state.ts';
import { keyOfQdisc, linksOf } from '../state/kernel-state.ts';
import { POD_LINK_GROUP } from '../state/own.ts';
import type { RouteLookup } from '../state/route-lookup.ts';
import { sameQdisc } from '../state/same-qdisc.ts';
import type { EndpointState } from './host-side.ts';

/** One sentence per fault; empty when all is there. `place` is `host` or `pod`. */
export function faultsOf(wanted: EndpointState, actual: KernelState, place: string): string[] {
  const faults: string[] = [];
  for (const link of wanted.links.values()) {
    const fault = linkFault(link, actual.links.get(link.name));
    if (fault !== undefined) faults.push(`link ${link.name} ${fault} in the ${place}`);
  }
  for (const qdisc of wanted.qdiscs.values()) {
    const fault = qdiscFault(qdisc, actual.qdiscs.get(keyOfQdisc(qdisc)));
    if (fault !== undefined) faults.push(`${fault} in the ${place}`);
  }
  for (const [path, value] of wanted.sysctls) {
    const current = actual.sysctls.get(path);
    if (current === value) continue;
    faults.push(`sysctl ${path} is ${current ?? 'missing'} instead of ${value} in the ${place}`);
  }
  for (const [key, address] of wanted.addresses) {
    if (actual.addresses.has(key)) continue;
    const text = `${address.address}/${address.lengthBits}`;
    faults.push(`address ${text} is missing on ${address.link} in the ${place}`);
  }
  for (const [key, route] of wanted.routes) {
    const current = actual.routes.get(key);
    if (current === undefined) {
      faults.push(`route ${route.destination} is missing in the ${place}`);
    } else if (describeVia(current.via) !== describeVia(route.via)) {
      faults.push(`route ${route.destination} leads elsewhere in the ${place}`);
    }
  }
  for (const [key, neighbour] of wanted.neighbours) {
    const current = actual.neighbours.get(key);
    const text = `neighbour ${neighbour.address} on ${neighbour.link} in the ${place}`;
    if (current === undefined) faults.push(`${text} is missing`);
    else if (current.mac !== neighbour.mac) {
      faults.push(`${text} has ${current.mac} instead of ${neighbour.mac}`);
    }
  }
  return faults;
}

function linkFault(wanted: Link, current: Link | undefined): string | undefined {
  if (current === undefined) return 'is missing';
  if (wanted.up && !current.up) return 'is down';
  if (wanted.kind !== 'veth') return undefined;
  // The filters tell pods' links by it: without, a pod may send from any address.
  if (wanted.group === POD_LINK_GROUP && current.group !== wanted.group) {
    return `is in group ${current.group} instead of ${wanted.group}`;
  }
  // Each end sends to the other's Ethernet address, which it knows from us alone.
  if (wanted.mac === current.mac) return undefined;
  return `has the Ethernet address ${current.mac} instead of ${wanted.mac}`;
}

/** What the kernel would do with a packet to the pod, where that is not to give it to its link. */
export function detourFault(pod: Ip, lookup: RouteLookup, hostLink: string): string | undefined {
  switch (lookup.kind) {
    case 'onlink':
    case 'gateway': {
      const isRight = lookup.kind === 'onlink' && lookup.link === hostLink;
      return isRight ? undefined : `a better route leads ${pod} to ${lookup.link} in the host`;
    }
    case 'local':
      return `${pod} is an address of the host itself`;
    case 'unreachable':
      return `a better route or rule makes ${pod} unreachable in the host`;
  }
}

function qdiscFault(wanted: Qdisc, current: Qdisc | undefined): string | undefined {
  const { link } = wanted;
  if (wanted.kind === 'redirect') {
    const isSame = current !== undefined && sameQdisc(wanted, current);
    return isSame ? undefined : `shaping: what ${link} receives is not led to ${wanted.to}`;
  }
  const rate = `shaping: the rate of ${wanted.bytesPerSecond * 8} bit/s on ${link}`;
  if (current === undefined || current.kind !== 'rate') return `${rate} is missing`;
  if (sameQdisc(wanted, current)) return undefined;
  return `${rate} is ${current.bytesPerSecond * 8} bit/s, or has another burst or limit,`;
}

function describeVia(via: RouteVia): string {
  switch (via.kind) {
    case 'unreachable':
      return 'unreachable';
    case 'link':
      return via.link;
    case 'multipath':
      return linksOf(via).join(' ');
    default:
      return `${via.link} ${via.gateway}`;
  }
}
