// DEL: remove what leads from ports of the node to the pod, then the host link, and with it the
// pod's end, the routes and the neighbours; then free the addresses, in this order, so that no
// address is given anew while a link or a port still has it.
// Whatever is gone already is a success: namespace, link, attachment or all of them.

import { hostLinkOf } from '../endpoint/identity.ts';
import { linkNamesOf, linksOf } from '../endpoint/shaping.ts';
import type { CniWork } from './context.ts';
import type { Verdict } from './errors.ts';
import { done } from './errors.ts';
import { closeHostPorts, forgetHostPorts } from './host-ports.ts';
import type { DelRequest } from './request.ts';
import { isOf } from './stored-attachment.ts';
import { failedBy } from './verdict.ts';

export async function del({ identity }: DelRequest, context: CniWork): Promise<Verdict> {
  const stored = context.store.find(identity);
  // The link of that name belongs to another attachment: this one was never made.
  if (stored !== undefined && !isOf(stored, identity)) return done();
  if (stored === undefined) context.hostLocal?.release(identity);
  try {
    await removeEndpoint(context, hostLinkOf(identity));
    return done();
  } catch (error) {
    const message = `${identity.ifName} of container ${identity.containerId} cannot be removed`;
    return failedBy(error, message);
  }
}

/** Also for a link that no attachment is known of any more. Throws AppError; may be repeated. */
export async function removeEndpoint(context: CniWork, hostLink: string): Promise<void> {
  context.store.leave(hostLink);
  const stored = context.store.findByLink(hostLink);
  if (stored !== undefined) await closeHostPorts(context, stored);
  // Where nothing is known of it, what it may have is removed.
  const attachment = stored?.attachment;
  const names = attachment === undefined ? linkNamesOf(hostLink) : linksOf(attachment);
  await context.remover.remove(...names);
  if (stored !== undefined) await forgetHostPorts(context, stored);
  release(context, hostLink);
  context.attachmentsChanged();
}

/** Its addresses are free; what the kernel remembers of them goes later. Throws AppError. */
export function release({ store, sweeper }: CniWork, hostLink: string): void {
  const addresses = store.findByLink(hostLink)?.name.addresses ?? [];
  store.release(hostLink);
  sweeper.leave(addresses);
}
