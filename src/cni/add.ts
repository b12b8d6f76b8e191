// ADD: reserve addresses, make the endpoint in both namespaces, lead ports of the node to it, tell
// the result. When a step fails, all is undone as by a DEL, so that a failed ADD leaves nothing. A
// crash leaves a pending attachment, which the next ADD or DEL of the same container and interface
// clears away.

import type { Attachment } from '../endpoint/attachment.ts';
import type { AttachmentIdentity } from '../endpoint/identity.ts';
import { hostLinkOf, hostMacOf, podMacOf } from '../endpoint/identity.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { AppError, describeError } from '../lib/errors.ts';
import { contains } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { CniWork } from './context.ts';
import { removeEndpoint } from './del.ts';

import { hasLink, makeHostSide, makePodSide } from './endpoint-kernel.ts';

import type { Verdict } from './errors.ts';
import { CNI_CODES, done, failed } from './errors.ts';
import { exhaustedText, NO_FREE_ADDRESS } from './exhausted.ts';
import { openHostPorts, refusedPorts } from './host-ports.ts';
import type { PodNamespace } from './netns-check.ts';
import { checkNamespace } from './netns-check.ts';
import type { NodeNetwork } from './node-network.ts';
import type { AddRequest } from './request.ts';
import { refuseAddresses } from './requested-addresses.ts';
import { renderResult } from './result.ts';
import { isOf } from './stored-attachment.ts';
import { failedBy } from './verdict.ts';

const READY_POLL_MS = 50;
/**
 * For a further subnet, where all free addresses were another pod's a moment ago. Shorter than for
 * a first address: without the datastore a node where pods come and go must not stand still.
 */
const COOLING_WAIT_MS = 5_000;

type AddStep = {
  readonly context: CniWork;
  readonly request: AddRequest;
  readonly namespace: PodNamespace;
  readonly network: NodeNetwork;
};

export async function add(
  request: AddRequest,
  descriptor: number | undefined,
  context: CniWork,
): Promise<Verdict> {
  const checked = checkNamespace(context, request, descriptor);
  if (checked.kind === 'refused') return checked.verdict;
  const ready = await waitUntilReady(context);
  if (ready.kind === 'not-ready') return notReady(ready.reason);
  const refusal = await clearEarlier(request, context);
  if (refusal !== undefined) return refusal;
  return attachWithRoom(request, checked.namespace, context);
}

/**
 * Of a node that is full and about to get a further subnet, that is waited for. Where none is to
 * come, an address that has not rested long enough is better than none.
 */
async function attachWithRoom(
  request: AddRequest,
  namespace: PodNamespace,
  context: CniWork,
): Promise<Verdict> {
  const { clock, stop, store, readyTimeoutMs } = context;
  const startMs = clock.monotonicMs();
  for (;;) {
    // As it is now: nothing else comes between this and the reservation.
    const now = context.readiness();
    if (now.kind === 'not-ready') return notReady(now.reason);
    const { network } = now;
    const step = { context, request, namespace, network };
    const refused = refuseAddresses(step);
    if (refused !== undefined) return refused;
    const choice = store.choose(network.subnets, requestedBy(request));
    const isChosen = choice.kind === 'chosen';
    if (isChosen && choice.cooling.length === 0) return attach(step);
    context.attachmentsChanged();
    const waitMs = isChosen ? Math.min(COOLING_WAIT_MS, readyTimeoutMs) : readyTimeoutMs;
    const isOver = stop.aborted || clock.monotonicMs() >= startMs + waitMs;
    if (network.whenFull.kind === 'stays' || isOver) {
      if (isChosen) return attach(step);
      const details = exhaustedText(choice, network);
      return failed(CNI_CODES.tryAgainLater, NO_FREE_ADDRESS, details);
    }
    await clock.sleep(READY_POLL_MS, stop);
  }
}

async function attach(step: AddStep): Promise<Verdict> {
  const { context, request, namespace } = step;
  let pod: Kernel | undefined;
  try {
    pod = context.openPodKernel(namespace.descriptor);
    return await attachTo(step, pod);
  } catch (error) {
    return failedBy(error, `${request.identity.ifName} cannot be made`);
  } finally {
    pod?.close();
  }
}

const requestedBy = ({ requests }: AddRequest): readonly Ip[] =>
  requests.addresses.map(({ address }) => address);

const notReady = (reason: string): Verdict =>
  failed(CNI_CODES.tryAgainLater, 'the node is not ready for pods', reason);

type Ready = { readonly kind: 'ready' } | { readonly kind: 'not-ready'; readonly reason: string };

