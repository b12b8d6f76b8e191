// Takes TCP connections at one address inside one namespace. It reads until the other end is done
// and answers with what it saw: the source address, and length and digest of what came. The socket
// is opened inside the namespace and then handed to Node.js, which knows streams.

import { createHash } from 'node:crypto';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { bindTo, SOCK_STREAM } from '../../kernel/inet-socket.ts';
import type { SocketAddress } from '../../kernel/socket-address.ts';
import { encodeSocketAddress } from '../../kernel/socket-address.ts';
import { familyOf } from '../../net/ip.ts';
import { bindError, boundAddress, openSocketIn } from './open-socket.ts';

/** What the responder says at the end, as one JSON object. */
export type TcpAnswer = {
  readonly seenSource: string;
  readonly seenBytes: number;
  readonly sha256: string;
};

const CONNECTIONS_MAX = 1024;

export class TcpResponder {
  readonly address: SocketAddress;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  private constructor(address: SocketAddress) {
    this.address = address;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Rejects when the namespace does not have the address. */
  static async open(netns: number, local: SocketAddress): Promise<TcpResponder> {
    const kind = { family: familyOf(local.address), type: SOCK_STREAM };
    const fd = openSocketIn(netns, kind, (socket) => bindTo(socket, encodeSocketAddress(local)));
    if (fd < 0) throw bindError(local, -fd);
    const responder = new TcpResponder(boundAddress(fd));
    await new Promise<void>((resolve, reject) => {
      responder.#server.once('error', reject);
      responder.#server.listen({ fd }, () => {
        responder.#server.off('error', reject);
        resolve();
      });
    });
    return responder;
  }

  #serve(socket: Socket): void {
    const { remoteAddress = '' } = socket;
    const digest = createHash('sha256');
    let seenBytes = 0;
    this.#connections.add(socket);
    socket.on('data', (chunk: Buffer) => {
      digest.update(chunk);
      seenBytes += chunk.length;
    });
    socket.on('end', () => {
      const answer: TcpAnswer = {
        seenSource: remoteAddress,
        seenBytes,
        sha256: digest.digest('hex'),
      };
      socket.end(JSON.stringify(answer));
    });
    // A connection that breaks is what the other end reports.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#connections.delete(socket));
  }

  /** Ends all connections. */
  close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
