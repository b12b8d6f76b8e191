// Lists in pages. Every page of one list is of one revision: the continue token carries it and the
// last key, and the store undoes later changes; once its history is gone the token has expired.

import type { Kind } from './kinds.ts';
import type { ListMeta } from './representation.ts';
import type { Selector } from './selectors.ts';
import { badRequest, expired, StatusError } from './status.ts';
import type { Entry, Store } from './store.ts';

export type ListRequest = {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly selector: Selector | undefined;
  /** 0: all in one page. */
  readonly limit: number;
  readonly continueToken: string | undefined;
  readonly revision: number | undefined;
  readonly revisionMatch: string | undefined;
};

export type Page = { readonly entries: readonly Entry[]; readonly meta: ListMeta };

type Continuation = { readonly revision: number; readonly after: string };

export function listPage(store: Store, request: ListRequest): Page {
  const continuation = parseToken(request.continueToken);
  const revision = continuation?.revision ?? revisionFor(store, request);
  const all = store.list(request.kind, revision);
  if (all === 'expired') {
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You must' +
        ' start a new list without the continue parameter.',
    );
  }
  const prefix = request.namespace === undefined ? '' : `${request.namespace}/`;
  const after = continuation?.after;
  const entries: Entry[] = [];
  for (const [index, entry] of all.entries()) {
    const isBefore = after !== undefined && entry.key <= after;
    if (isBefore || !entry.key.startsWith(prefix)) continue;
    if (request.selector !== undefined && !request.selector(entry.object)) continue;
    if (request.limit > 0 && entries.length === request.limit) {
      const last = entries.at(-1)?.key ?? '';
      const isCounted = request.selector === undefined && prefix === '';
      return {
        entries,
        meta: {
          resourceVersion: String(revision),
          continue: renderToken({ revision, after: last }),
          ...(isCounted ? { remainingItemCount: all.length - index } : {}),
        },
      };
    }
    entries.push(entry);
  }
  return { entries, meta: { resourceVersion: String(revision) } };
}

function revisionFor(store: Store, { revision, revisionMatch }: ListRequest): number {
  if (revision === undefined || revision === 0) return store.revision;
  if (revision > store.revision) {
    throw new StatusError({
      code: 504,
      reason: 'Timeout',
      message: `Too large resource version: ${revision}, current: ${store.revision}`,
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    });
  }
  return revisionMatch === 'Exact' ? revision : store.revision;
}

const renderToken = (continuation: Continuation): string =>
  Buffer.from(JSON.stringify(continuation)).toString('base64url');

function parseToken(token: string | undefined): Continuation | undefined {
  if (token === undefined || token === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    const { revision, after } = parsed as Continuation;
    if (Number.isInteger(revision) && typeof after === 'string') return { revision, after };
  } catch {
    // Refused below, as any other token that is not ours.
  }
  throw badRequest('continue key is not valid: it was not made by this server');
}
