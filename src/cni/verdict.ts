// From what was thrown to what the runtime is told. Operating errors become CNI errors by their
// code; everything else is a fault of ours and goes up.

import type { ErrorCode } from '../lib/error-codes.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { CniCode, Verdict } from './errors.ts';
import { CNI_CODES, failed } from './errors.ts';

const CODE_OF: Readonly<Partial<Record<ErrorCode, CniCode>>> = {
  FILE: CNI_CODES.io,
  NETNS: CNI_CODES.invalidNetns,
};

/** `message`: what could not be done, in words. Throws again what is not an operating error. */
export function failedBy(error: unknown, message: string): Verdict {
  if (!(error instanceof AppError)) throw error;
  return failed(CODE_OF[error.code] ?? CNI_CODES.kernel, message, describeError(error));
}
