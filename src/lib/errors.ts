// Operating errors: what can go wrong around a correct program. Each carries a code of the
// catalogue (error-codes.ts, held equal to docs/errors.md by a test), the operation that failed and
// the cause. Expected outcomes are values, not errors, and broken assumptions are assertions.

import type { ErrorCode } from './error-codes.ts';
import { ERROR_CODES } from './error-codes.ts';

export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  /** What was being done, in words: `create link poplin4-1`. */
  readonly operation: string;

  constructor(code: ErrorCode, operation: string, detail: string, cause?: unknown) {
    super(`${operation}: ${detail}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.operation = operation;
  }

  /** Whether trying the same again later can succeed without anybody changing anything. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** The text of whatever was thrown, with its causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : ` (${describeError(error.cause)})`;
  return error.message + cause;
}
