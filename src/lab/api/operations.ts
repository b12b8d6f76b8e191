// Create, update, patch and delete with the rules of the real server: who sets which metadata, what
// a status subresource may touch, preconditions, finalizers. Each is one synchronous step on the
// store, which is what makes them atomic. Used by HTTP requests and, inside the lab, directly.

import type { Kind } from './kinds.ts';
import { NAMESPACES, PODS } from './kinds.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import { isJsonObject, timestamp } from './object.ts';
import type { StatusBody } from './status.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  invalid,
  MODIFIED_MEANWHILE,
  notFound,
  success,
} from './status.ts';
import type { Entry, Store } from './store.ts';
import { keyOf } from './store.ts';
import { checkName, checkUpdate, objectOf } from './validation.ts';

/** Which object, and by which path it was addressed. */
export type Target = {
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly subresource?: 'status' | undefined;
};

export type Written = { readonly kind: 'created' | 'updated' | 'unchanged'; readonly entry: Entry };

export function createObject(
  store: Store,
  target: Omit<Target, 'name' | 'subresource'>,
  body: unknown,
): Entry {
  const { kind } = target;
  const object = objectOf(kind, body);
  const namespace = namespaceFor(target, object);
  if (namespace !== undefined && store.get(NAMESPACES, namespace) === undefined) {
    throw notFound(NAMESPACES, namespace);
  }
  const name = object.metadata.name ?? generateName(store, object.metadata.generateName);
  if (name === undefined) {
    const problem = 'Required value: name or generateName is required';
    throw invalid({ kind, name: '', field: 'metadata.name', problem });
  }
  checkName(kind, name);
  if (store.get(kind, keyOf(namespace, name)) !== undefined) throw alreadyExists(kind, name);
  const metadata: ObjectMeta = {
    ...object.metadata,
    ...(namespace === undefined ? {} : { namespace }),
    ...(kind.hasGeneration ? { generation: 1 } : {}),
    name,
    uid: store.newUid(),
    creationTimestamp: timestamp(store.clock.now()),
  };
  return store.put(kind, withDefaults(kind, { ...object, metadata }));
}

/** PUT; a resourceVersion in the body is a precondition. */
export function updateObject(store: Store, target: Target, body: unknown): Written {
  const current = existing(store, target);
  const object = objectOf(target.kind, body);
  if (target.kind.updateNeedsRevision && (object.metadata.resourceVersion ?? '') === '') {
    const problem = 'Invalid value: 0: must be specified for an update';
    const field = 'metadata.resourceVersion';
    throw invalid({ kind: target.kind, name: target.name, field, problem });
  }
  return replace(store, target, { current, object });
}

/** PATCH: `change` makes the new object from the current one. */
export function patchObject(
  store: Store,
  target: Target,
  change: (current: KubeObject) => unknown,
): Written {
  const current = existing(store, target);
  return replace(store, target, {
    current,
    object: objectOf(target.kind, change(current.object)),
  });
}

export type Preconditions = {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
};

/** The object as it was, or, while finalizers hold it, as it is now. */
export function deleteObject(
  store: Store,
  target: Target,
  preconditions: Preconditions = {},
): { readonly kind: 'removed' | 'marked'; readonly entry: Entry } {
  const current = existing(store, target);
  const { uid, resourceVersion, finalizers = [], deletionTimestamp } = current.object.metadata;
  const wrong =
    mismatch('UID', preconditions.uid, uid) ??
    mismatch('ResourceVersion', preconditions.resourceVersion, resourceVersion);
  if (wrong !== undefined) throw conflict(target.kind, target.name, wrong);
  if (finalizers.length === 0) return { kind: 'removed', entry: store.remove(current) };
  if (deletionTimestamp !== undefined) return { kind: 'marked', entry: current };
  const metadata = {
    ...current.object.metadata,
    deletionTimestamp: timestamp(store.clock.now()),
  };
  return { kind: 'marked', entry: store.put(target.kind, { ...current.object, metadata }) };
}

/** What a DELETE that removed an object answers. */
export const deletionStatus = ({ kind, object }: Entry): StatusBody =>
  success({
    name: object.metadata.name ?? '',
    group: kind.group,
    kind: kind.resource,
    uid: object.metadata.uid ?? '',
  });

