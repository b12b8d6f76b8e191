// The pod's half of an attachment: what the pod's own network namespace should hold. Pure: ADD
// compares it with what is there and applies the difference, CHECK compares only.
//
// From the pod: the default route (its `mtu` bounds what the pod sends) points to the link-local
// gateway on the pod veth, and the permanent neighbour entry gives the host veth's Ethernet
// address. To pods of the same subnet, on the same node, the same way leads without that bound:
// what they receive is what the link takes. The pod's own address is a /32 or /128: nothing else
// is on its link.

import type { Cidr } from '../net/cidr.ts';
import { ADDRESS_BITS } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Address, Link, Neighbour, Route } from '../state/kernel-state.ts';
import { keyOfAddress, keyOfNeighbour, keyOfRoute } from '../state/kernel-state.ts';
import { MAIN_TABLE, OWN_METRIC, OWN_PROTOCOL } from '../state/own.ts';
import type { Attachment } from './attachment.ts';
import { nearSubnets } from './attachment.ts';
import { GATEWAYS } from './gateway.ts';
import type { EndpointState } from './host-side.ts';

/** `loopback` is the link as it is now: it should only be up. */
export function podSide(attachment: Attachment, loopback: Link | undefined): EndpointState {
  const { ifName } = attachment;
  const links = new Map<string, Link>([[ifName, podVeth(attachment)]]);
  if (loopback !== undefined) links.set(loopback.name, { ...loopback, up: true });
  const addresses = new Map<string, Address>();
  const routes = new Map<string, Route>();
  const neighbours = new Map<string, Neighbour>();
  for (const pod of attachment.addresses) {
    const address = podAddress(ifName, pod);
    const route = defaultRoute(attachment, pod);
    const gateway = GATEWAYS[familyOf(pod)].address;
    const neighbour = { link: ifName, address: gateway, mac: attachment.hostMac };
    addresses.set(keyOfAddress(address), address);
    routes.set(keyOfRoute(route), route);
    for (const subnet of nearSubnets(attachment, pod)) {
      const near = routeBy(attachment, pod, subnet);
      routes.set(keyOfRoute(near), near);
    }
    neighbours.set(keyOfNeighbour(neighbour), neighbour);
  }
  return {
    links,
    addresses,
    routes,
    neighbours,
    qdiscs: new Map(),
    sysctls: podSysctls(attachment),
  };
}

const podVeth = (attachment: Attachment): Link => ({
  kind: 'veth',
  name: attachment.ifName,
  up: true,
  mtuBytes: attachment.linkMtuBytes,
  mac: attachment.podMac,
  group: 0,
  alias: '',
});

const podAddress = (link: string, pod: Ip): Address => ({
  link,
  address: pod,
  lengthBits: ADDRESS_BITS[familyOf(pod)],
  scope: 'global',
  protocol: OWN_PROTOCOL,
});

const defaultRoute = (attachment: Attachment, pod: Ip): Route => ({
  ...routeBy(attachment, pod, GATEWAYS[familyOf(pod)].anywhere as Cidr),
  mtuBytes: attachment.routeMtuBytes,
});

/** `onlink`: no route leads to the gateway itself, and none is needed. */
function routeBy({ ifName }: Attachment, pod: Ip, destination: Cidr): Route {
  const { address: gateway } = GATEWAYS[familyOf(pod)];
  return {
    destination,
    table: MAIN_TABLE,
    metric: OWN_METRIC,
    protocol: OWN_PROTOCOL,
    via: { kind: 'gateway', link: ifName, gateway, onlink: true },
  };
}

/**
 * Runtimes switch IPv6 off in new namespaces; addresses are refused (EACCES) while it is. Nothing
 * is announced or asked for (gratuitous ARP, DAD): the only neighbour knows the pod already.
 */
export function necessarySysctls({ ifName, addresses }: Attachment): ReadonlyMap<string, string> {
  if (!addresses.some((address) => familyOf(address) === 'ipv6')) return new Map();
  return new Map([
    ['ipv6/conf/lo/disable_ipv6', '0'],
    [`ipv6/conf/${ifName}/disable_ipv6`, '0'],
  ]);
}

/** And those that a plugin after us may set otherwise. */
function podSysctls(attachment: Attachment): ReadonlyMap<string, string> {
  const necessary = necessarySysctls(attachment);
  if (necessary.size === 0) return necessary;
  const { ifName } = attachment;
  return new Map([
    ...necessary,
    // The only router is the one that the default route names.
    [`ipv6/conf/${ifName}/accept_ra`, '0'],
    // As in IPv4 an address outlives that its link goes down.
    [`ipv6/conf/${ifName}/keep_addr_on_down`, '1'],
  ]);
}
