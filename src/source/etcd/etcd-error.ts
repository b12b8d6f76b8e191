// What etcd, or the way to it, refused, as an operating error with a reason that callers can decide
// by. The words are etcd's own, after what was asked of it. Pure.

import { AppError } from '../../lib/errors.ts';

/**
 * `away`: no answer, and whether a write was carried out is not known. `auth`: etcd answers, but
 * not to this user or certificate. `refused`: anything else that etcd says no to.
 */
export type EtcdFailure = 'away' | 'auth' | 'compacted' | 'lease-gone' | 'refused';

export class EtcdError extends AppError {
  readonly failure: EtcdFailure;

  constructor(operation: string, failure: EtcdFailure, cause: unknown) {
    super('ETCD', operation, `${WORDS[failure]}${textOf(cause)}`);
    this.failure = failure;
  }
}

const WORDS: Readonly<Record<EtcdFailure, string>> = {
  away: 'no answer of etcd: ',
  auth: 'etcd: access is refused, check user, password and certificates: ',
  compacted: '',
  'lease-gone': '',
  refused: '',
};

/** gRPC's numbers, where the words of etcd do not say more. */
const BY_NUMBER: Readonly<Record<number, EtcdFailure>> = {
  1: 'away',
  2: 'away',
  4: 'away',
  7: 'auth',
  8: 'away',
  11: 'compacted',
  13: 'away',
  14: 'away',
  15: 'away',
  16: 'auth',
};

const BY_WORDS: readonly (readonly [RegExp, EtcdFailure])[] = [
  [/has been compacted/, 'compacted'],
  [/lease not found|is expired or revoked/, 'lease-gone'],
  [/auth token|authentication|permission denied|user name|root user/i, 'auth'],
  // Said when the handshake fails because of a certificate, under the number of "away".
  [/certificate|SSL|TLS alert|bad record/i, 'auth'],
  [/no leader|leader changed|timed out|not healthy|client was already closed/, 'away'],
];

export function failureOf(cause: unknown): EtcdFailure {
  const text = textOf(cause);
  const found = BY_WORDS.find(([pattern]) => pattern.test(text));
  if (found !== undefined) return found[1];
  const number = Number(/^(\d+) [A-Z_]+:/.exec(text)?.[1] ?? '-1');
  return BY_NUMBER[number] ?? (cause instanceof Error && isDeadline(cause) ? 'away' : 'refused');
}

const isDeadline = (error: Error): boolean =>
  error.name === 'DeadlineError' || error.name === 'AbortError';

/** Without the stack of addresses that gRPC appends to its messages. */
const textOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, ' ').slice(0, 300);
