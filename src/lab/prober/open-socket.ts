// Opens a socket inside another network namespace: the thread is there only during the synchronous
// function, and the socket stays. What cannot be prepared is closed again.

import { localAddress, openInetSocket } from '../../kernel/inet-socket.ts';
import { closeSocket, ERRNO, errnoName } from '../../kernel/libc.ts';
import { inNetns } from '../../kernel/netns.ts';
import type { SocketAddress } from '../../kernel/socket-address.ts';
import { decodeSocketAddress } from '../../kernel/socket-address.ts';
import { assert } from '../../lib/assert.ts';
import { AppError } from '../../lib/errors.ts';
import type { Family } from '../../net/family.ts';

export type SocketKind = { readonly family: Family; readonly type: number };

/** The descriptor, or -errno when that is what `prepare` returns. */
export function openSocketIn(
  netns: number,
  { family, type }: SocketKind,
  prepare: (fd: number) => number,
): number {
  return inNetns(netns, () => {
    const fd = openInetSocket(family, type);
    try {
      const result = prepare(fd);
      if (result >= 0) return fd;
      closeSocket(fd);
      return result;
    } catch (error) {
      closeSocket(fd);
      throw error;
    }
  });
}

/** Where a bound socket is bound to, with the port that the kernel has chosen. */
export function boundAddress(fd: number): SocketAddress {
  const address = decodeSocketAddress(localAddress(fd));
  assert(address !== undefined, 'a bound socket has an address');
  return address;
}

export const bindError = (local: SocketAddress, errno: number): AppError =>
  new AppError(
    'LAB',
    `listen on ${local.address}`,
    errno === ERRNO.EADDRNOTAVAIL
      ? 'its namespace does not have that address (EADDRNOTAVAIL)'
      : errnoName(errno),
  );
