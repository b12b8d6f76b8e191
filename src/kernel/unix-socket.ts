// Unix sockets by their own system calls: Node.js drops the file descriptors that come along with
// bytes (SCM_RIGHTS, unix(7)), and its streams cost more than all else of a short call. Nothing
// here waits: who gets nothing asks again. The structures are those of 64-bit Linux; every
// descriptor has close-on-exec. Whoever calls owns every descriptor that is returned.

import koffi from 'koffi';
import { AppError } from '../lib/errors.ts';
import { errnoName } from './libc.ts';

const library = koffi.load(null);

const c = {
  socket: library.func('int socket(int domain, int type, int protocol)'),
  bind: library.func('int bind(int fd, void *address, uint32_t length)'),
  listen: library.func('int listen(int fd, int backlog)'),
  accept4: library.func('int accept4(int fd, void *address, void *length, int flags)'),
  recvmsg: library.func('long recvmsg(int fd, void *message, int flags)'),
  send: library.func('long send(int fd, void *bytes, size_t length, int flags)'),
  close: library.func('int close(int fd)'),
};

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/** `struct sockaddr_un`: the family and a path with its NUL. */
const PATH_MAX_BYTES = 107;
const MSGHDR_BYTES = 56;
const CONTROL_LENGTH_AT = 40;
const IOVEC_BYTES = 16;
/** sizeof(struct cmsghdr), aligned as CMSG_ALIGN does. */
const CMSGHDR_BYTES = 16;
/** Room for more descriptors than are expected, so that an extra one is seen and closed. */
const CONTROL_BYTES = CMSGHDR_BYTES + 4 * 16;
const MESSAGE_BYTES = 64 * 1024;

/** Throws AppError, also for a path that is longer than the kernel takes. */
export function listenUnix(path: string, backlog: number): number {
  const operation = `listen on ${path}`;
  const bytes = Buffer.from(path);
  if (bytes.length > PATH_MAX_BYTES) {
    throw new AppError('SYSCALL', operation, `a socket's path has at most ${PATH_MAX_BYTES} bytes`);
  }
  const address = Buffer.alloc(2 + PATH_MAX_BYTES + 1);
  address.writeUInt16LE(AF_UNIX);
  bytes.copy(address, 2);
  const socket: number = c.socket(AF_UNIX, SOCK_STREAM | FLAGS, 0);
  if (socket < 0) throw new AppError('SYSCALL', operation, errnoName(koffi.errno()));
  if (c.bind(socket, address, address.length) < 0 || c.listen(socket, backlog) < 0) {
    const errno = koffi.errno();
    closeDescriptor(socket);
    throw new AppError('SYSCALL', operation, errnoName(errno));
  }
  return socket;
}

/** The next connection; undefined when there is none to be had now. */
export function acceptUnix(socket: number): number | undefined {
  const connection: number = c.accept4(socket, null, null, FLAGS);
  return connection < 0 ? undefined : connection;
}

/** Bytes taken, 0 when there is no room at the moment, -errno when the other end is gone. */
export function sendUnix(socket: number, bytes: Buffer): number {
  const sent: number = c.send(socket, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  return isPassing(koffi.errno()) ? 0 : -koffi.errno();
}

export function closeDescriptor(descriptor: number): void {
  c.close(descriptor);
}

export type Received =
  /** `bytes` is empty when the other end has closed. */
  | { readonly kind: 'received'; readonly bytes: Buffer; readonly descriptors: readonly number[] }
  | { readonly kind: 'nothing-yet' }
  | { readonly kind: 'failed'; readonly errno: number };

/** One recvmsg after the other into the same memory: what is returned is a copy. */
export class DescriptorReceiver {
  readonly #data = Buffer.allocUnsafeSlow(MESSAGE_BYTES);
  readonly #control = Buffer.alloc(CONTROL_BYTES);
  readonly #vector = Buffer.alloc(IOVEC_BYTES);
  readonly #message = Buffer.alloc(MSGHDR_BYTES);

  constructor() {
    this.#vector.writeBigUInt64LE(koffi.address(this.#data), 0);
    this.#vector.writeBigUInt64LE(BigInt(this.#data.length), 8);
    this.#message.writeBigUInt64LE(koffi.address(this.#vector), 16);
    this.#message.writeBigUInt64LE(1n, 24);
    this.#message.writeBigUInt64LE(koffi.address(this.#control), 32);
  }

  receive(socket: number): Received {
    this.#message.writeBigUInt64LE(BigInt(CONTROL_BYTES), CONTROL_LENGTH_AT);
    const length: number = c.recvmsg(socket, this.#message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0) {
      const errno = koffi.errno();
      return isPassing(errno) ? { kind: 'nothing-yet' } : { kind: 'failed', errno };
    }
    const controlBytes = Number(this.#message.readBigUInt64LE(CONTROL_LENGTH_AT));
    const descriptors = descriptorsIn(this.#control.subarray(0, controlBytes));
    return { kind: 'received', bytes: Buffer.from(this.#data.subarray(0, length)), descriptors };
  }
}

const isPassing = (errno: number): boolean =>
  errno === koffi.os.errno.EAGAIN || errno === koffi.os.errno.EINTR;

/** `struct cmsghdr { size_t cmsg_len; int cmsg_level; int cmsg_type; }` and its data, repeated. */
function descriptorsIn(control: Buffer): number[] {
  const descriptors: number[] = [];
  let at = 0;
  while (at + CMSGHDR_BYTES <= control.length) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CMSGHDR_BYTES || at + length > control.length) break;
    const isRights =
      control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS;
    for (let item = at + CMSGHDR_BYTES; isRights && item + 4 <= at + length; item += 4) {
      descriptors.push(control.readInt32LE(item));
    }
    at += Math.ceil(length / 8) * 8;
  }
  return descriptors;
}
