// The rules of deleting: preconditions, finalizers, what becomes of dependents. `orphan` and
// `foregroundDeletion` are the garbage collector's own (garbage-collector.ts).

import type { Kind } from './kinds.ts';
import type { ObjectMeta } from './object.ts';
import type { Propagation } from './request-options.ts';
import type { StatusBody } from './status.ts';
import { StatusError, success } from './status.ts';
import type { Entry } from './store.ts';

export type Deleting = {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagation?: Propagation;
};

export type Deleted = {
  readonly kind: 'removed' | 'marked';
  /** As it was, or, when it is marked, as it is now. */
  readonly entry: Entry;
};

const COLLECTOR_FINALIZERS: Readonly<Record<Propagation, string | undefined>> = {
  Background: undefined,
  Orphan: 'orphan',
  Foreground: 'foregroundDeletion',
};

export function finalizersFor(
  { finalizers = [] }: ObjectMeta,
  propagation: Propagation = 'Background',
): readonly string[] {
  const wanted = COLLECTOR_FINALIZERS[propagation];
  return wanted === undefined ? finalizers : [...new Set([...finalizers, wanted])];
}

/** What a DELETE that removed an object answers. */
export const deletionStatus = ({ kind, object }: Entry): StatusBody =>
  success({
    name: object.metadata.name ?? '',
    group: kind.group,
    kind: kind.resource,
    uid: object.metadata.uid ?? '',
  });

export function checkPreconditions({ kind, object }: Entry, deleting: Deleting): void {
  const { name = '', uid, resourceVersion } = object.metadata;
  for (const [what, wanted, found, meaning] of [
    ['UID', deleting.uid, uid, 'deleted and then recreated'],
    ['ResourceVersion', deleting.resourceVersion, resourceVersion, 'modified'],
  ] as const) {
    if (wanted === undefined || wanted === found) continue;
    const why =
      `the ${what} in the precondition (${wanted}) does not match the ${what} in record` +
      ` (${found}). The object might have been ${meaning}`;
    throw preconditionFailed(kind, name, why);
  }
}

/** A conflict that names the kind where others name the resource. */
function preconditionFailed(kind: Kind, name: string, why: string): StatusError {
  const title = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return new StatusError({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${title} "${name}": ${why}`,
    details: { name, group: kind.group, kind: kind.kind },
  });
}
