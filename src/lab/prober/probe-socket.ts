// A UDP socket inside somebody else's network namespace, polled by this process's main loop. The
// namespace is entered only for the moments of socket() and bind(): what the socket sends later
// still goes the namespace's way. Errors that the network reports (ICMP) come as events, because
// the socket asks for the kernel's error queue; no method of it throws after it is open.

import {
  bindTo,
  connectTo,
  receiveDatagram,
  receiveErrorQueue,
  SOCK_DGRAM,
  sendDatagram,
  socketOption,
} from '../../kernel/inet-socket.ts';
import type { Poll } from '../../kernel/libc.ts';
import { closeSocket, ERRNO, pollReadable, setSocketOption } from '../../kernel/libc.ts';
import type { SocketAddress } from '../../kernel/socket-address.ts';
import { decodeSocketAddress, encodeSocketAddress } from '../../kernel/socket-address.ts';
import { assert } from '../../lib/assert.ts';
import { AppError } from '../../lib/errors.ts';
import type { Family } from '../../net/family.ts';
import { familyOf } from '../../net/ip.ts';
import { bindError, boundAddress, openSocketIn } from './open-socket.ts';
import type { SocketError } from './socket-error.ts';
import { decodeSocketError, describeErrno } from './socket-error.ts';

const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
/** Never fragment, here or on the way, and refuse what the path is known not to take. */
const PMTUDISC_DO = 2;

const OPTIONS = {
  ipv4: {
    reportErrors: { level: IPPROTO_IP, name: 11 /* IP_RECVERR */ },
    pathMtu: { level: IPPROTO_IP, name: 14 /* IP_MTU */ },
    dontFragment: [
      { option: { level: IPPROTO_IP, name: 10 /* IP_MTU_DISCOVER */ }, value: PMTUDISC_DO },
    ],
  },
  ipv6: {
    reportErrors: { level: IPPROTO_IPV6, name: 25 /* IPV6_RECVERR */ },
    pathMtu: { level: IPPROTO_IPV6, name: 24 /* IPV6_MTU */ },
    dontFragment: [
      { option: { level: IPPROTO_IPV6, name: 23 /* IPV6_MTU_DISCOVER */ }, value: PMTUDISC_DO },
      { option: { level: IPPROTO_IPV6, name: 62 /* IPV6_DONTFRAG */ }, value: 1 },
    ],
  },
} as const satisfies Record<Family, object>;

/** Entries of one kind taken per turn of the loop, so that no socket starves the others. */
const DRAIN_MAX = 256;
const DATAGRAM_BYTES_MAX = 65_536;
const SOCKADDR_BYTES_MAX = 28;

export type ProbeSocketEvents = {
  /** `bytes` is valid only during the call. */
  datagram(bytes: Buffer, from: SocketAddress): void;
  error(error: SocketError): void;
};

export type Sent = { readonly ok: true } | { readonly ok: false; readonly error: SocketError };

export class ProbeSocket {
  readonly family: Family;
  readonly #fd: number;
  readonly #events: ProbeSocketEvents;
  readonly #poll: Poll;
  readonly #buffer: Buffer;
  #closed = false;

  private constructor(options: {
    readonly fd: number;
    readonly family: Family;
    readonly events: ProbeSocketEvents;
    readonly datagramBytesMax: number;
  }) {
    this.family = options.family;
    this.#fd = options.fd;
    this.#events = options.events;
    this.#buffer = Buffer.allocUnsafe(options.datagramBytesMax);
    this.#poll = pollReadable(options.fd, () => this.#drain());
  }

  /** Waits for datagrams at an address of the namespace, on a port that the kernel chooses. */
  static listening(netns: number, local: SocketAddress, events: ProbeSocketEvents): ProbeSocket {
    const family = familyOf(local.address);
    const fd = openSocketIn(netns, { family, type: SOCK_DGRAM }, (socket) => {
      prepare(socket, family);
      return bindTo(socket, encodeSocketAddress(local));
    });
    if (fd < 0) throw bindError(local, -fd);
    return new ProbeSocket({ fd, family, events, datagramBytesMax: DATAGRAM_BYTES_MAX });
  }

