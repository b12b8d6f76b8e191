// Create, update, patch and delete with the rules of the real server (ownership.ts, deletion.ts,
// validation.ts). Each is one synchronous step on the store, which is what makes them atomic. Used
// by HTTP requests and, inside the lab, directly.

import { withDefaults, withFirstStatus } from './defaults.ts';
import type { Deleted, Deleting } from './deletion.ts';
import { checkPreconditions, finalizersFor } from './deletion.ts';
import type { Kind } from './kinds.ts';
import { NAMESPACES } from './kinds.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import { isJsonObject, timestamp } from './object.ts';
import type { Target } from './ownership.ts';
import {
  checkIdentity,
  clientOwned,
  generateName,
  namespaceFor,
  prepareUpdate,
  sameText,
} from './ownership.ts';
import {
  alreadyExists,
  conflict,
  invalid,
  invalidPatch,
  MODIFIED_MEANWHILE,
  notFound,
  StatusError,
} from './status.ts';
import type { Entry, ObjectStore } from './store.ts';
import { draftEntry, keyOf } from './store.ts';
import { checkNew, checkUpdate, objectOf } from './validation.ts';

export type Written = { readonly kind: 'created' | 'updated' | 'unchanged'; readonly entry: Entry };

export function createObject(
  store: ObjectStore,
  target: Omit<Target, 'name' | 'subresource'>,
  body: unknown,
): Entry {
  const { kind } = target;
  const object = objectOf(kind, body);
  if ((object.metadata.resourceVersion ?? '') !== '') {
    const message = 'resourceVersion should not be set on objects to be created';
    throw new StatusError({ code: 500, message });
  }
  const namespace = namespaceFor(target, object);
  if (namespace !== undefined) checkNamespace(store, target.kind, namespace);
  const name = object.metadata.name ?? generateName(store, object.metadata.generateName);
  if (name === undefined) {
    const problem = 'Required value: name or generateName is required';
    throw invalid({ kind, name: '', problems: [{ field: 'metadata.name', problem }] });
  }
  const metadata: ObjectMeta = {
    ...clientOwned(object.metadata),
    ...(namespace === undefined ? {} : { namespace }),
    ...(kind.hasGeneration ? { generation: 1 } : {}),
    name,
    uid: store.newUid(),
    creationTimestamp: timestamp(store.clock.now()),
  };
  const { apiVersion: _apiVersion, kind: _kind, ...members } = object;
  const made = withFirstStatus(kind, withDefaults(kind, { ...members, metadata }));
  checkNew(kind, made);
  if (store.get(kind, keyOf(namespace, name)) !== undefined) throw alreadyExists(kind, name);
  return store.put(kind, made);
}

function checkNamespace(store: ObjectStore, kind: Kind, namespace: string): void {
  const entry = store.get(NAMESPACES, namespace);
  if (entry === undefined) throw notFound(NAMESPACES, namespace);
  if (entry.object.metadata.deletionTimestamp === undefined) return;
  const message =
    `${kind.resource} is forbidden: unable to create new content in namespace ${namespace}` +
    ' because it is being terminated';
  throw new StatusError({ code: 403, reason: 'Forbidden', message });
}

/** PUT; a resourceVersion in the body is a precondition. */
export function updateObject(store: ObjectStore, target: Target, body: unknown): Written {
  const object = objectOf(target.kind, body);
  checkIdentity(target, object);
  const current = store.get(target.kind, keyOf(target.namespace, target.name));
  if (current === undefined && target.kind.createsOnUpdate && target.subresource === undefined) {
    return { kind: 'created', entry: createObject(store, target, body) };
  }
  if (current === undefined) throw notFound(target.kind, target.name);
  if (target.kind.updateNeedsRevision && (object.metadata.resourceVersion ?? '') === '') {
    const problem = 'Invalid value: 0: must be specified for an update';
    const field = 'metadata.resourceVersion';
    // The real server names the resource here where elsewhere it names the kind.
    const kind = { ...target.kind, kind: target.kind.resource };
    throw invalid({ kind, name: target.name, problems: [{ field, problem }] });
  }
  const wrongUid = mismatch('UID', object.metadata.uid, current.object.metadata.uid);
  if (wrongUid !== undefined) throw conflict(target.kind, target.name, wrongUid);
  return replace(store, target, { current, object });
}

