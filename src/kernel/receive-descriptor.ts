// One recvmsg on a unix socket, with the file descriptors that come along (SCM_RIGHTS, unix(7)):
// Node.js reads bytes only and drops them. The structures are those of 64-bit Linux; descriptors
// get close-on-exec. Whoever calls owns every descriptor that is returned.

import koffi from 'koffi';

const library = koffi.load(null);
const recvmsg = library.func('long recvmsg(int fd, void *message, int flags)');

const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

const MSGHDR_BYTES = 56;
const IOVEC_BYTES = 16;
/** sizeof(struct cmsghdr), aligned as CMSG_ALIGN does. */
const CMSGHDR_BYTES = 16;
/** Room for more descriptors than are expected, so that an extra one is seen and closed. */
const CONTROL_BYTES = CMSGHDR_BYTES + 4 * 16;
const MESSAGE_BYTES = 64 * 1024;

export type Received =
  /** `bytes` is empty when the other end has closed. */
  | { readonly kind: 'received'; readonly bytes: Buffer; readonly descriptors: readonly number[] }
  | { readonly kind: 'nothing-yet' }
  | { readonly kind: 'failed'; readonly errno: number };

export function receiveWithDescriptors(socket: number): Received {
  const data = Buffer.alloc(MESSAGE_BYTES);
  const control = Buffer.alloc(CONTROL_BYTES);
  const vector = Buffer.alloc(IOVEC_BYTES);
  vector.writeBigUInt64LE(koffi.address(data), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  const message = Buffer.alloc(MSGHDR_BYTES);
  message.writeBigUInt64LE(koffi.address(vector), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(koffi.address(control), 32);
  message.writeBigUInt64LE(BigInt(control.length), 40);
  const length: number = recvmsg(socket, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) {
    const errno = koffi.errno();
    const { EAGAIN, EINTR } = koffi.os.errno;
    return errno === EAGAIN || errno === EINTR
      ? { kind: 'nothing-yet' }
      : { kind: 'failed', errno };
  }
  const controlBytes = Number(message.readBigUInt64LE(40));
  const descriptors = descriptorsIn(control.subarray(0, controlBytes));
  return { kind: 'received', bytes: data.subarray(0, length), descriptors };
}

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
