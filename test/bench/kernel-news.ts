// When the kernel of a namespace tells of a route or an FDB entry: a multicast socket of rtnetlink,
// read on the main loop, each message stamped on arrival.

import {
  closeSocket,
  ERRNO,
  MSG_DONTWAIT,
  pollReadable,
  receive,
  setSocketOption,
} from '../../src/kernel/libc.ts';
import { NETLINK_ROUTE, openNetlink } from '../../src/kernel/netlink-socket.ts';

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = { level: SOL_NETLINK, name: 1 };
const RTNLGRP_NEIGH = 3;
const RTNLGRP_IPV4_ROUTE = 7;
const HEADER_BYTES = 16;
const BUFFER_BYTES = 64 * 1024;

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_NEWNEIGH = 28;

export type Wanted = {
  readonly type: number;
  /** Bytes that the message must hold: a destination, or an Ethernet address. */
  readonly bytes: Buffer;
};

export class KernelNews {
  readonly #fd: number;
  readonly #poll: ReturnType<typeof pollReadable>;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #waiting: { readonly wanted: Wanted; readonly found: (atNs: bigint) => void } | undefined;

  constructor(netns: number) {
    this.#fd = openNetlink({ protocol: NETLINK_ROUTE, netns });
    for (const group of [RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE]) {
      if (!setSocketOption(this.#fd, NETLINK_ADD_MEMBERSHIP, group)) {
        throw new Error(`netlink group ${group} cannot be joined`);
      }
    }
    this.#poll = pollReadable(this.#fd, () => this.#drain());
  }

  /** CLOCK_MONOTONIC of the first such message from now on. */
  next(wanted: Wanted): Promise<bigint> {
    return new Promise((found) => {
      this.#waiting = { wanted, found };
    });
  }

  close(): void {
    this.#poll.close();
    closeSocket(this.#fd);
  }

  #drain(): void {
    const atNs = process.hrtime.bigint();
    for (;;) {
      const length = receive(this.#fd, this.#buffer, MSG_DONTWAIT);
      if (length === -ERRNO.EAGAIN || length <= 0) return;
      this.#look(this.#buffer.subarray(0, length), atNs);
    }
  }

  #look(datagram: Buffer, atNs: bigint): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    for (let at = 0; at + HEADER_BYTES <= datagram.length; ) {
      const length = datagram.readUInt32LE(at);
      if (length < HEADER_BYTES) return;
      const isType = datagram.readUInt16LE(at + 4) === waiting.wanted.type;
      if (isType && datagram.subarray(at, at + length).includes(waiting.wanted.bytes)) {
        this.#waiting = undefined;
        waiting.found(atNs);
        return;
      }
      at += (length + 3) & ~3;
    }
  }
}
