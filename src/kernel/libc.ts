// The few functions of the C library that Node.js has no words for: netlink sockets and
// namespaces. This is the only file that loads koffi. It gives each function a type and turns -1
// with errno into an AppError, or into a value where a caller tells errors apart. It keeps no
// state.

import { constants as osConstants } from 'node:os';
import koffi from 'koffi';
import { AppError } from '../lib/errors.ts';

/** Symbols of the process itself, so that glibc and musl are the same here. */
const library = koffi.load(null);

type Call = (...values: (number | bigint | Buffer | null)[]) => number;
type AsyncCall = {
  async: (...values: (number | Buffer | ((error: unknown, result: number) => void))[]) => void;
};
type Function = Call & AsyncCall;

const fn = (definition: string): Function => library.func(definition) as unknown as Function;

const c = {
  socket: fn('int socket(int domain, int type, int protocol)'),
  bind: fn('int bind(int fd, void *address, uint32_t length)'),
  getsockname: fn('int getsockname(int fd, void *address, void *length)'),
  getsockopt: fn('int getsockopt(int fd, int level, int name, void *value, void *length)'),
  setsockopt: fn('int setsockopt(int fd, int level, int name, void *value, uint32_t length)'),
  send: fn('long send(int fd, void *bytes, size_t length, int flags)'),
  recv: fn('long recv(int fd, void *bytes, size_t length, int flags)'),
  recvmmsg: fn('int recvmmsg(int fd, void *vector, uint32_t count, int flags, void *timeout)'),
  setns: fn('int setns(int fd, int type)'),
  unshare: fn('int unshare(int type)'),
  if_nametoindex: fn('uint32_t if_nametoindex(void *name)'),
  close: fn('int close(int fd)'),
  madvise: fn('int madvise(size_t address, size_t length, int advice)'),
};

/** glibc's alone: musl gives memory back by itself. */
const mallocTrim = optional('int malloc_trim(size_t pad)');

function optional(definition: string): Call | undefined {
  try {
    return fn(definition);
  } catch {
    return undefined; // The C library has no such function.
  }
}

/** Gives freed memory of the C library's allocator back to the system. */
export function trimAllocator(): void {
  mallocTrim?.(0);
}

const MADV_DONTNEED = 4;

/**
 * Takes pages of this process off its page tables (madvise(2)). Only for what is mapped from a file
 * and never written: whatever was written there would be gone. True when the kernel did it.
 */
export const dropCleanPages = (address: bigint, lengthBytes: bigint): boolean =>
  c.madvise(address, lengthBytes, MADV_DONTNEED) === 0;

export const AF_NETLINK = 16;
const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
const CLONE_NEWNET = 0x40000000;

/** The errors that callers tell apart, by name. */
export const ERRNO = osConstants.errno;

/** Second names of numbers that have a usual one. */
const UNUSUAL_NAMES: ReadonlySet<string> = new Set(['EWOULDBLOCK', 'ENOTSUP']);

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(osConstants.errno)
    .filter(([name]) => !UNUSUAL_NAMES.has(name))
    .map(([name, number]) => [number, name]),
);

/** `ENODEV`, or `errno 524` for what has no name outside the kernel. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `errno ${errno}`;

function checked(operation: string, result: number): number {
  if (result < 0) throw new AppError('SYSCALL', operation, errnoName(koffi.errno()));
  return result;
}

export const openSocket = (domain: number, protocol: number): number =>
  checked('open netlink socket', c.socket(domain, SOCK_RAW | SOCK_CLOEXEC, protocol));

export const closeSocket = (fd: number): number => c.close(fd);

export function bindSocket(fd: number, address: Buffer): void {
  checked('bind netlink socket', c.bind(fd, address, address.length));
}

/** Writes the socket's own address into `address`. */
export function socketName(fd: number, address: Buffer): void {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  checked('read the address of a netlink socket', c.getsockname(fd, address, length));
}

export type SocketOption = { readonly level: number; readonly name: number };

/** Whether the kernel knows the option and allows it. */
export function setSocketOption(fd: number, option: SocketOption, value: number): boolean {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return c.setsockopt(fd, option.level, option.name, bytes, 4) === 0;
}

/** The same for an option that is a structure. */
export const setSocketBytes = (fd: number, option: SocketOption, value: Buffer): boolean =>
  c.setsockopt(fd, option.level, option.name, value, value.length) === 0;

