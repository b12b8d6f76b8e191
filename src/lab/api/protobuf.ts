// The protobuf in which newer kubectl sends a few objects (`kubectl create namespace`, `create
// configmap`): a magic, a `runtime.Unknown` with the type, and in it the object. Only what these
// commands can say is decoded, by field numbers of the generated.proto files of k8s.io/api; any
// other kind is refused with 415, since a field that we do not know would be lost silently.

import type { JsonObject } from './object.ts';
import { badRequest, StatusError } from './status.ts';

type Field =
  | { readonly name: string; readonly kind: 'text' | 'base64' }
  | { readonly name: string; readonly kind: 'message'; readonly fields: Fields }
  /** A map is a repeated message of key 1 and value 2. */
  | { readonly name: string; readonly kind: 'text-map' | 'base64-map' }
  /** Sent though empty, and set by the server: left out. */
  | { readonly name: string; readonly kind: 'ignored' };

type Fields = Readonly<Record<number, Field>>;

const META: Fields = {
  1: { name: 'name', kind: 'text' },
  2: { name: 'generateName', kind: 'text' },
  3: { name: 'namespace', kind: 'text' },
  4: { name: 'selfLink', kind: 'ignored' },
  5: { name: 'uid', kind: 'ignored' },
  6: { name: 'resourceVersion', kind: 'ignored' },
  7: { name: 'generation', kind: 'ignored' },
  8: { name: 'creationTimestamp', kind: 'ignored' },
  11: { name: 'labels', kind: 'text-map' },
  12: { name: 'annotations', kind: 'text-map' },
  17: { name: 'managedFields', kind: 'ignored' },
};

const METADATA: Field = { name: 'metadata', kind: 'message', fields: META };

const OBJECTS: Readonly<Record<string, Fields>> = {
  Namespace: {
    1: METADATA,
    2: { name: 'spec', kind: 'ignored' },
    3: { name: 'status', kind: 'ignored' },
  },
  ServiceAccount: { 1: METADATA },
  ConfigMap: {
    1: METADATA,
    2: { name: 'data', kind: 'text-map' },
    3: { name: 'binaryData', kind: 'base64-map' },
  },
  Secret: {
    1: METADATA,
    2: { name: 'data', kind: 'base64-map' },
    3: { name: 'type', kind: 'text' },
  },
};

const MAGIC = Buffer.from('k8s\0');

const UNKNOWN: Fields = {
  1: {
    name: 'typeMeta',
    kind: 'message',
    fields: { 1: { name: 'apiVersion', kind: 'text' }, 2: { name: 'kind', kind: 'text' } },
  },
  2: { name: 'raw', kind: 'base64' },
  3: { name: 'contentEncoding', kind: 'ignored' },
  4: { name: 'contentType', kind: 'ignored' },
};

type Envelope = {
  readonly typeMeta?: { readonly apiVersion?: string; readonly kind?: string };
  readonly raw?: string;
};

/** The object as JSON. */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw malformed();
  const { typeMeta, raw }: Envelope = decodeMessage(body.subarray(MAGIC.length), UNKNOWN);
  const fields = OBJECTS[typeMeta?.kind ?? ''];
  if (fields === undefined) throw unsupported(`objects of kind ${typeMeta?.kind}`);
  return { ...typeMeta, ...decodeMessage(Buffer.from(raw ?? '', 'base64'), fields) };
}

function decodeMessage(bytes: Buffer, fields: Fields): JsonObject {
  const members = new Map<string, unknown>();
  for (let at = 0; at < bytes.length; ) {
    const tag = varint(bytes, at);
    const field = fields[tag.value >> 3];
    const wireType = tag.value & 7;
    const isNumber = wireType === 0 && field?.kind === 'ignored';
    if (field === undefined || !(isNumber || wireType === 2)) {
      throw unsupported(`field ${tag.value >> 3}`);
    }
    // A number stands for itself; all else has its length in front.
    const first = varint(bytes, tag.next);
    at = isNumber ? first.next : first.next + first.value;
    if (at > bytes.length) throw malformed();
    const value = decodeValue(field, bytes.subarray(first.next, at), members.get(field.name));
    if (value !== undefined) members.set(field.name, value);
  }
  return Object.fromEntries(members);
}

function decodeValue(field: Field, bytes: Buffer, before: unknown): unknown {
  switch (field.kind) {
    case 'text':
      return bytes.length === 0 ? undefined : bytes.toString();
    case 'base64':
      return bytes.toString('base64');
    case 'message':
      return decodeMessage(bytes, field.fields);
    case 'text-map':
    case 'base64-map': {
      const kind = field.kind === 'text-map' ? 'text' : 'base64';
      const pair = decodeMessage(bytes, {
        1: { name: 'key', kind: 'text' },
        2: { name: 'value', kind },
      });
      const entries = Object.entries((before ?? {}) as object);
      return Object.fromEntries([...entries, [String(pair.key ?? ''), pair.value ?? '']]);
    }
    case 'ignored':
      return undefined;
  }
}

function varint(bytes: Buffer, start: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let index = 0; index < 4; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) throw malformed();
    value |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) return { value, next: start + index + 1 };
  }
  throw malformed();
}

const malformed = (): StatusError =>
  badRequest('the body of the request is not the protobuf of an object');

const unsupported = (what: string): StatusError =>
  new StatusError({
    code: 415,
    reason: 'UnsupportedMediaType',
    message: `the lab does not read ${what} as protobuf: send JSON, as kubectl create -f does`,
  });
