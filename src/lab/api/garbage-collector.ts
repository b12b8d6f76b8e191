// Does what the controller-manager does after a deletion: objects whose owners are all gone go as
// well (a subnet's Lease with its Node), also ones that come after their owner has gone or that
// name an owner that never was; a marked owner loses or takes along its dependents; a namespace
// takes along all that is in it. With a delay, as in a real cluster, between cause and effect.

import type { Clock } from '../../lib/clock.ts';
import type { Kind } from './kinds.ts';
import { apiVersionOf, KINDS, NAMESPACES } from './kinds.ts';
import type { ObjectMeta } from './object.ts';
import { timestamp } from './object.ts';
import type { Change, Entry, Store } from './store.ts';
import { keyOf } from './store.ts';

type CollectorOptions = {
  readonly clock: Clock;
  /** 0: in the same step as the change. */
  readonly delayMs: number;
};

type Stop = () => void;

/** Follows every change until the returned function is called. */
export function startGarbageCollector(store: Store, options: CollectorOptions): Stop {
  const { clock, delayMs } = options;
  const stop = new AbortController();
  const later = async (change: Change): Promise<void> => {
    await clock.sleep(delayMs, stop.signal);
    if (!stop.signal.aborted) collectAfter(store, change);
  };
  const unsubscribe = store.subscribe((change) => {
    if (delayMs === 0) collectAfter(store, change);
    else void later(change);
  });
  return () => {
    unsubscribe();
    stop.abort();
  };
}

function collectAfter(store: Store, { type, entry }: Change): void {
  if (type === 'DELETED') {
    for (const dependent of dependentsOf(store, entry)) removeIfOrphan(store, dependent);
    return;
  }
  // It may have changed meanwhile: only what is stored now counts.
  const current = store.get(entry.kind, entry.key);
  if (current === undefined) return;
  if (current.object.metadata.deletionTimestamp === undefined) removeIfOrphan(store, current);
  else finish(store, current);
}

/** Does for a marked object what its finalizers of ours ask for, and takes them away. */
function finish(store: Store, owner: Entry): void {
  const { finalizers = [], name } = owner.object.metadata;
  if (finalizers.includes('orphan')) {
    for (const dependent of dependentsOf(store, owner)) disown(store, dependent, owner);
  } else if (finalizers.includes('foregroundDeletion')) {
    for (const dependent of dependentsOf(store, owner)) remove(store, dependent);
  }
  if (owner.kind === NAMESPACES) {
    const inside = everyEntry(store).filter((each) => each.object.metadata.namespace === name);
    for (const entry of inside) remove(store, entry);
  }
  const left = finalizers.filter((each) => each !== 'orphan' && each !== 'foregroundDeletion');
  if (left.length === 0) store.remove(owner);
  else if (left.length < finalizers.length) putMetadata(store, owner, { finalizers: left });
}

function disown(store: Store, dependent: Entry, owner: Entry): void {
  const { ownerReferences = [] } = dependent.object.metadata;
  const { uid } = owner.object.metadata;
  putMetadata(store, dependent, { ownerReferences: ownerReferences.filter((o) => o.uid !== uid) });
}

function putMetadata(store: Store, { kind, object }: Entry, changes: ObjectMeta): void {
  const metadata = Object.fromEntries(
    Object.entries({ ...object.metadata, ...changes }).filter(
      ([, value]) => !Array.isArray(value) || value.length > 0,
    ),
  );
  store.put(kind, { ...object, metadata });
}

/** Marked only, where a finalizer holds it. */
function remove(store: Store, entry: Entry): void {
  const { finalizers = [], deletionTimestamp } = entry.object.metadata;
  if (finalizers.length === 0) store.remove(entry);
  else if (deletionTimestamp === undefined) {
    const stamp = timestamp(store.clock.now());
    putMetadata(store, entry, { deletionTimestamp: stamp, deletionGracePeriodSeconds: 0 });
  }
}

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
    remove(store, entry);
  }
}

const dependentsOf = (store: Store, owner: Entry): readonly Entry[] =>
  everyEntry(store).filter(({ object }) =>
    (object.metadata.ownerReferences ?? []).some(({ uid }) => uid === owner.object.metadata.uid),
  );

const kindOf = (apiVersion: string, name: string): Kind | undefined =>
  KINDS.find((kind) => kind.kind === name && apiVersionOf(kind) === apiVersion);

const everyEntry = (store: Store): readonly Entry[] =>
  KINDS.flatMap((kind) => {
    const entries = store.list(kind);
    return entries === 'expired' ? [] : entries;
  });
