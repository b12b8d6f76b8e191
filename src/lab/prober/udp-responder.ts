// Answers the prober's UDP questions at one address, and tells the prober itself what arrived, so
// that a lost answer can be told from a lost question. It answers from the address that was asked.

import type { SocketAddress } from '../../kernel/socket-address.ts';
import type { ProbeSocketEvents } from './probe-socket.ts';
import { ProbeSocket } from './probe-socket.ts';
import type { SocketError } from './socket-error.ts';
import { decodeMessage, encodeAnswer } from './udp-message.ts';

export type UdpArrival = {
  readonly token: number;
  readonly from: SocketAddress;
  readonly sizeBytes: number;
  /** Why the answer could not even be sent. */
  readonly answerError: SocketError | undefined;
};

export class UdpResponder {
  readonly address: SocketAddress;
  readonly #socket: ProbeSocket;

  /** Throws when the namespace does not have the address. */
  constructor(netns: number, local: SocketAddress, arrived: (arrival: UdpArrival) => void) {
    const events: ProbeSocketEvents = {
      datagram: (bytes, from) => {
        const question = decodeMessage(bytes);
        if (question?.kind !== 'question') return;
        const { token, sizeBytes } = question;
        const answer = encodeAnswer({ token, seenSource: from.address, seenBytes: sizeBytes });
        const sent = this.#socket.send(answer, from);
        arrived({ token, from, sizeBytes, answerError: sent.ok ? undefined : sent.error });
      },
      // What the network says about answers; whoever misses one says so.
      error: () => undefined,
    };
    this.#socket = ProbeSocket.listening(netns, local, events);
    this.address = this.#socket.localAddress;
  }

  close(): void {
    this.#socket.close();
  }
}
