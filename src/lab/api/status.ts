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
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  readonly code: number;
};

export type Refusal = {
  readonly code: number;
  readonly reason: StatusReason;
  readonly message: string;
  readonly details?: StatusDetails;
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
  code: 200,
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

export type InvalidField = {
  readonly kind: Kind;
  readonly name: string;
  readonly field: string;
  readonly problem: string;
};

export const invalid = ({ kind, name, field, problem }: InvalidField): StatusError =>
  new StatusError({
    code: 422,
    reason: 'Invalid',
    message: `${kind.kind} "${name}" is invalid: ${field}: ${problem}`,
    details: {
      ...about(kind, name),
      kind: kind.kind,
      causes: [{ reason: 'FieldValueInvalid', message: problem, field }],
    },
  });

export const badRequest = (message: string): StatusError =>
  new StatusError({ code: 400, reason: 'BadRequest', message });

/** The history does not reach back far enough: the client must list again. */
export const expired = (message: string): StatusError =>
  new StatusError({ code: 410, reason: 'Expired', message });

export const tooOldRevision = (asked: number, oldest: number): StatusError =>
  expired(`too old resource version: ${asked} (${oldest})`);

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