/** PATCH: `change` makes the new object from the current one. */
export function patchObject(
  store: ObjectStore,
  target: Target,
  change: (current: KubeObject) => unknown,
): Written {
  const { kind, name } = target;
  const current = existing(store, target);
  const object = patchedObject(kind, change(current.object));
  checkIdentity(target, object);
  const { uid = '' } = object.metadata;
  if (uid !== '' && uid !== current.object.metadata.uid) {
    const problem = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
    throw invalid({ kind, name, problems: [{ field: 'metadata.uid', problem }] });
  }
  return replace(store, target, { current, object });
}

/** What cannot be read is here the fault of the patch. */
function patchedObject(kind: Kind, patched: unknown): KubeObject {
  try {
    return objectOf(kind, patched);
  } catch (error) {
    throw error instanceof StatusError && error.body.code === 400
      ? invalidPatch(error.message)
      : error;
  }
}

/** An object that finalizers hold is only marked; a namespace waits for what is in it. */
export function deleteObject(store: ObjectStore, target: Target, deleting: Deleting = {}): Deleted {
  const current = existing(store, target);
  checkPreconditions(current, deleting);
  const { metadata } = current.object;
  const finalizers = finalizersFor(metadata, deleting.propagation);
  const isNamespace = target.kind === NAMESPACES;
  if (finalizers.length === 0 && !isNamespace) {
    store.remove(current);
    return { kind: 'removed', entry: current };
  }
  if (metadata.deletionTimestamp !== undefined) return { kind: 'marked', entry: current };
  const status = isJsonObject(current.object.status) ? current.object.status : {};
  const entry = store.put(target.kind, {
    ...current.object,
    metadata: {
      ...metadata,
      ...(finalizers.length === 0 ? {} : { finalizers }),
      ...(isNamespace ? {} : { deletionGracePeriodSeconds: 0 }),
      deletionTimestamp: timestamp(store.clock.now()),
    },
    ...(isNamespace ? { status: { ...status, phase: 'Terminating' } } : {}),
  });
  return { kind: 'marked', entry };
}

function existing(store: ObjectStore, target: Target): Entry {
  const entry = store.get(target.kind, keyOf(target.namespace, target.name));
  if (entry === undefined) throw notFound(target.kind, target.name);
  return entry;
}

const mismatch = (
  what: string,
  wanted: string | undefined,
  found: string | undefined,
): string | undefined =>
  wanted === undefined || wanted === found
    ? undefined
    : `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`;

type Replacement = { readonly current: Entry; readonly object: KubeObject };

function replace(store: ObjectStore, target: Target, { current, object }: Replacement): Written {
  const { kind, name } = target;
  const before = current.object.metadata;
  const revision = object.metadata.resourceVersion ?? '';
  if (!/^\d*$/.test(revision)) {
    const message = `resourceVersion: Invalid value: ${JSON.stringify(revision)}`;
    throw new StatusError({ code: 500, message });
  }
  if (revision !== '' && revision !== before.resourceVersion) {
    throw conflict(kind, name, MODIFIED_MEANWHILE);
  }
  const next = prepareUpdate(target, current.object, object);
  checkUpdate(kind, next, current.object);
  if (sameText(next, current.object)) return { kind: 'unchanged', entry: current };
  if (before.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0) {
    // Answered as it would have been stored; nobody sees it again.
    const entry = draftEntry(kind, next, current.revision);
    store.remove(current);
    return { kind: 'updated', entry };
  }
  return { kind: 'updated', entry: store.put(kind, next) };
}
