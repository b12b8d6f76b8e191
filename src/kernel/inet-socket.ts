// Calls of the C library for UDP and TCP sockets that Node.js has no words for: sockets that belong
// to another network namespace, the "don't fragment" bit, and the kernel's queue of errors (ip(7),
// IP_RECVERR). Results are numbers, or -errno where a caller tells errors apart. Addresses are the
// bytes of a sockaddr (socket-address.ts). It keeps no state and does not enter namespaces itself.

import koffi from 'koffi';
import { AppError } from '../lib/errors.ts';
import type { Family } from '../net/family.ts';
import { errnoName, SOCK_CLOEXEC } from './libc.ts';

const library = koffi.load(null);

const c = {
  socket: library.func('int socket(int domain, int type, int protocol)'),
  bind: library.func('int bind(int fd, void *address, uint32_t length)'),
  connect: library.func('int connect(int fd, void *address, uint32_t length)'),
  getsockname: library.func('int getsockname(int fd, void *address, void *length)'),
  getsockopt: library.func(
    'int getsockopt(int fd, int level, int name, void *value, void *length)',
  ),
  sendto: library.func(
    'long sendto(int fd, void *bytes, size_t length, int flags, void *address, uint32_t size)',
  ),
  recvfrom: library.func(
    'long recvfrom(int fd, void *bytes, size_t length, int flags, void *address, void *size)',
  ),
  recvmsg: library.func('long recvmsg(int fd, void *message, int flags)'),
};

export const ADDRESS_FAMILY = { ipv4: 2, ipv6: 10 } as const satisfies Record<Family, number>;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const MSG_DONTWAIT = 0x40;
const MSG_ERRQUEUE = 0x2000;

const MSGHDR_BYTES = 56;
/** Room for one `sock_extended_err` with the address of whoever reported it. */
const CONTROL_BYTES = 256;
const SOCKADDR_BYTES_MAX = 28;

const numberOrErrno = (result: number): number => (result < 0 ? -koffi.errno() : result);

/** A non-blocking socket of the namespace that the thread is in. */
export function openInetSocket(family: Family, type: number, protocol = 0): number {
  const flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = numberOrErrno(c.socket(ADDRESS_FAMILY[family], type | flags, protocol));
  if (fd < 0) throw new AppError('SYSCALL', `open ${family} socket`, errnoName(-fd));
  return fd;
}

/** 0 or -errno. */
export const bindTo = (fd: number, address: Buffer): number =>
  numberOrErrno(c.bind(fd, address, address.length));

/** 0 or -errno; a TCP socket is mostly -EINPROGRESS. */
export const connectTo = (fd: number, address: Buffer): number =>
  numberOrErrno(c.connect(fd, address, address.length));

/** The socket's own address. */
export function localAddress(fd: number): Buffer {
  const address = Buffer.alloc(SOCKADDR_BYTES_MAX);
  const length = lengthOf(address);
  const result = numberOrErrno(c.getsockname(fd, address, length));
  if (result < 0) throw new AppError('SYSCALL', 'read address of socket', errnoName(-result));
  return address.subarray(0, length.readUInt32LE());
}

/** The option's value, or -errno. */
export function socketOption(fd: number, { level, name }: { level: number; name: number }): number {
  const value = Buffer.alloc(4);
  const result = numberOrErrno(c.getsockopt(fd, level, name, value, lengthOf(value)));
  return result < 0 ? result : value.readInt32LE();
}

/** Length or -errno. Without an address it goes where the socket is connected to. */
export const sendDatagram = (fd: number, bytes: Buffer, to?: Buffer): number =>
  numberOrErrno(c.sendto(fd, bytes, bytes.length, MSG_DONTWAIT, to ?? null, to?.length ?? 0));

/** Length or -errno; the sender's address is written into `from`. */
export const receiveDatagram = (fd: number, bytes: Buffer, from: Buffer): number =>
  numberOrErrno(c.recvfrom(fd, bytes, bytes.length, MSG_DONTWAIT, from, lengthOf(from)));

/** The control messages of the next entry of the error queue, or -errno (EAGAIN: it is empty). */
export function receiveErrorQueue(fd: number): Buffer | number {
  const control = Buffer.alloc(CONTROL_BYTES);
  const message = Buffer.alloc(MSGHDR_BYTES);
  // struct msghdr without name and data: only msg_control and msg_controllen.
  message.writeBigUInt64LE(koffi.address(control), 32);
  message.writeBigUInt64LE(BigInt(control.length), 40);
  const result = numberOrErrno(c.recvmsg(fd, message, MSG_ERRQUEUE | MSG_DONTWAIT));
  return result < 0 ? result : control.subarray(0, Number(message.readBigUInt64LE(40)));
}

function lengthOf(buffer: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(buffer.length);
  return length;
}
