// Makes the endpoint of one attachment in the two kernels: from the desired state of both
// namespaces, by the same difference and order as everything else on the node. It is removed with
// its host link (link-remover.ts), since everything else of it lies on that link.

import type { Attachment } from '../endpoint/attachment.ts';
import type { EndpointState } from '../endpoint/host-side.ts';
import { hostSide } from '../endpoint/host-side.ts';
import { podSide } from '../endpoint/pod-side.ts';
import type { Kernel, ReadScope } from '../kernel/kernel.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { linkLocalOf } from '../net/mac.ts';
import { diffAdditive } from '../state/diff.ts';
import type { Address, KernelState, Link } from '../state/kernel-state.ts';
import { EMPTY_STATE } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { order } from '../state/order.ts';
import { OWN_PROTOCOL, PROBE_TABLE } from '../state/own.ts';

const LOOPBACK = 'lo';
/** include/net/net_namespace.h: the loopback device of every namespace has this index. */
const LOOPBACK_IFINDEX = 1;
/** As it is in a new namespace; setting it up where it is up already does nothing. */
const LOOPBACK_DOWN: Link = {
  kind: 'other',
  driver: '',
  name: LOOPBACK,
  up: false,
  mtuBytes: 65_536,
  mac: '00:00:00:00:00:00' as Mac,
  group: 0,
  alias: '',
};

/** What is read of a namespace to judge one endpoint in it. */
export const endpointScope = (link: string): ReadScope => ({
  sysctls: [],
  routeProtocol: OWN_PROTOCOL,
  rulePriority: PROBE_TABLE,
  nft: false,
  ownsLink: (name) => name === link,
  aside: true,
});

/** What CHECK reads of a namespace: all that can be wrong with one endpoint. */
export const checkScope = (
  links: readonly string[],
  more: Pick<ReadScope, 'sysctls' | 'nft'>,
): ReadScope => ({ ...endpointScope(''), ownsLink: (name) => links.includes(name), ...more });

/** Which links there are, and nothing else. */
export const LINKS_ONLY: ReadScope = { ...endpointScope(''), linksOnly: true };

export const hasLink = (pod: Kernel, name: string): boolean =>
  pod.read({ ...endpointScope(name), linksOnly: true }).links.has(name);

/** The host's half. Throws the AppError of the first op that the kernel refused. */
export function makeHostSide(
  host: Kernel,
  attachment: Attachment,
  sources: readonly Ip[],
): Promise<void> {
  return makeHostState(host, hostSide([attachment], sources));
}

/** The host's half as it is given here. */
export async function makeHostState(host: Kernel, wanted: EndpointState): Promise<void> {
  // A name that follows from the attachment's identity is not there yet: nothing has to be read.
  await applyAll(host, missing(wanted, EMPTY_STATE));
}

/**
 * The pod's half. `vethIndex`, where the host knows it, says which link the pod's end is: then the
 * namespace is not looked at, since adding what is there already does nothing.
 */
export async function makePodSide(
  pod: Kernel,
  attachment: Attachment,
  vethIndex: number | undefined,
): Promise<void> {
  if (vethIndex === undefined) {
    const before = pod.read(endpointScope(attachment.ifName));
    const wanted = podSide(attachment, before.links.get(LOOPBACK));
    return applyAll(pod, inPodOrder(attachment, missing(wanted, before)));
  }
  const wanted = podSide(attachment, LOOPBACK_DOWN);
  // The pair was made with the right names, addresses and MTU; only its pod end is still down.
  const links = new Map<string, Link>([[LOOPBACK, LOOPBACK_DOWN]]);
  pod.takeLink(LOOPBACK_DOWN, LOOPBACK_IFINDEX);
  const veth = wanted.links.get(attachment.ifName);
  if (veth !== undefined) {
    const made = { ...veth, up: false };
    links.set(veth.name, made);
    pod.takeLink(made, vethIndex);
  }
  return applyAll(pod, inPodOrder(attachment, missing(wanted, { ...EMPTY_STATE, links })));
}

/**
 * The pod's end is there already, so its settings can come first, and all the rest is one batch.
 * The link-local address that the kernel would give it is added before it is set up: what the
 * kernel adds by itself may not be used for a second, until nobody else has claimed it. CHECK does
 * not ask for it, since it follows from an Ethernet address that a plugin after us may change.
 */
function inPodOrder(attachment: Attachment, ops: readonly Op[]): Op[] {
  const { ifName: link, podMac, addresses } = attachment;
  const settings = ops.filter(({ object }) => object === 'sysctl');
  const others = ops.filter(({ object }) => object !== 'sysctl');
  if (!addresses.some((address) => familyOf(address) === 'ipv6')) return [...settings, ...others];
  const address = linkLocalOf(podMac);
  const value: Address = { link, address, lengthBits: 64, scope: 'link', protocol: OWN_PROTOCOL };
  return [...settings, { verb: 'add', object: 'address', value }, ...others];
}

function missing(wanted: EndpointState, actual: KernelState): Op[] {
  // Sysctls of a link that is just being made have not been read: each is written.
  const sysctls = new Map([...wanted.sysctls.keys()].map((path) => [path, '']));
  const desired = { ...EMPTY_STATE, ...wanted, knowledge: 'remembered' as const };
  return order(diffAdditive(desired, { ...actual, sysctls }));
}

async function applyAll(kernel: Kernel, ops: readonly Op[]): Promise<void> {
  const [first] = await kernel.apply(ops);
  if (first !== undefined) throw first.error;
}
