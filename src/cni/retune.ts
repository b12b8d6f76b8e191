// Gives a running pod other MTUs: the links' is what it may receive and is only ever raised, its
// routes' is what it may send. A packet that is larger than a link's end takes is dropped without a
// word, so links grow before anybody sends more. It changes what it finds and adds nothing: what is
// missing in the pod is CHECK's to find.

import type { Attachment } from '../endpoint/attachment.ts';
import { hostSide } from '../endpoint/host-side.ts';
import { podSide } from '../endpoint/pod-side.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { KernelState } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import type { CniWork } from './context.ts';
import { endpointScope } from './endpoint-kernel.ts';
import type { PodUnavailable } from './standing-pod.ts';
import { withStandingPod } from './standing-pod.ts';

export type RetuneRequest = {
  readonly attachment: Attachment;
  readonly linkMtuBytes: number;
  readonly routeMtuBytes: number;
};

export type RetuneOutcome = { readonly kind: 'done' } | PodUnavailable;

/** As `withStandingPod`. */
export function retune(request: RetuneRequest, context: CniWork): Promise<RetuneOutcome> {
  const { attachment } = request;
  const linkMtuBytes = Math.max(attachment.linkMtuBytes, request.linkMtuBytes);
  const wanted = { ...attachment, linkMtuBytes, routeMtuBytes: request.routeMtuBytes };
  return withStandingPod(attachment, context, async ({ pod }) => {
    const before = pod.read(endpointScope(attachment.ifName));
    await applyAll(pod, linkChanges(wanted, before));
    await applyAll(context.host, hostLinkChanges(wanted, attachment));
    await applyAll(pod, routeChanges(wanted, before));
    context.store.replace(attachment, wanted);
    return { kind: 'done' as const };
  });
}

function linkChanges({ ifName, linkMtuBytes }: Attachment, pod: KernelState): Op[] {
  const link = pod.links.get(ifName);
  if (link === undefined || link.mtuBytes === linkMtuBytes) return [];
  return [{ verb: 'change', object: 'link', value: { ...link, mtuBytes: linkMtuBytes } }];
}

function hostLinkChanges(wanted: Attachment, before: Attachment): Op[] {
  if (wanted.linkMtuBytes === before.linkMtuBytes) return [];
  return [...hostSide([wanted], []).links.values()].map((value) => ({
    verb: 'change',
    object: 'link',
    value,
  }));
}

function routeChanges(wanted: Attachment, pod: KernelState): Op[] {
  return [...podSide(wanted, undefined).routes].flatMap(([key, route]): Op[] => {
    const actual = pod.routes.get(key);
    if (actual === undefined || actual.mtuBytes === route.mtuBytes) return [];
    return [{ verb: 'change', object: 'route', value: route }];
  });
}

async function applyAll(kernel: Kernel, ops: readonly Op[]): Promise<void> {
  const [first] = ops.length === 0 ? [] : await kernel.apply(ops);
  if (first !== undefined) throw first.error;
}
