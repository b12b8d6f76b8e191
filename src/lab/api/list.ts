// Lists in pages. Every page of one list is of one revision: the continue token carries it and the
// last key, and the store undoes later changes. Once its history is gone the token has expired, and
// the answer offers another, by which the list goes on with what is there now.

import type { Kind } from './kinds.ts';
import type { ListMeta } from './representation.ts';
import type { RevisionMatch } from './request-options.ts';
import type { Selector } from './selectors.ts';
import { badRequest, expiredContinuation, tooLargeRevision, tooOldRevision } from './status.ts';
import type { Entry, Store } from './store.ts';

export type ListRequest = {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly selector: Selector | undefined;
  /** 0: all in one page. */
  readonly limit: number;
  readonly continueToken: string | undefined;
  readonly revision: number | undefined;
  readonly revisionMatch: RevisionMatch | undefined;
};

export type Page = { readonly entries: readonly Entry[]; readonly meta: ListMeta };

/** Without a revision: what is there now. */
type Continuation = { readonly revision: number | undefined; readonly after: string };

export function listPage(store: Store, request: ListRequest): Page {
  const continuation = parseToken(request.continueToken);
  if (continuation !== undefined && (request.revision ?? 0) !== 0) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  const revision =
    continuation === undefined
      ? revisionFor(store, request)
      : (continuation.revision ?? store.revision);
  const all = store.list(request.kind, revision);
  if (all === 'expired') {
    if (continuation === undefined) throw tooOldRevision(revision, store.oldestRevision);
    throw expiredContinuation(renderToken({ ...continuation, revision: undefined }));
  }
  const prefix = request.namespace === undefined ? '' : `${request.namespace}/`;
  const after = continuation?.after ?? '';
  const left = all.filter(({ key }) => key > after && key.startsWith(prefix));
  const entries: Entry[] = [];
  const meta = { resourceVersion: String(revision) };
  for (const [index, entry] of left.entries()) {
    // Even if nothing that is left is selected: as in the real server, nobody has looked.
    if (request.limit > 0 && entries.length === request.limit) {
      const token = renderToken({ revision, after: left[index - 1]?.key ?? '' });
      const isCounted = request.selector === undefined;
      const remaining = isCounted ? { remainingItemCount: left.length - index } : {};
      return { entries, meta: { ...meta, continue: token, ...remaining } };
    }
    if (request.selector?.(entry.object) !== false) entries.push(entry);
  }
  return { entries, meta };
}

function revisionFor(store: Store, { revision, revisionMatch }: ListRequest): number {
  if (revision === undefined || revision === 0) return store.revision;
  if (revision > store.revision) throw tooLargeRevision(revision, store.revision);
  return revisionMatch === 'Exact' ? revision : store.revision;
}

const renderToken = (continuation: Continuation): string =>
  Buffer.from(JSON.stringify(continuation)).toString('base64url');

function parseToken(token: string | undefined): Continuation | undefined {
  if (token === undefined || token === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    const { revision, after } = parsed as Continuation;
    const isRevision = revision === undefined || Number.isInteger(revision);
    if (isRevision && typeof after === 'string') return { revision, after };
  } catch {
    // Refused below, as any other token that is not ours.
  }
  throw badRequest('continue key is not valid: it was not made by this server');
}
