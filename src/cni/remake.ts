// Makes an attachment's endpoint again after somebody deleted its host veth: the same names,
// Ethernet addresses, MTU and addresses, in the namespace that ADD was given. It never takes the
// place of an ADD: what is being added or removed, or has a DEL waiting, is left alone. Until the
// pod's half is there too, the new link has an alias that says so; a process that dies in between
// leaves that behind, and the next begins anew.

import type { Attachment } from '../endpoint/attachment.ts';
import { hostSide } from '../endpoint/host-side.ts';
import { linksOf } from '../endpoint/shaping.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { describeError } from '../lib/errors.ts';
import type { Ip } from '../net/ip.ts';
import type { Link } from '../state/kernel-state.ts';
import type { CniWork } from './context.ts';
import { LINKS_ONLY, makeHostState, makePodSide } from './endpoint-kernel.ts';
import type { OpenPod, PodUnavailable } from './standing-pod.ts';
import { withStandingPod } from './standing-pod.ts';

export type RemakeRequest = {
  readonly attachment: Attachment;
  /** Those of its addresses that the node may lead to it. */
  readonly routed: readonly Ip[];
  /** The preferred source of each family's routes, as in NodeNetwork. */
  readonly sources: readonly Ip[];
};

export type RemakeOutcome = { readonly kind: 'made' } | PodUnavailable;

const HALF_MADE_ALIAS = 'Poplin is making this again';

/** Made by a process that did not come to the end. */
export const isHalfMade = (link: Link): boolean => link.alias === HALF_MADE_ALIAS;

/** As `withStandingPod`. */
export function remake(request: RemakeRequest, context: CniWork): Promise<RemakeOutcome> {
  const { attachment } = request;
  return withStandingPod(attachment, context, async (open) => {
    const { links } = context.host.read(LINKS_ONLY);
    const left = linksOf(attachment).filter((name) => links.has(name));
    if (left.length > 0) await context.remover.remove(...left);
    await makeBothSides(request, context, open);
    return { kind: 'made' as const };
  });
}

async function makeBothSides(
  { attachment, routed, sources }: RemakeRequest,
  context: CniWork,
  { descriptor, pod }: OpenPod,
): Promise<void> {
  const { host, log } = context;
  const { hostLink } = attachment;
  const held = context.namespaces.hold(descriptor);
  try {
    const onHost = hostSide([{ ...attachment, addresses: routed, netns: held.path }], sources);
    const links = [...onHost.links.values()];
    const unnamed = links.map((link) => [link.name, { ...link, alias: HALF_MADE_ALIAS }] as const);
    await makeHostState(host, { ...onHost, links: new Map(unnamed) });
    await makePodSide(pod, attachment, host.peerIndexOf(hostLink));
    await host.settleLinks([hostLink]);
    await changeLinks(host, links);
  } catch (error) {
    // Half of it would look like all of it.
    await context.remover.remove(...linksOf(attachment)).catch((second: unknown) => {
      log.warn({ hostLink, error: describeError(second) }, 'a link that is half made stays');
    });
    throw error;
  } finally {
    held.release();
  }
}

async function changeLinks(host: Kernel, links: readonly Link[]): Promise<void> {
  const [failure] = await host.apply(
    links.map((value) => ({ verb: 'change', object: 'link', value })),
  );
  if (failure !== undefined) throw failure.error;
}
