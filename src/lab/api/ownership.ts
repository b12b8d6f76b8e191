// Whose each part of an object is when it is written: what the server sets and a client cannot
// change, what the status subresource may touch, and that name and namespace are those of the path.
// Pure but for generated names.

import { withDefaults } from './defaults.ts';
import type { Kind } from './kinds.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import { isJsonObject } from './object.ts';
import { badRequest, methodNotAllowed } from './status.ts';
import type { ObjectStore } from './store.ts';

/** Which object, and by which path it was addressed. */
export type Target = {
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly subresource?: 'status' | undefined;
};

/** What the body says of its place must be what the path says. */
export function checkIdentity({ namespace, name }: Target, { metadata }: KubeObject): void {
  const asked = metadata.name ?? '';
  if (asked === '') {
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  }
  if (asked !== name) {
    throw badRequest(
      `the name of the object (${asked}) does not match the name on the URL (${name})`,
    );
  }
  const inBody = metadata.namespace ?? '';
  if (inBody === '' || inBody === (namespace ?? '')) return;
  throw badRequest(
    `the namespace of the object (${inBody}) does not match the namespace on the request` +
      ` (${namespace})`,
  );
}

/**
 * The server's own metadata stay. The status subresource changes status and metadata, as the real
 * one does (registry/core/node strategy: only spec is reset); the object itself all but the status.
 */
export function prepareUpdate(target: Target, current: KubeObject, asked: KubeObject): KubeObject {
  const { kind, subresource } = target;
  const own = pick(current.metadata, SERVER_OWNED);
  const metadata: ObjectMeta = { ...clientOwned(asked.metadata), ...own };
  const { apiVersion: _apiVersion, kind: _kind, ...members } = asked;
  if (subresource === 'status') {
    return definedMembers({ ...current, metadata, status: members.status });
  }
  const status = kind.hasStatus ? current.status : members.status;
  const next = withDefaults(kind, definedMembers({ ...members, metadata, status }));
  if (!kind.hasGeneration || sameText(specOf(next), specOf(current))) return next;
  return { ...next, metadata: { ...metadata, generation: (own.generation ?? 0) + 1 } };
}

const SERVER_OWNED = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'resourceVersion',
] as const;

const pick = (metadata: ObjectMeta, names: readonly (keyof ObjectMeta)[]): ObjectMeta =>
  Object.fromEntries(Object.entries(metadata).filter(([name]) => names.some((n) => n === name)));

const specOf = ({ metadata: _metadata, status: _status, ...spec }: KubeObject): unknown => spec;

const definedMembers = <Members extends object>(members: Members): Members =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Members;

/** What the client may set, without empty maps (omitempty): the last label leaves no trace. */
export const clientOwned = (metadata: ObjectMeta): ObjectMeta =>
  Object.fromEntries(
    Object.entries(metadata).filter(
      ([name, value]) =>
        !SERVER_OWNED.some((owned) => owned === name) &&
        value !== null &&
        !(isJsonObject(value) && Object.keys(value).length === 0),
    ),
  );

/** Equal whatever the order of members. */
export const sameText = (a: unknown, b: unknown): boolean => sortedText(a) === sortedText(b);

const sortedText = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) =>
    isJsonObject(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );

export function namespaceFor(
  { kind, namespace }: Omit<Target, 'name'>,
  object: KubeObject,
): string | undefined {
  if (!kind.namespaced) return undefined;
  const inBody = object.metadata.namespace;
  if (namespace === undefined) throw methodNotAllowed();
  if (inBody !== undefined && inBody !== namespace) {
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
  return namespace;
}

/** The prefix and five characters, as `apiserver/pkg/storage/names` makes them. */
export function generateName(store: ObjectStore, prefix: string | undefined): string | undefined {
  if (prefix === undefined || prefix === '') return undefined;
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  const digits = [...store.newUid().replaceAll('-', '')].slice(0, 10);
  const suffix = [0, 2, 4, 6, 8].map((index) => {
    const number = Number.parseInt(`${digits[index]}${digits[index + 1]}`, 16);
    return alphabet[number % alphabet.length];
  });
  return `${prefix}${suffix.join('')}`;
}
