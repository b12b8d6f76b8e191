// The host's half of attachments as kernel objects: the host veth with the gateway addresses that
// the pod sends to, the pod's permanent neighbour entry, and one host route per pod address. Pure:
// the agent's `desired` joins it for all attachments, ADD and CHECK for one.
//
// To the pod: the host route (metric 16, protocol 113) sends the packet to the veth, the neighbour
// entry gives the pod's Ethernet address. From the pod: it arrives on the veth, addressed to the
// veth's Ethernet address, and is forwarded; rp_filter is off there and accept_local on, as what a
// pod may send from is decided in nftables, for both families alike, and needs no second look.

import { hostCidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Address, KernelState, Link, Neighbour, Qdisc, Route } from '../state/kernel-state.ts';
import { keyOfAddress, keyOfNeighbour, keyOfQdisc, keyOfRoute } from '../state/kernel-state.ts';
import { MAIN_TABLE, OWN_METRIC, OWN_PROTOCOL, POD_LINK_GROUP } from '../state/own.ts';
import type { Attachment } from './attachment.ts';
import { GATEWAYS } from './gateway.ts';
import { localnetSysctl, needsLocalnet } from './host-ports.ts';
import { egressLinks, shapingOf } from './shaping.ts';

export type EndpointState = Pick<
  KernelState,
  'links' | 'addresses' | 'routes' | 'neighbours' | 'qdiscs' | 'sysctls'
>;

/** IFALIASZ of linux/if.h is 256 with the NUL; a pod's namespace and name can be 317. */
const ALIAS_MAX_BYTES = 255;

/** `sources`: the preferred source of each family's routes, as in NodeNetwork. */
export function hostSide(
  attachments: readonly Attachment[],
  sources: readonly Ip[],
): EndpointState {
  const links = new Map<string, Link>();
  const addresses = new Map<string, Address>();
  const routes = new Map<string, Route>();
  const neighbours = new Map<string, Neighbour>();
  const qdiscs = new Map<string, Qdisc>();
  const sysctls = new Map<string, string>();
  for (const attachment of attachments) {
    const link = attachment.hostLink;
    links.set(link, hostVeth(attachment));
    for (const egress of egressLinks(attachment, aliasOf(attachment))) {
      links.set(egress.name, egress);
    }
    for (const qdisc of shapingOf(attachment)) qdiscs.set(keyOfQdisc(qdisc), qdisc);
    sysctls.set(`ipv4/conf/${link}/rp_filter`, '0');
    // Else each packet's source is looked up once more as soon as there is any rule of routing
    // (fib_validate_source of net/ipv4/fib_frontend.c).
    sysctls.set(`ipv4/conf/${link}/accept_local`, '1');
    sysctls.set(`ipv4/conf/${link}/forwarding`, '1');
    if (needsLocalnet(attachment)) sysctls.set(localnetSysctl(link), '1');
    for (const pod of attachment.addresses) {
      const address = gatewayAddress(link, pod);
      const route = hostRoute(link, pod, sources);
      const neighbour = { link, address: pod, mac: attachment.podMac };
      addresses.set(keyOfAddress(address), address);
      routes.set(keyOfRoute(route), route);
      neighbours.set(keyOfNeighbour(neighbour), neighbour);
    }
  }
  return { links, addresses, routes, neighbours, qdiscs, sysctls };
}

const hostVeth = (attachment: Attachment): Link => ({
  kind: 'veth',
  name: attachment.hostLink,
  up: true,
  mtuBytes: attachment.linkMtuBytes,
  mac: attachment.hostMac,
  group: POD_LINK_GROUP,
  alias: aliasOf(attachment),
  peer: {
    name: attachment.ifName,
    mac: attachment.podMac,
    mtuBytes: attachment.linkMtuBytes,
    netns: attachment.netns,
  },
});

function gatewayAddress(link: string, pod: Ip): Address {
  const { address, lengthBits, scope } = GATEWAYS[familyOf(pod)];
  return { link, address, lengthBits, scope, protocol: OWN_PROTOCOL };
}

function hostRoute(link: string, pod: Ip, sources: readonly Ip[]): Route {
  const source = sources.find((candidate) => familyOf(candidate) === familyOf(pod));
  return {
    destination: hostCidr(pod),
    table: MAIN_TABLE,
    metric: OWN_METRIC,
    protocol: OWN_PROTOCOL,
    via: { kind: 'link', link },
    ...(source === undefined ? {} : { source }),
  };
}

/** What `ip link` shows to people: the pod, or the container when the runtime names no pod. */
function aliasOf({ pod, containerId }: Attachment): string {
  const text = pod === undefined ? containerId : `${pod.namespace}/${pod.name}`;
  return text.slice(0, ALIAS_MAX_BYTES);
}
