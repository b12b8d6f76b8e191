// How many packets the kernel has dropped at a socket whose receive buffer was full. It is the
// counter that SO_RXQ_OVFL sends along with the packets that are read; SO_MEMINFO (socket(7),
// linux/sock_diag.h) reads it without one, so that drops behind the last packet count too.

import koffi from 'koffi';
import { errnoName } from '../../kernel/libc.ts';
import { AppError } from '../../lib/errors.ts';

const getsockopt = koffi
  .load(null)
  .func('int getsockopt(int fd, int level, int name, void *value, void *length)');

const SOL_SOCKET = 1;
const SO_MEMINFO = 55;
/** Index of SK_MEMINFO_DROPS, the last of nine numbers of 32 bits. */
const SK_MEMINFO_DROPS = 8;

export function socketDrops(fd: number): number {
  const values = Buffer.alloc((SK_MEMINFO_DROPS + 1) * 4);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(values.length);
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, length) < 0) {
    throw new AppError('SYSCALL', 'read the drops of a socket', errnoName(koffi.errno()));
  }
  return values.readUInt32LE(SK_MEMINFO_DROPS * 4);
}
