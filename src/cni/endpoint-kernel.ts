// Makes the endpoint of one attachment in the two kernels: from the desired state of both
// namespaces, by the same difference and order as everything else on the node. It is removed with
// its host link (link-remover.ts), since everything else of it lies on that link.

import type { Attachment } from '../endpoint/attachment.ts';
import type { EndpointState } from '../endpoint/host-side.ts';
import { hostSide } from '../endpoint/host-side.ts';
import { podSide } from '../endpoint/pod-side.ts';
import type { Kernel, ReadScope } from '../kernel/kernel.ts';
import type { Ip } from '../net/ip.ts';
import { diffAdditive } from '../state/diff.ts';
import type { KernelState } from '../state/kernel-state.ts';
import { EMPTY_STATE } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { order } from '../state/order.ts';
import { OWN_PROTOCOL, PROBE_TABLE } from '../state/own.ts';

const LOOPBACK = 'lo';

/** What is read of a namespace to judge one endpoint in it. */
export const endpointScope = (link: string): ReadScope => ({
  sysctls: [],
  routeProtocol: OWN_PROTOCOL,
  rulePriority: PROBE_TABLE,
  nft: false,
  ownsLink: (name) => name === link,
  aside: true,
});

/** Which links there are, and nothing else. */
export const LINKS_ONLY: ReadScope = { ...endpointScope(''), linksOnly: true };

/**
 * What a pod's namespace holds before its endpoint is made. Where no link but loopback is up, there
 * is no route, and whatever else there may be cannot be the endpoint's: only the links are read.
 */
export function readPod(pod: Kernel, ifName: string): KernelState {
  const scope = endpointScope(ifName);
  const state = pod.read({ ...scope, linksOnly: true });
  const isNew = [...state.links.values()].every(({ name, up }) => name === LOOPBACK || !up);
  return isNew ? state : pod.read(scope);
}

/** The host's half. Throws the AppError of the first op that the kernel refused. */
export async function makeHostSide(
  host: Kernel,
  attachment: Attachment,
  sources: readonly Ip[],
): Promise<void> {
  // A name that follows from the attachment's identity is not there yet: nothing has to be read.
  await applyMissing(host, hostSide([attachment], sources), EMPTY_STATE);
}

/** What was in a pod's namespace before its veth pair was made, and which index its end has got. */
export type PodBefore = { readonly state: KernelState; readonly vethIndex: number | undefined };

/** The pod's half. */
export async function makePodSide(
  pod: Kernel,
  attachment: Attachment,
  { state: before, vethIndex }: PodBefore,
): Promise<void> {
  const wanted = podSide(attachment, before.links.get(LOOPBACK));
  const veth = wanted.links.get(attachment.ifName);
  // The pair was made with the right names, addresses and MTU; only its pod end is still down.
  const links = new Map(before.links);
  if (veth !== undefined) {
    const made = { ...veth, up: false };
    links.set(veth.name, made);
    if (vethIndex !== undefined) pod.takePeer(made, vethIndex);
  }
  await applyMissing(pod, wanted, { ...before, links });
}

async function applyMissing(
  kernel: Kernel,
  wanted: EndpointState,
  actual: KernelState,
): Promise<void> {
  // Sysctls of a link that is just being made have not been read: each is written.
  const sysctls = new Map([...wanted.sysctls.keys()].map((path) => [path, '']));
  const desired = { ...EMPTY_STATE, ...wanted, knowledge: 'remembered' as const };
  await applyAll(kernel, order(diffAdditive(desired, { ...actual, sysctls })));
}

async function applyAll(kernel: Kernel, ops: readonly Op[]): Promise<void> {
  const [first] = await kernel.apply(ops);
  if (first !== undefined) throw first.error;
}
