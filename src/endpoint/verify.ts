// What is missing or wrong of an endpoint, in words for CNI CHECK. Plugins that run after us in the
// chain may change what is theirs to change (MTU, MAC, further addresses and routes), so only what
// a pod cannot be reached without is compared, and additions are never faults. Pure.

import type { KernelState, RouteVia } from '../state/kernel-state.ts';
import type { EndpointState } from './host-side.ts';

/** One sentence per fault; empty when all is there. `place` is `host` or `pod`. */
export function faultsOf(wanted: EndpointState, actual: KernelState, place: string): string[] {
  const faults: string[] = [];
  for (const [name, link] of wanted.links) {
    const current = actual.links.get(name);
    if (current === undefined) faults.push(`link ${name} is missing in the ${place}`);
    else if (link.up && !current.up) faults.push(`link ${name} is down in the ${place}`);
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

function describeVia(via: RouteVia): string {
  switch (via.kind) {
    case 'unreachable':
      return 'unreachable';
    case 'link':
      return via.link;
    default:
      return `${via.link} ${via.gateway}`;
  }
}