  /**
   * Speaks to one address, with a source address that the namespace's routes choose; nothing is
   * fragmented. Throws when there is no route.
   */
  static connected(netns: number, remote: SocketAddress, events: ProbeSocketEvents): ProbeSocket {
    const family = familyOf(remote.address);
    const fd = openSocketIn(netns, { family, type: SOCK_DGRAM }, (socket) => {
      prepare(socket, family);
      const { dontFragment } = OPTIONS[family];
      for (const { option, value } of dontFragment) mustSet(socket, option, value);
      return connectTo(socket, encodeSocketAddress(remote));
    });
    if (fd < 0) throw new AppError('LAB', `reach ${remote.address}`, describeErrno(-fd));
    return new ProbeSocket({ fd, family, events, datagramBytesMax: 2048 });
  }

  get localAddress(): SocketAddress {
    return boundAddress(this.#fd);
  }

  /** Without an address it goes where the socket is connected to. */
  send(bytes: Buffer, to?: SocketAddress): Sent {
    assert(!this.#closed, 'send on a closed probe socket');
    const result = sendDatagram(this.#fd, bytes, to && encodeSocketAddress(to));
    if (result >= 0) return { ok: true };
    const error = this.#drainErrors().find((queued) => queued.errno === -result);
    return { ok: false, error: error ?? { errno: -result, ...this.#whatIsKnown(-result) } };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#poll.close();
    closeSocket(this.#fd);
  }

  #whatIsKnown(errno: number): Omit<SocketError, 'errno'> {
    const mtu = errno === ERRNO.EMSGSIZE ? socketOption(this.#fd, OPTIONS[this.family].pathMtu) : 0;
    return { reportedBy: undefined, pathMtuBytes: mtu > 0 ? mtu : undefined };
  }

  /** Runs on the main loop and must not throw (libc.ts); neither may the events' functions. */
  #drain(): void {
    if (this.#closed) return;
    const errors = this.#drainErrors();
    for (const error of errors) if (!this.#closed) this.#events.error(error);
    this.#drainDatagrams();
    // libuv stops a handle whose descriptor has an error.
    if (!this.#closed) this.#poll.start();
  }

  #drainErrors(): SocketError[] {
    const errors: SocketError[] = [];
    for (let count = 0; count < DRAIN_MAX; count += 1) {
      const control = receiveErrorQueue(this.#fd);
      if (typeof control === 'number') break;
      const error = decodeSocketError(control);
      if (error !== undefined) errors.push(error);
    }
    return errors;
  }

  #drainDatagrams(): void {
    const from = Buffer.alloc(SOCKADDR_BYTES_MAX);
    for (let count = 0; count < DRAIN_MAX && !this.#closed; count += 1) {
      const length = receiveDatagram(this.#fd, this.#buffer, from);
      if (length === -ERRNO.EAGAIN) return;
      const sender = decodeSocketAddress(from);
      // Any other error is one that the queue has told already; the next call reads on.
      if (length >= 0 && sender !== undefined) {
        this.#events.datagram(this.#buffer.subarray(0, length), sender);
      }
    }
  }
}

function prepare(fd: number, family: Family): void {
  mustSet(fd, OPTIONS[family].reportErrors, 1);
  mustSet(fd, { level: SOL_SOCKET, name: SO_RCVBUFFORCE }, RECEIVE_BUFFER_BYTES);
}

function mustSet(fd: number, option: { level: number; name: number }, value: number): void {
  if (setSocketOption(fd, option, value)) return;
  throw new AppError('SYSCALL', `set socket option ${option.level}/${option.name}`, 'refused');
}
