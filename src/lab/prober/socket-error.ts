// What the network or the kernel says about a packet that was sent: struct sock_extended_err of
// linux/errqueue.h, which comes as a control message of the error queue (ip(7), IP_RECVERR). Pure.

import { ERRNO, errnoName } from '../../kernel/libc.ts';
import { decodeSocketAddress } from '../../kernel/socket-address.ts';
import type { Ip } from '../../net/ip.ts';

export type SocketError = {
  readonly errno: number;
  /** Who said so: a router or the receiver by ICMP, or nobody but the own kernel. */
  readonly reportedBy: Ip | undefined;
  /** The path's MTU when the packet was too big for it. */
  readonly pathMtuBytes: number | undefined;
};

const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_RECVERR = 11;
const IPV6_RECVERR = 25;
/** sizeof(struct cmsghdr), aligned as CMSG_ALIGN does. */
const CMSGHDR_BYTES = 16;
const SOCK_EXTENDED_ERR_BYTES = 16;

/** `struct cmsghdr { size_t cmsg_len; int cmsg_level; int cmsg_type; }` and its data, repeated. */
export function decodeSocketError(control: Buffer): SocketError | undefined {
  let at = 0;
  while (at + CMSGHDR_BYTES <= control.length) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CMSGHDR_BYTES || at + length > control.length) return undefined;
    const data = control.subarray(at + CMSGHDR_BYTES, at + length);
    if (isErrorMessage(control, at) && data.length >= SOCK_EXTENDED_ERR_BYTES) {
      return decodeExtendedError(data);
    }
    at += Math.ceil(length / 8) * 8;
  }
  return undefined;
}

function isErrorMessage(control: Buffer, at: number): boolean {
  const level = control.readInt32LE(at + 8);
  const type = control.readInt32LE(at + 12);
  return (
    (level === IPPROTO_IP && type === IP_RECVERR) ||
    (level === IPPROTO_IPV6 && type === IPV6_RECVERR)
  );
}

/** u32 errno, u8 origin, u8 type, u8 code, u8 pad, u32 info, u32 data, then SO_EE_OFFENDER. */
function decodeExtendedError(data: Buffer): SocketError {
  const errno = data.readUInt32LE(0);
  const info = data.readUInt32LE(8);
  const offender = decodeSocketAddress(data.subarray(SOCK_EXTENDED_ERR_BYTES));
  return {
    errno,
    reportedBy: offender?.address,
    pathMtuBytes: errno === ERRNO.EMSGSIZE ? info : undefined,
  };
}

const MEANINGS: ReadonlyMap<number, string> = new Map([
  [ERRNO.ECONNREFUSED, 'nothing listens there'],
  [ERRNO.EHOSTUNREACH, 'host unreachable'],
  [ERRNO.ENETUNREACH, 'network unreachable'],
  [ERRNO.EACCES, 'prohibited'],
  [ERRNO.EPERM, 'refused by a local filter rule'],
  [ERRNO.EMSGSIZE, 'the packet is too big'],
  // A veth link drops what its other end's MTU does not take, and only such a socket hears of it.
  [ERRNO.ENOBUFS, "dropped by the sender's own link: a full queue, or more than its MTU allows"],
]);

/** `host unreachable (EHOSTUNREACH, said by 10.0.0.1)`. */
export function describeSocketError(error: SocketError): string {
  const meaning = MEANINGS.get(error.errno);
  const name = errnoName(error.errno);
  const origin = error.reportedBy === undefined ? '' : `, said by ${error.reportedBy}`;
  const mtu = error.pathMtuBytes === undefined ? '' : `: path MTU is ${error.pathMtuBytes} bytes`;
  return meaning === undefined ? `${name}${origin}${mtu}` : `${meaning}${mtu} (${name}${origin})`;
}

export const describeErrno = (errno: number): string =>
  describeSocketError({ errno, reportedBy: undefined, pathMtuBytes: undefined });
