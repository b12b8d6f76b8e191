// Attachments whose DEL will never come: the runtime was killed between our ADD and its own note of
// it, or has lost what it knew, and the pod is gone. Looked for once, before the first call is
// answered, so that none of them is an ADD that is at work. It must not release anything that may
// still be used or asked for: the link is gone, the namespace is gone, and the runtime does not
// know it, all three. Of a file that is not readable (as after a power loss) nobody knows the
// namespace: there its link, which nothing would make again, and the runtime decide.

import { AppError, describeError } from '../lib/errors.ts';
import type { CniWork } from './context.ts';
import { removeEndpoint } from './del.ts';
import { LINKS_ONLY } from './endpoint-kernel.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import type { StoredAttachment } from './stored-attachment.ts';

/** How many were released. Throws AppError when the kernel cannot be read. */
export async function releaseOrphans(cache: RuntimeCache, context: CniWork): Promise<number> {
  let released = 0;
  for (const orphan of findOrphans(cache, context)) {
    if (await release(orphan, context)) released += 1;
  }
  return released;
}

function findOrphans(
  cache: RuntimeCache,
  { store, host, namespaces }: CniWork,
): StoredAttachment[] {
  const unknown = store
    .entries()
    .filter(({ isLeaving }) => !isLeaving)
    .filter(({ name, attachment }) =>
      attachment === undefined ? !cache.knowsLink(name.hostLink) : !cache.knows(attachment),
    );
  if (unknown.length === 0) return [];
  const { links } = host.read(LINKS_ONLY);
  return unknown.filter(({ name, attachment }) => {
    // A link that is gone took the pod's end with it, so that nobody has the address.
    if (links.has(name.hostLink)) return false;
    if (attachment === undefined) return true;
    // A path that is not visible from here says nothing by itself.
    return namespaces.inodeAt(attachment.netns) !== attachment.netnsInode;
  });
}

async function release(orphan: StoredAttachment, context: CniWork): Promise<boolean> {
  const { name, attachment, problem } = orphan;
  const { hostLink, addresses } = name;
  const whose =
    attachment === undefined
      ? { hostLink, problem }
      : { containerId: attachment.containerId, ifName: attachment.ifName, pod: attachment.pod };
  const told = { ...whose, addresses };
  try {
    await removeEndpoint(context, hostLink);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    context.log.warn({ ...told, error: describeError(error) }, 'an orphan cannot be released');
    return false;
  }
  context.log.info(told, 'its pod is gone and the runtime does not know it: released');
  return true;
}
