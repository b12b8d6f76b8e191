// GC: remove every attachment of this network that the runtime does not list. One that fails does
// not stop the others; all failures are told together. Attachments whose ADD is still at work are
// left alone: the runtime should not have called, and their own DEL will come. What an ADD that
// nobody works on any more has left half done is removed like all others.

import { hostLinkOf } from '../endpoint/identity.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { CniWork } from './context.ts';
import { removeEndpoint } from './del.ts';
import { LINKS_ONLY } from './endpoint-kernel.ts';
import type { Verdict } from './errors.ts';
import { CNI_CODES, done, failed } from './errors.ts';
import type { GcRequest } from './request.ts';
import type { Serialiser } from './serialise.ts';
import type { StoredAttachment } from './stored-attachment.ts';

export async function gc(
  { config }: GcRequest,
  context: CniWork,
  serialiser: Serialiser,
): Promise<Verdict> {
  if (config.validAttachments === undefined) {
    const details =
      'cni.dev/valid-attachments is missing: without it nothing is known to be unused';
    return failed(CNI_CODES.invalidConfig, 'invalid network configuration', details);
  }
  const valid = new Set(
    config.validAttachments.map((name) => hostLinkOf({ network: config.name, ...name })),
  );
  const stale = [
    ...staleEntries(config.name, valid, { context, serialiser }),
    ...unreadableEntries(valid, context),
  ];
  const problems = await Promise.all(
    stale.map((entry) => {
      const work = serialiser.run(entry.name.hostLink, () => removeOne(context, entry));
      return work ?? `${entry.name.hostLink}: too many calls wait for it`;
    }),
  );
  const told = problems.filter((problem) => problem !== undefined);
  if (told.length === 0) return done();
  return failed(CNI_CODES.kernel, 'not all unused attachments could be removed', told.join('; '));
}

const staleEntries = (
  network: string,
  valid: ReadonlySet<string>,
  { context, serialiser }: { readonly context: CniWork; readonly serialiser: Serialiser },
): StoredAttachment[] =>
  context.store
    .entries()
    .filter(({ attachment }) => attachment?.network === network)
    .filter(({ name }) => !name.isPending || !serialiser.isBusy(name.hostLink))
    .filter(({ name }) => !valid.has(name.hostLink));

/** A file whose content is lost may be another network's: without a link it is surely unused. */
function unreadableEntries(valid: ReadonlySet<string>, context: CniWork): StoredAttachment[] {
  const unreadable = context.store
    .entries()
    .filter(({ name, attachment }) => attachment === undefined && !valid.has(name.hostLink));
  if (unreadable.length === 0) return [];
  const { links } = context.host.read(LINKS_ONLY);
  return unreadable.filter(({ name }) => !links.has(name.hostLink));
}

/** In words what went wrong. One that was replaced while this waited is not touched. */
async function removeOne(
  context: CniWork,
  { name, attachment }: StoredAttachment,
): Promise<string | undefined> {
  const current = context.store.findByLink(name.hostLink);
  if (current === undefined) return undefined;
  // With another MTU it is still the same one.
  if (current?.attachment?.createdAt !== attachment?.createdAt) return undefined;
  try {
    await removeEndpoint(context, name.hostLink);
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${name.hostLink}: ${describeError(error)}`;
  }
}
