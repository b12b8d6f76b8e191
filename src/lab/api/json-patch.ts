// JSON patch (RFC 6902): operations on a copy of the object, all or none. What cannot be read is
// refused with 400, what cannot be applied with 422, as the real server does (evanphx/json-patch).
// One departure of both from the RFC: `test` with null also holds where there is nothing.

import { isDeepStrictEqual } from 'node:util';
import { isJsonObject } from './object.ts';
import { badRequest, StatusError } from './status.ts';

type Operation = {
  readonly op: unknown;
  readonly path: readonly string[];
  readonly from: readonly string[] | undefined;
  readonly value: unknown;
};

/** A document that is being changed. */
type Container = unknown[] | Record<string, unknown>;

export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('the JSON patch is not a list of operations');
  // Under one member, so that the whole document is a place like any other.
  const root = { document: structuredClone(target) };
  for (const operation of patch.map(readOperation)) apply(root, operation);
  return root.document;
}

function readOperation(value: unknown): Operation {
  if (!isJsonObject(value)) throw badRequest('an operation of the JSON patch is not an object');
  const path = parsePointer(value.path);
  if (path === undefined) throw refused();
  return { op: value.op, path, from: parsePointer(value.from), value: value.value };
}

/** The members from the root on; `undefined` when it is no JSON pointer. */
function parsePointer(text: unknown): readonly string[] | undefined {
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/'))) return undefined;
  const members = text
    .split('/')
    .slice(1)
    .map((member) => member.replaceAll('~1', '/').replaceAll('~0', '~'));
  return ['document', ...members];
}

function apply(root: Container, { op, path, from, value }: Operation): void {
  switch (op) {
    case 'add':
      add(root, path, value);
      return;
    case 'remove':
      remove(root, path);
      return;
    case 'replace':
      remove(root, path);
      add(root, path, value);
      return;
    case 'move':
      add(root, path, remove(root, source(from)));
      return;
    case 'copy':
      add(root, path, structuredClone(read(root, source(from))));
      return;
    case 'test': {
      const found = read(root, path, 'or nothing') ?? null;
      if (isDeepStrictEqual(found, value ?? null)) return;
      throw refused();
    }
    default:
      throw refused();
  }
}

function source(from: readonly string[] | undefined): readonly string[] {
  if (from === undefined) throw refused();
  return from;
}

function add(root: Container, path: readonly string[], value: unknown): void {
  const { container, last } = placeOf(root, path);
  if (!Array.isArray(container)) {
    define(container, last, value);
    return;
  }
  const index = last === '-' ? container.length : indexIn(container, last);
  if (index > container.length) throw refused();
  container.splice(index, 0, value);
}

function remove(root: Container, path: readonly string[]): unknown {
  const { container, last } = placeOf(root, path);
  const found = read(root, path);
  if (Array.isArray(container)) container.splice(indexIn(container, last), 1);
  else delete container[last];
  return found;
}

function read(root: Container, path: readonly string[], absent?: 'or nothing'): unknown {
  const { container, last } = placeOf(root, path);
  const isThere = Array.isArray(container)
    ? indexIn(container, last) < container.length
    : Object.hasOwn(container, last);
  if (!isThere && absent === undefined) throw refused();
  if (!isThere) return undefined;
  return Array.isArray(container) ? container[indexIn(container, last)] : container[last];
}

/** The list or object that holds the last member of the path, and that member. */
function placeOf(
  root: Container,
  path: readonly string[],
): { readonly container: Container; readonly last: string } {
  let container = root;
  for (const member of path.slice(0, -1)) {
    const next: unknown = Array.isArray(container)
      ? container[indexIn(container, member)]
      : Object.hasOwn(container, member) && container[member];
    if (typeof next !== 'object' || next === null) throw refused();
    container = next as Container;
  }
  return { container, last: path.at(-1) ?? '' };
}

function indexIn(list: readonly unknown[], member: string): number {
  if (!/^-?\d{1,9}$/.test(member)) throw refused();
  const index = Number(member);
  // Counted from the end, as the library of the real server does.
  if (index < 0 && index + list.length >= 0) return index + list.length;
  if (index < 0) throw refused();
  return index;
}

/** As an own member even where the name is `__proto__`. */
const define = (container: object, name: string, value: unknown): void => {
  Object.defineProperty(container, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
};

/** The real server does not say which operation it was. */
const refused = (): StatusError =>
  new StatusError({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: {},
  });
