// Deletes objects whose owners are all gone, as the controller-manager's garbage collector does: a
// subnet's Lease goes with its Node. An object that comes after its owner has gone goes at once.

import type { Kind } from './kinds.ts';
import { apiVersionOf, KINDS, NAMESPACES } from './kinds.ts';
import type { Entry, Store } from './store.ts';
import { keyOf } from './store.ts';

/** Follows every change until the returned function is called. */
export const startGarbageCollector = (store: Store): (() => void) =>
  store.subscribe(({ type, entry }) => {
    if (type !== 'DELETED') {
      removeIfOrphan(store, entry);
      return;
    }
    const uid = entry.object.metadata.uid;
    for (const dependent of everyEntry(store)) {
      const { namespace, ownerReferences = [] } = dependent.object.metadata;
      const isInside = entry.kind === NAMESPACES && namespace === entry.object.metadata.name;
      if (isInside) store.remove(dependent);
      else if (ownerReferences.some((owner) => owner.uid === uid)) removeIfOrphan(store, dependent);
    }
  });

function removeIfOrphan(store: Store, entry: Entry): void {
  const { namespace, ownerReferences = [] } = entry.object.metadata;
  if (ownerReferences.length === 0) return;
  const isAlive = ownerReferences.some((owner) => {
    const kind = kindOf(owner.apiVersion, owner.kind);
    // A kind that is not served cannot be looked up: its objects are taken to exist.
    if (kind === undefined) return true;
    const key = keyOf(kind.namespaced ? namespace : undefined, owner.name);
    return store.get(kind, key)?.object.metadata.uid === owner.uid;
  });
  if (!isAlive && store.get(entry.kind, entry.key)?.revision === entry.revision) {
    store.remove(entry);
  }
}

const kindOf = (apiVersion: string, name: string): Kind | undefined =>
  KINDS.find((kind) => kind.kind === name && apiVersionOf(kind) === apiVersion);

const everyEntry = (store: Store): readonly Entry[] =>
  KINDS.flatMap((kind) => {
    const entries = store.list(kind);
    return entries === 'expired' ? [] : entries;
  });
