// A request that the API server refused or never answered, with what a caller may decide by: the
// status, the reason word and how long the server asks to wait. A connection that failed has no
// status.

import { AppError } from '../../lib/errors.ts';

export type ApiErrorFacts = {
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
};

export class KubernetesApiError extends AppError {
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    operation: string,
    detail: string,
    { cause, ...facts }: ApiErrorFacts & { readonly cause?: unknown },
  ) {
    super('KUBERNETES_API', operation, detail, cause);
    this.status = facts.status;
    this.reason = facts.reason;
    this.retryAfterMs = facts.retryAfterMs;
  }

  /** What the client remembered is no longer known to the server: it has to list again. */
  get isExpired(): boolean {
    const isTooLarge = this.status === 504 && this.message.includes('Too large resource version');
    return this.status === 410 || isTooLarge;
  }
}

/** The longest wait that we let a server ask for. */
const LONGEST_WAIT_MS = 5 * 60_000;

export type Refused = {
  readonly operation: string;
  readonly status: number;
  readonly retryAfterHeader: string | undefined;
  readonly body: string;
};

/** The error for an answer that is not 2xx. */
export function refusedError(refused: Refused): KubernetesApiError {
  const { operation, status, retryAfterHeader, body } = refused;
  return statusError(operation, parseJson(body) ?? { message: body.slice(0, 300) }, {
    status,
    retryAfterSeconds: seconds(retryAfterHeader),
  });
}

/** The error for a `Status` object, as an answer or inside of a watch. */
export function statusError(
  operation: string,
  body: unknown,
  known: { readonly status?: number; readonly retryAfterSeconds?: number | undefined } = {},
): KubernetesApiError {
  const { code, reason, message, details } = statusMembers(body);
  const status = known.status ?? code;
  const retryAfterSeconds = known.retryAfterSeconds ?? details?.retryAfterSeconds;
  return new KubernetesApiError(
    operation,
    [status, reason].filter(Boolean).join(' ') + (message ? `: ${message}` : ''),
    {
      status,
      reason,
      retryAfterMs:
        retryAfterSeconds === undefined
          ? undefined
          : Math.min(LONGEST_WAIT_MS, retryAfterSeconds * 1000),
    },
  );
}

type StatusMembers = {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
};

const statusMembers = (body: unknown): StatusMembers =>
  typeof body === 'object' && body !== null ? body : {};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const seconds = (header: string | undefined): number | undefined =>
  header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
