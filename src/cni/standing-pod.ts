// A pod that runs, for work that is not a call of the runtime: found by the path, inode and cookie
// that its ADD stored, and left alone when it is being added or removed or has a DEL waiting.

import type { Attachment } from '../endpoint/attachment.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { CniWork, OpenNamespace } from './context.ts';
import { tombstoneNameOf } from './tombstones.ts';

export type OpenPod = { readonly descriptor: number; readonly pod: Kernel };

export type PodUnavailable =
  /** It is not this process's to work on, at least not now. */
  | { readonly kind: 'unwanted' }
  /** `isFinal`: trying again is of no use. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isFinal: boolean };

/**
 * What `work` returns, or why it was not done. To be called while no other call for this attachment
 * is at work. Never rejects with AppError.
 */
export async function withStandingPod<Done>(
  attachment: Attachment,
  context: CniWork,
  work: (open: OpenPod) => Promise<Done>,
): Promise<Done | PodUnavailable> {
  if (!isStanding(attachment, context)) return { kind: 'unwanted' };
  let namespace: OpenNamespace | undefined;
  let pod: Kernel | undefined;
  try {
    namespace = context.namespaces.open(attachment.netns, attachment.netnsInode);
    pod = context.openPodKernel(namespace.descriptor);
    if (!isSameNamespace(attachment, pod)) {
      const reason = `${attachment.netns} is another network namespace than its own`;
      return { kind: 'failed', reason, isFinal: true };
    }
    return await work({ descriptor: namespace.descriptor, pod });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: 'failed', reason: describeError(error), isFinal: false };
  } finally {
    pod?.close();
    namespace?.close();
  }
}

function isStanding(attachment: Attachment, { store, tombstones }: CniWork): boolean {
  const stored = store.findByLink(attachment.hostLink);
  if (stored === undefined || stored.attachment !== attachment) return false;
  if (stored.isLeaving || stored.name.isPending) return false;
  return !tombstones.files.exists(`${tombstones.directory}/${tombstoneNameOf(attachment)}`);
}

const isSameNamespace = ({ netnsCookie }: Attachment, { namespaceCookie }: Kernel): boolean =>
  netnsCookie === undefined || namespaceCookie === undefined || netnsCookie === namespaceCookie;
