// Why the fake kernel refuses an op: the code of the AppError, and the words.

import type { ErrorCode } from '../../src/lib/error-codes.ts';

export type Refusal = {
  readonly code: ErrorCode;
  readonly text: string;
  /** What failed, where it is not the op itself. */
  readonly operation?: string;
};

export const refuse = (text: string, code: ErrorCode = 'NETLINK'): Refusal => ({ code, text });
