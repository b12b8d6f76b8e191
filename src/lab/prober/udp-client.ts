// Asks one UDP responder from inside one namespace: a question of a given packet size, never
// fragmented, and its answer. One question at a time, so that an error which the network reports is
// known to be about it.

import type { SocketAddress } from '../../kernel/socket-address.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import { udpPayloadBytes } from './packet-size.ts';
import { ProbeSocket } from './probe-socket.ts';
import type { SocketError } from './socket-error.ts';
import type { UdpAnswer } from './udp-message.ts';
import { decodeMessage, encodeQuestion } from './udp-message.ts';

export type UdpAsk = {
  /** Not used for another question in the same check. */
  readonly token: number;
  /** Of the whole IP packet. */
  readonly packetBytes: number;
  /** How often it may be sent, evenly over the time. */
  readonly attempts: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly stop: AbortSignal;
};

export type UdpOutcome =
  | { readonly kind: 'answered'; readonly answer: UdpAnswer; readonly attempt: number }
  | { readonly kind: 'refused'; readonly error: SocketError }
  | { readonly kind: 'silent' };

type Pending = {
  readonly token: number;
  readonly resolve: (outcome: UdpAnswer | SocketError) => void;
};

export class UdpClient {
  readonly #socket: ProbeSocket;
  #pending: Pending | undefined;

  /** Throws when the namespace has no route to the address. */
  constructor(netns: number, remote: SocketAddress) {
    this.#socket = ProbeSocket.connected(netns, remote, {
      datagram: (bytes) => {
        const message = decodeMessage(bytes);
        if (message?.kind !== 'answer' || message.token !== this.#pending?.token) return;
        this.#pending.resolve(message);
      },
      error: (error) => this.#pending?.resolve(error),
    });
  }

  /** Resolves after `timeoutMs` at the latest, or soon after `stop`. */
  async ask(ask: UdpAsk): Promise<UdpOutcome> {
    assert(this.#pending === undefined, 'one question at a time');
    const { promise, resolve } = Promise.withResolvers<UdpAnswer | SocketError>();
    this.#pending = { token: ask.token, resolve };
    const finished = new AbortController();
    const signal = AbortSignal.any([ask.stop, finished.signal]);
    const payloadBytes = udpPayloadBytes(this.#socket.family, ask.packetBytes);
    const question = encodeQuestion(ask.token, payloadBytes);
    try {
      for (let attempt = 1; attempt <= ask.attempts && !ask.stop.aborted; attempt += 1) {
        const sent = this.#socket.send(question);
        if (!sent.ok) return { kind: 'refused', error: sent.error };
        const wait = ask.clock.sleep(ask.timeoutMs / ask.attempts, signal);
        const outcome = await Promise.race([promise, wait]);
        if (outcome === undefined) continue;
        if ('token' in outcome) return { kind: 'answered', answer: outcome, attempt };
        return { kind: 'refused', error: outcome };
      }
      return { kind: 'silent' };
    } finally {
      finished.abort();
      this.#pending = undefined;
    }
  }

  close(): void {
    this.#socket.close();
  }
}
