// What the API answers when it refuses: `Status` objects with the codes, reasons and messages of
// the real server (apimachinery/pkg/api/errors), because clients and kubectl act on them. A handler
// throws a StatusError and http.ts alone turns it into an answer.

import type { Kind } from './kinds.ts';
import { qualifiedResource } from './kinds.ts';

type StatusReason =
  | 'AlreadyExists'
  | 'BadRequest'
  | 'Conflict'
  | 'Expired'
  | 'Forbidden'
  | 'InternalError'
  | 'Invalid'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'NotFound'
  | 'RequestEntityTooLarge'
  | 'ServiceUnavailable'
  | 'Timeout'
  | 'TooManyRequests'
  | 'Unauthorized'
  | 'UnsupportedMediaType';

type StatusCause = {
  readonly reason?: string;
  readonly message: string;
  readonly field?: string;
};

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
};

export type StatusBody = {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  /** Of a list that can go on, the token by which. */
  readonly metadata: { readonly continue?: string };
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  /** Absent from a success. */
  readonly code?: number;
};

export type Refusal = {
  readonly code: number;
  /** Absent where the real server fails at what it did not foresee (500). */
  readonly reason?: StatusReason;
  readonly message: string;
  readonly details?: StatusDetails;
  readonly metadata?: StatusBody['metadata'];
};

export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly body: StatusBody;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.body = failure(refusal);
  }
}

const HEAD = { kind: 'Status', apiVersion: 'v1', metadata: {} } as const;

export const failure = (refusal: Refusal): StatusBody => ({
  ...HEAD,
  status: 'Failure',
  ...refusal,
});

export const success = (details: StatusDetails): StatusBody => ({
  ...HEAD,
  status: 'Success',
  details,
});

const about = (kind: Kind, name: string): StatusDetails => ({
  name,
  group: kind.group,
  kind: kind.resource,
});

const title = (kind: Kind, name: string): string => `${qualifiedResource(kind)} "${name}"`;

export const notFound = (kind: Kind, name: string): StatusError =>
  new StatusError({
    code: 404,
    reason: 'NotFound',
    message: `${title(kind, name)} not found`,
    details: about(kind, name),
  });

export const alreadyExists = (kind: Kind, name: string): StatusError =>
  new StatusError({
    code: 409,
    reason: 'AlreadyExists',
    message: `${title(kind, name)} already exists`,
    details: about(kind, name),
  });

export const conflict = (kind: Kind, name: string, why: string): StatusError =>
  new StatusError({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${title(kind, name)}: ${why}`,
    details: about(kind, name),
  });

export const MODIFIED_MEANWHILE =
  'the object has been modified; please apply your changes to the latest version and try again';

/** What is wrong with one field; begins with the kind of fault: `Invalid value: …`. */
export type Problem = { readonly field: string; readonly problem: string };

type Invalid = {
  readonly kind: Kind;
  readonly name: string;
  readonly problems: readonly Problem[];
};

export const invalid = ({ kind, name, problems }: Invalid): StatusError =>
  invalidAs({ group: kind.group, kind: kind.kind, name }, problems);

/** Of the query: options have no name. */
export const invalidOptions = (kind: string, problem: Problem): StatusError =>
  invalidAs({ group: 'meta.k8s.io', kind, name: '' }, [problem]);

function invalidAs(
  { group, kind, name }: { readonly group: string; readonly kind: string; readonly name: string },
  problems: readonly Problem[],
): StatusError {
  const title = group === '' ? kind : `${kind}.${group}`;
  const texts = [...new Set(problems.map(({ field, problem }) => `${field}: ${problem}`))];
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new StatusError({
    code: 422,
    reason: 'Invalid',
    message: `${title} "${name}" is invalid: ${text}`,
    details: {
      ...{ name, group, kind },
      causes: problems.map(({ field, problem }) => ({
        ...{ reason: causeOf(problem), message: problem, field },
      })),
    },
  });
}

/** The reason that the real server gives with each beginning of a problem's words. */
const causeOf = (problem: string): string =>
  Object.entries(CAUSES).find(([words]) => problem.startsWith(words))?.[1] ?? 'FieldValueInvalid';

const CAUSES: Readonly<Record<string, string>> = {
  Required: 'FieldValueRequired',
  Forbidden: 'FieldValueForbidden',
  'Too long': 'FieldValueTooLong',
  Unsupported: 'FieldValueNotSupported',
  Duplicate: 'FieldValueDuplicate',
};

/** What a patch makes cannot be read as an object of the kind. */
export const invalidPatch = (why: string): StatusError =>
  new StatusError({
    code: 422,
    reason: 'Invalid',
    message: ` "" is invalid: patch: ${why}`,
    details: { causes: [{ reason: 'FieldValueInvalid', message: why, field: 'patch' }] },
  });

export const badRequest = (message: string): StatusError =>
  new StatusError({ code: 400, reason: 'BadRequest', message });

/** The pages of a list go on, by another token, with what is there now. */
export const expiredContinuation = (token: string): StatusError =>
  new StatusError({
    code: 410,
    reason: 'Expired',
    message:
      'The provided continue parameter is too old to display a consistent list result. You can' +
      ' start a new list without the continue parameter, or use the continue token in this' +
      ' response to retrieve the remainder of the results. Continuing with the provided token' +
      ' results in an inconsistent list - objects that were created, modified, or deleted between' +
      ' the time the first chunk was returned and now may show up in the list.',
    metadata: { continue: token },
  });

/** The history does not reach back far enough: the client must list again. */
const expired = (message: string): StatusError =>
  new StatusError({ code: 410, reason: 'Expired', message });

export const tooOldRevision = (asked: number, oldest: number): StatusError =>
  expired(`too old resource version: ${asked} (${oldest})`);

/** The client is ahead: of another server, or of another life of this one. */
export const tooLargeRevision = (asked: number, current: number): StatusError =>
  new StatusError({
    code: 504,
    reason: 'Timeout',
    message: `Too large resource version: ${asked}, current: ${current}`,
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  });

export const pathNotFound = (): StatusError =>
  new StatusError({
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
    details: {},
  });

export const methodNotAllowed = (): StatusError =>
  new StatusError({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: {},
  });

/** Also what is known to be no API at all is answered in words. */
export const unsupportedMediaType = (message: string): StatusError =>
  new StatusError({ code: 415, reason: 'UnsupportedMediaType', message });