function existing(store: Store, target: Target): Entry {
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

function replace(store: Store, target: Target, { current, object }: Replacement): Written {
  const { kind, name } = target;
  const before = current.object.metadata;
  const asked = object.metadata;
  const revision = asked.resourceVersion ?? '';
  if (revision !== '' && revision !== before.resourceVersion) {
    throw conflict(kind, name, MODIFIED_MEANWHILE);
  }
  const wrongUid = mismatch('UID', asked.uid, before.uid);
  if (wrongUid !== undefined) throw conflict(kind, name, wrongUid);
  if (asked.name !== undefined && asked.name !== name) {
    throw badRequest(
      `the name of the object (${asked.name}) does not match the name on the URL (${name})`,
    );
  }
  const next = prepareUpdate(target, current.object, object);
  checkUpdate(kind, next, current.object);
  if (sameText(next, current.object)) return { kind: 'unchanged', entry: current };
  if (before.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0) {
    return { kind: 'updated', entry: store.remove(current) };
  }
  return { kind: 'updated', entry: store.put(kind, next) };
}

/**
 * The server's own metadata stay. The status subresource changes status and metadata, as the real
 * one does (registry/core/node strategy: only spec is reset); the object itself all but the status.
 */
function prepareUpdate(target: Target, current: KubeObject, asked: KubeObject): KubeObject {
  const { kind, subresource } = target;
  const own = pick(current.metadata, SERVER_OWNED);
  const metadata: ObjectMeta = { ...clientOwned(asked.metadata), ...own };
  const { apiVersion: _apiVersion, kind: _kind, ...members } = asked;
  if (subresource === 'status') {
    return definedMembers({ ...current, metadata, status: members.status });
  }
  const status = kind.hasStatus ? current.status : members.status;
  const next: KubeObject = definedMembers({ ...members, metadata, status });
  if (!kind.hasGeneration || sameText(specOf(next), specOf(current))) return next;
  return { ...next, metadata: { ...metadata, generation: (own.generation ?? 0) + 1 } };
}

const SERVER_OWNED = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'generation',
  'resourceVersion',
] as const;

const pick = (metadata: ObjectMeta, names: readonly (keyof ObjectMeta)[]): ObjectMeta =>
  Object.fromEntries(Object.entries(metadata).filter(([name]) => names.some((n) => n === name)));

const specOf = ({ metadata: _metadata, status: _status, ...spec }: KubeObject): unknown => spec;

const definedMembers = <Members extends object>(members: Members): Members =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Members;

/** What the client may set, without empty maps (omitempty): the last label leaves no trace. */
const clientOwned = (metadata: ObjectMeta): ObjectMeta =>
  Object.fromEntries(
    Object.entries(metadata).filter(
      ([name, value]) =>
        !SERVER_OWNED.some((owned) => owned === name) &&
        value !== null &&
        !(isJsonObject(value) && Object.keys(value).length === 0),
    ),
  );

/** Equal whatever the order of members. */
const sameText = (a: unknown, b: unknown): boolean => sortedText(a) === sortedText(b);

const sortedText = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) =>
    isJsonObject(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );

function namespaceFor(
  { kind, namespace }: Omit<Target, 'name'>,
  object: KubeObject,
): string | undefined {
  if (!kind.namespaced) return undefined;
  const inBody = object.metadata.namespace;
  if (namespace === undefined) throw badRequest('an empty namespace may not be set');
  if (inBody !== undefined && inBody !== namespace) {
    throw badRequest('the namespace of the object does not match the namespace on the request');
  }
  return namespace;
}

/** The prefix and five characters, as `apiserver/pkg/storage/names` makes them. */
function generateName(store: Store, prefix: string | undefined): string | undefined {
  if (prefix === undefined || prefix === '') return undefined;
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  const digits = [...store.newUid().replaceAll('-', '')].slice(0, 10);
  const suffix = [0, 2, 4, 6, 8].map((index) => {
    const number = Number.parseInt(`${digits[index]}${digits[index + 1]}`, 16);
    return alphabet[number % alphabet.length];
  });
  return `${prefix}${suffix.join('')}`;
}

function withDefaults(kind: Kind, object: KubeObject): KubeObject {
  if (kind === NAMESPACES) {
    const { metadata } = object;
    const labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name ?? '' };
    return { ...object, metadata: { ...metadata, labels }, status: { phase: 'Active' } };
  }
  if (kind === PODS && object.status === undefined) {
    return { ...object, status: { phase: 'Pending' } };
  }
  if (kind.resource === 'secrets') return { type: 'Opaque', ...object };
  return object;
}
