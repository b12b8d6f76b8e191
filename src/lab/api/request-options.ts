// The options of a request that are in its query, or, for DELETE, also in its body: read, and
// refused where the real server refuses them (apimachinery/pkg/apis/meta/v1/validation).

import type { JsonObject } from './object.ts';
import { textAt } from './object.ts';
import { badRequest, invalidOptions, StatusError } from './status.ts';

export type WriteOptions = { readonly isDryRun: boolean };

const LONGEST_MANAGER_BYTES = 128;

/** `kind` is what the real server calls them: CreateOptions. */
export function writeOptions(query: URLSearchParams, kind: string): WriteOptions {
  const manager = query.get('fieldManager') ?? '';
  if (Buffer.byteLength(manager) > LONGEST_MANAGER_BYTES) {
    const problem = `Too long: must have at most ${LONGEST_MANAGER_BYTES} bytes`;
    throw invalidOptions(kind, { field: 'fieldManager', problem });
  }
  return { isDryRun: isDryRun(query.getAll('dryRun'), kind) };
}

function isDryRun(values: readonly string[], kind: string): boolean {
  const asked = values.filter((value) => value !== '');
  if (asked.every((value) => value === 'All')) return asked.length > 0;
  const shown = asked.map((value) => JSON.stringify(value)).join(', ');
  const problem = `Unsupported value: []string{${shown}}: supported values: "All"`;
  throw invalidOptions(kind, { field: 'dryRun', problem });
}

const PROPAGATIONS = ['Foreground', 'Background', 'Orphan'] as const;

/** What becomes of the dependents. */
export type Propagation = (typeof PROPAGATIONS)[number];

export type DeleteOptions = WriteOptions & {
  readonly propagation: Propagation;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
};

/** A body replaces the query. */
export function deleteOptions(query: URLSearchParams, body: JsonObject | undefined): DeleteOptions {
  const kind = 'DeleteOptions';
  const text = (name: string): string =>
    body === undefined ? (query.get(name) ?? '') : textAt(body, name);
  const dryRun = body === undefined ? query.getAll('dryRun') : body.dryRun;
  const policy = text('propagationPolicy');
  const orphan = text('orphanDependents');
  if (policy !== '' && orphan !== '') {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    const problem = `Invalid value: ${JSON.stringify(policy)}: ${why}`;
    throw invalidOptions(kind, { field: 'propagationPolicy', problem });
  }
  const known = PROPAGATIONS.find((each) => each === policy);
  if (policy !== '' && known === undefined) {
    const supported = [...PROPAGATIONS, 'nil'].map((each) => JSON.stringify(each)).join(', ');
    const problem = `Unsupported value: ${JSON.stringify(policy)}: supported values: ${supported}`;
    throw invalidOptions(kind, { field: 'propagationPolicy', problem });
  }
  return {
    isDryRun: isDryRun(Array.isArray(dryRun) ? dryRun.map(String) : [], kind),
    propagation: known ?? (orphan === 'true' ? 'Orphan' : 'Background'),
    uid: textAt(body, 'preconditions.uid') || undefined,
    resourceVersion: textAt(body, 'preconditions.resourceVersion') || undefined,
  };
}

export const isTrue = (query: URLSearchParams, name: string): boolean =>
  ['true', '1'].includes(query.get(name) ?? '');

/** `undefined` when absent or empty. */
export function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  if (!/^-?\d{1,16}$/.test(text)) throw badRequest(`${name}: Invalid value: "${text}"`);
  return Number(text);
}

/** `undefined` when absent or empty; the real server stumbles over what is no number. */
export function revisionOf(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (/^\d{1,16}$/.test(text)) return Number(text);
  throw new StatusError({ code: 500, message: `resourceVersion: Invalid value: "${text}"` });
}

const MATCHES = ['Exact', 'NotOlderThan'] as const;

/** How a list is bound to the revision that it names. */
export type RevisionMatch = (typeof MATCHES)[number];

export function revisionMatchOf(query: URLSearchParams): RevisionMatch | undefined {
  const match = query.get('resourceVersionMatch') ?? '';
  if (match === '') return undefined;
  const refuse = (problem: string): StatusError =>
    invalidOptions('ListOptions', { field: 'resourceVersionMatch', problem });
  const revision = query.get('resourceVersion') ?? '';
  if (revision === '') {
    throw refuse('Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided');
  }
  const known = MATCHES.find((each) => each === match);
  if (known === undefined) {
    const supported = [...MATCHES, ''].map((each) => JSON.stringify(each)).join(', ');
    throw refuse(`Unsupported value: ${JSON.stringify(match)}: supported values: ${supported}`);
  }
  if (known === 'Exact' && revision === '0') {
    throw refuse('Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
  return known;
}