/** Undefined when the kernel does not know the option. */
export function socketOption64(fd: number, option: SocketOption): bigint | undefined {
  const value = Buffer.alloc(8);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length);
  const isKnown = c.getsockopt(fd, option.level, option.name, value, length) === 0;
  return isKnown ? value.readBigUInt64LE() : undefined;
}

/** Length or -errno. */
export function send(fd: number, bytes: Buffer): number {
  const sent = c.send(fd, bytes, bytes.length, 0);
  return sent < 0 ? -koffi.errno() : sent;
}

/** `send` on a thread of its own, for requests that the kernel answers late. */
export function sendInThread(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    c.send.async(fd, bytes, bytes.length, 0, (error, sent) => {
      if (error) reject(error);
      else resolve(sent);
    });
  });
}

/** `receive` on a thread of its own, for answers that the kernel works on for long. */
export function receiveInThread(fd: number, bytes: Buffer, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    c.recv.async(fd, bytes, bytes.length, flags, (error, received) => {
      if (error) reject(error);
      else resolve(received);
    });
  });
}

/** Length or -errno. */
export function receive(fd: number, bytes: Buffer, flags: number): number {
  const received = c.recv(fd, bytes, bytes.length, flags);
  return received < 0 ? -koffi.errno() : received;
}

/** Number of datagrams or -errno; their lengths are in `vector`. */
export function receiveMany(fd: number, vector: DatagramVector, flags: number): number {
  const count = c.recvmmsg(fd, vector.bytes, vector.slots, flags, null);
  return count < 0 ? -koffi.errno() : count;
}

const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;

/** The `struct mmsghdr` array by which recvmmsg fills equal slots of one buffer. */
export class DatagramVector {
  readonly bytes: Buffer;
  readonly slots: number;
  readonly slotBytes: number;

  constructor(buffer: Buffer, slots: number) {
    this.slots = slots;
    this.slotBytes = Math.floor(buffer.length / slots);
    this.bytes = Buffer.alloc(slots * (MMSGHDR_BYTES + IOVEC_BYTES));
    const base = koffi.address(buffer);
    const vectors = koffi.address(this.bytes) + BigInt(slots * MMSGHDR_BYTES);
    for (let slot = 0; slot < slots; slot += 1) {
      const header = slot * MMSGHDR_BYTES;
      const vector = slots * MMSGHDR_BYTES + slot * IOVEC_BYTES;
      this.bytes.writeBigUInt64LE(vectors + BigInt(slot * IOVEC_BYTES), header + 16);
      this.bytes.writeBigUInt64LE(1n, header + 24);
      this.bytes.writeBigUInt64LE(base + BigInt(slot * this.slotBytes), vector);
      this.bytes.writeBigUInt64LE(BigInt(this.slotBytes), vector + 8);
    }
  }

  lengthBytes(slot: number): number {
    return this.bytes.readUInt32LE(slot * MMSGHDR_BYTES + 56);
  }

  truncated(slot: number): boolean {
    return (this.bytes.readInt32LE(slot * MMSGHDR_BYTES + 48) & MSG_TRUNC) !== 0;
  }
}

/** 0 or -errno. */
export const setNetns = (fd: number): number =>
  c.setns(fd, CLONE_NEWNET) < 0 ? -koffi.errno() : 0;

/** Puts this thread into a network namespace that was made for it; 0 or -errno. */
export const enterNewNetns = (): number => (c.unshare(CLONE_NEWNET) < 0 ? -koffi.errno() : 0);

/** Of a link of this namespace; 0 when there is none. */
export const indexOfLink = (name: string): number =>
  c.if_nametoindex(Buffer.from(`${name}\0`, 'latin1'));

export type Poll = { start(): void; close(): void };

/**
 * Calls `readable` on the main loop when the descriptor has something to read. The caller keeps
 * the result: a handle that is dropped is collected, and its events stop without a word. `readable`
 * must not throw: the exception would surface elsewhere. After an error on the descriptor (a
 * netlink receive overflow) libuv stops the handle: `start` it again once the error has been read.
 */
export function pollReadable(fd: number, readable: () => void): Poll {
  const handle = koffi.node.poll(fd, { readable: true }, readable);
  return {
    start: () => handle.start({ readable: true }, readable),
    close: () => handle.close(),
  };
}