/** A node that is just starting gets a moment; a runtime would only try again later. */
async function waitUntilReady(context: CniWork): Promise<Ready> {
  const { clock, stop, readyTimeoutMs } = context;
  const deadline = clock.monotonicMs() + readyTimeoutMs;
  for (;;) {
    const readiness = context.readiness();
    if (readiness.kind !== 'not-ready') return { kind: 'ready' };
    if (stop.aborted || clock.monotonicMs() >= deadline) return readiness;
    await clock.sleep(READY_POLL_MS, stop);
  }
}

/** What an earlier ADD of the same attachment left; a verdict when it must stay. */
async function clearEarlier(
  { identity, isRepeated }: AddRequest,
  context: CniWork,
): Promise<Verdict | undefined> {
  const earlier = context.store.find(identity);
  if (earlier === undefined) return undefined;
  if (!isOf(earlier, identity)) {
    const details = `${earlier.name.hostLink} is the link of another attachment`;
    return failed(CNI_CODES.tryAgainLater, 'the link name is taken', details);
  }
  const isHalfDone = earlier.name.isPending || earlier.isLeaving || isRepeated;
  if (!isHalfDone) {
    const details = `${earlier.name.addresses.join(', ')} belongs to it`;
    const message = `${identity.ifName} of container ${identity.containerId} exists already`;
    return failed(CNI_CODES.attachmentExists, message, details);
  }
  try {
    await removeEndpoint(context, earlier.name.hostLink);
    return undefined;
  } catch (error) {
    return failedBy(error, 'a half-done attachment cannot be cleared away');
  }
}

/** Throws AppError after undoing what it did. */
async function attachTo(step: AddStep, pod: Kernel): Promise<Verdict> {
  const { context, request, network } = step;
  const { ifName } = request.identity;
  let reserved: Attachment | undefined;
  let isMade = false;
  const refusal = refusedPorts(request.portMappings, network.subnets, context.store);
  if (refusal !== undefined) return refusal;
  try {
    const attachment = context.store.reserve(
      network.subnets,
      (addresses) => describeAttachment(step, addresses, pod.namespaceCookie),
      requestedBy(request),
    );
    if (attachment === undefined) {
      return failed(CNI_CODES.tryAgainLater, NO_FREE_ADDRESS, network.subnets.join(' and '));
    }
    reserved = attachment;
    const { hostLink } = attachment;
    await context.sweeper.arrive(attachment.addresses);
    await makePair(attachment, step);
    isMade = true;
    await makePodSide(pod, attachment, context.host.peerIndexOf(hostLink));
    // The first packet to the pod must not be lost; its own end was set up last.
    await context.host.settleLinks([hostLink]);
    await openHostPorts(context, attachment);
    context.store.complete(attachment);
    context.attachmentsChanged();
    return done(renderResult(attachment, request.config));
  } catch (error) {
    if (reserved !== undefined) await undo(reserved, context);
    // The pair could not be made because of it: to look at every namespace before would cost more.
    if (isMade || !hasLink(pod, ifName)) throw error;
    const message = `${ifName} exists already in ${request.netns}`;
    return failed(CNI_CODES.interfaceExists, message, 'it was not made by Poplin for this pod');
  }
}

/** What cannot be undone now is pending, and is cleared away by the next ADD or DEL. */
async function undo({ hostLink }: Attachment, context: CniWork): Promise<void> {
  try {
    await removeEndpoint(context, hostLink);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    context.log.warn({ hostLink, error: describeError(error) }, 'a failed ADD is left half done');
  }
}

async function makePair(
  attachment: Attachment,
  { context, namespace, network }: AddStep,
): Promise<void> {
  const held = context.namespaces.hold(namespace.descriptor);
  try {
    await makeHostSide(context.host, { ...attachment, netns: held.path }, network.sources);
  } finally {
    held.release();
  }
}

function describeAttachment(
  step: AddStep,
  addresses: readonly Ip[],
  netnsCookie: string | undefined,
): Attachment {
  const { request, namespace, network, context } = step;
  const identity: AttachmentIdentity = request.identity;
  return {
    ...identity,
    netns: request.netns,
    netnsInode: namespace.inode,
    ...(netnsCookie === undefined ? {} : { netnsCookie }),
    hostLink: hostLinkOf(identity),
    hostMac: hostMacOf(identity),
    podMac: request.requests.mac ?? podMacOf(identity),
    addresses,
    linkMtuBytes: network.linkMtuBytes,
    routeMtuBytes: network.routeMtuBytes,
    subnets: network.subnets.filter((subnet) => addresses.some((ip) => contains(subnet, ip))),
    ...(request.requests.bandwidth === undefined ? {} : { bandwidth: request.requests.bandwidth }),
    ...(request.portMappings.length === 0 ? {} : { portMappings: request.portMappings }),
    ...(request.pod === undefined ? {} : { pod: request.pod }),
    createdAt: context.clock.now().toISOString(),
  };
}
