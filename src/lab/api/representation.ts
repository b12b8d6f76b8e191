// The forms in which objects leave the server, chosen by the Accept header: as they are, their
// metadata alone (PartialObjectMetadata), or rows of a Table, which is what kubectl prints.

import type { Kind } from './kinds.ts';
import { apiVersionOf } from './kinds.ts';
import { StatusError } from './status.ts';
import type { Entry } from './store.ts';
import { entryJson } from './store.ts';
import { columnsOf, rowOf } from './table.ts';

type IncludeObject = 'None' | 'Metadata' | 'Object';

export type Representation =
  | { readonly name: 'object' }
  | { readonly name: 'metadata' }
  | { readonly name: `table ${IncludeObject}`; readonly include: IncludeObject; now(): Date };

export type ListMeta = {
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
};

const META_VERSION = 'meta.k8s.io/v1';

/** The first form of the Accept header that we know. */
export function negotiate(
  accept: string | undefined,
  query: URLSearchParams,
  now: () => Date,
): Representation {
  if (accept === undefined || accept === '') return { name: 'object' };
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const isJson = ['application/json', 'application/*', '*/*'].includes(type);
    if (!isJson) continue;
    const form = parameters.find((part) => part.startsWith('as='))?.slice(3);
    if (form === undefined) return { name: 'object' };
    if (!parameters.includes('v=v1')) continue;
    if (form.startsWith('PartialObjectMetadata')) return { name: 'metadata' };
    if (form === 'Table') {
      const include = includeObject(query.get('includeObject'));
      return { name: `table ${include}`, include, now };
    }
  }
  throw new StatusError({
    code: 406,
    reason: 'NotAcceptable',
    message: 'only the following media types are accepted: application/json',
  });
}

const includeObject = (text: string | null): IncludeObject =>
  text === 'None' || text === 'Object' ? text : 'Metadata';

/** One object: an answer to GET, or the object of a watch event. */
export function renderEntry(entry: Entry, form: Representation): Buffer {
  if (form.name === 'object') return entryJson(entry);
  if (form.name === 'metadata') return jsonBuffer(partialObject(entry));
  const { resourceVersion = '' } = entry.object.metadata;
  return renderTable(entry.kind, [entry], { meta: { resourceVersion }, form });
}

export function renderList(
  kind: Kind,
  entries: readonly Entry[],
  { meta, form }: { readonly meta: ListMeta; readonly form: Representation },
): Buffer {
  if (form.name === 'metadata') {
    const items = entries.map(partialObject);
    const head = { kind: 'PartialObjectMetadataList', apiVersion: META_VERSION };
    return jsonBuffer({ ...head, metadata: meta, items });
  }
  if (form.name !== 'object') return renderTable(kind, entries, { meta, form });
  const head = { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata: meta };
  const pieces: Buffer[] = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`)];
  for (const [index, entry] of entries.entries()) {
    // Items of a list carry no kind and apiVersion, as in the real server's lists.
    pieces.push(Buffer.from(index === 0 ? '{' : ',{'), entry.tail);
  }
  pieces.push(Buffer.from(']}'));
  return Buffer.concat(pieces);
}

type TableForm = Extract<Representation, { include: IncludeObject }>;

function renderTable(
  kind: Kind,
  entries: readonly Entry[],
  { meta, form }: { readonly meta: ListMeta; readonly form: TableForm },
): Buffer {
  const now = form.now();
  const rows = entries.map((entry) => {
    const cells = rowOf(entry.kind, entry.object, now);
    if (form.include === 'None') return { cells };
    const { apiVersion, kind: name } = { apiVersion: apiVersionOf(entry.kind), kind: kind.kind };
    const whole = { kind: name, apiVersion, ...entry.object };
    return { cells, object: form.include === 'Object' ? whole : partialObject(entry) };
  });
  const columnDefinitions = columnsOf(kind).map(({ value: _value, ...column }) => ({
    format: '',
    description: '',
    ...column,
  }));
  const head = { kind: 'Table', apiVersion: META_VERSION, metadata: meta };
  return jsonBuffer({ ...head, columnDefinitions, rows });
}

const partialObject = (entry: Entry): unknown => ({
  kind: 'PartialObjectMetadata',
  apiVersion: META_VERSION,
  metadata: entry.object.metadata,
});

const jsonBuffer = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
