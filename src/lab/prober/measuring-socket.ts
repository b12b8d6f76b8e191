// A pod's UDP socket of a measurement: it sends to all peers and takes what comes from them. Unlike
// a ProbeSocket it does not ask for errors that the network reports, since the kernel would hand
// one about an earlier packet to the next `send` and not send that: one loss would count twice.

import { bindTo, receiveDatagram, SOCK_DGRAM, sendDatagram } from '../../kernel/inet-socket.ts';
import type { Poll } from '../../kernel/libc.ts';
import { closeSocket, pollReadable, setSocketOption } from '../../kernel/libc.ts';
import type { SocketAddress } from '../../kernel/socket-address.ts';
import { encodeSocketAddress } from '../../kernel/socket-address.ts';
import { familyOf } from '../../net/ip.ts';
import { bindError, boundAddress, openSocketIn } from './open-socket.ts';
import { socketDrops } from './socket-drops.ts';

const SO_RCVBUFFORCE = { level: 1 /* SOL_SOCKET */, name: 33 };
/** Some 5,000 small packets: a second and more of all that is ever sent. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** Taken per turn of the loop, so that no socket starves the others. */
const DRAIN_MAX = 256;
const DATAGRAM_BYTES_MAX = 256;
const SOCKADDR_BYTES_MAX = 28;

export class MeasuringSocket {
  readonly address: SocketAddress;
  readonly #fd: number;
  readonly #poll: Poll;
  readonly #received: (bytes: Buffer) => void;
  readonly #buffer = Buffer.allocUnsafe(DATAGRAM_BYTES_MAX);
  readonly #sender = Buffer.alloc(SOCKADDR_BYTES_MAX);
  #isClosed = false;

  /**
   * On a port that the kernel chooses; throws when the namespace does not have the address. The
   * bytes that `received` gets are valid only during the call, which must not throw.
   */
  constructor(netns: number, local: SocketAddress, received: (bytes: Buffer) => void) {
    const kind = { family: familyOf(local.address), type: SOCK_DGRAM };
    const fd = openSocketIn(netns, kind, (socket) => {
      setSocketOption(socket, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES);
      return bindTo(socket, encodeSocketAddress(local));
    });
    if (fd < 0) throw bindError(local, -fd);
    this.#fd = fd;
    this.#received = received;
    this.address = boundAddress(fd);
    this.#poll = pollReadable(fd, () => this.#drain());
  }

  /** To an encoded address; what it returns is negative, -errno, when nothing was sent. */
  send(bytes: Buffer, to: Buffer): number {
    return sendDatagram(this.#fd, bytes, to);
  }

  /** Packets that were dropped because this process did not read in time. */
  get dropCount(): number {
    return socketDrops(this.#fd);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#poll.close();
    closeSocket(this.#fd);
  }

  #drain(): void {
    for (let count = 0; count < DRAIN_MAX && !this.#isClosed; count += 1) {
      const length = receiveDatagram(this.#fd, this.#buffer, this.#sender);
      if (length < 0) break;
      this.#received(this.#buffer.subarray(0, length));
    }
    // libuv stops a handle whose descriptor has an error.
    if (!this.#isClosed) this.#poll.start();
  }
}
