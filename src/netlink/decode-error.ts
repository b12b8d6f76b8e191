// The only thing that a decoder of this folder throws: the bytes are not a message of the kind that
// was expected. It is an operating error, since another kernel may have sent them.

import { AppError } from '../lib/errors.ts';

export class DecodeError extends AppError {
  constructor(detail: string) {
    super('NETLINK_DECODE', 'decode netlink message', detail);
  }
}
