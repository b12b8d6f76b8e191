// A TCP connection that lives as long as a measurement: from one pod to another, which sends back
// all that it gets. Each byte follows from its place in the stream, so that one that is missing,
// doubled or wrong shows at once. Its writes are longer than a packet, so that full ones go too.

import { Socket } from 'node:net';
import { SOCK_STREAM } from '../../kernel/inet-socket.ts';
import type { SocketAddress } from '../../kernel/socket-address.ts';
import { familyOf } from '../../net/ip.ts';
import { openSocketIn } from './open-socket.ts';
import { describeErrno } from './socket-error.ts';
import type { TcpServer } from './tcp-server.ts';
import { serveTcp } from './tcp-server.ts';

/** One full packet and a part of one. */
const WRITE_BYTES = 2_000;
/** What may be under way; with more, nothing is written until some of it has come back. */
const UNDER_WAY_BYTES_MAX = 1_000_000;
/** Does not divide the size of a packet, a page or a buffer. */
const PERIOD_BYTES = 251;
const COMPARED_BYTES_MAX = 65_536;
const PATTERN = Buffer.from(
  Array.from({ length: COMPARED_BYTES_MAX + PERIOD_BYTES }, (_, index) => index % PERIOD_BYTES),
);

/** The bytes of the stream from `offset` on. */
export function streamBytes(offset: number, length: number): Buffer {
  const start = offset % PERIOD_BYTES;
  return PATTERN.subarray(start, start + length);
}

export const openEchoServer = (netns: number, local: SocketAddress): Promise<TcpServer> =>
  serveTcp(netns, local, (socket) => {
    socket.setNoDelay(true);
    socket.pipe(socket);
  });

export type StreamSummary = {
  /** That came back. */
  readonly bytes: number;
  readonly broken: boolean;
  /** Why it is; '' when it is not. */
  readonly error: string;
};

export class EchoStream {
  readonly #socket: Socket;
  #isConnected = false;
  #isClosing = false;
  #writtenBytes = 0;
  #returnedBytes = 0;
  #error = '';

  constructor(netns: number, { address, port }: SocketAddress) {
    const kind = { family: familyOf(address), type: SOCK_STREAM };
    this.#socket = new Socket({ fd: openSocketIn(netns, kind, () => 0) });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#break(error.errno === undefined ? error.message : describeErrno(-error.errno));
    });
    this.#socket.on('end', () => this.#break('the other end closed it'));
    this.#socket.on('close', () => this.#break('it was closed'));
    this.#socket.connect({ host: address, port }, () => {
      this.#isConnected = true;
      this.#socket.setNoDelay(true);
    });
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Nothing more is to come: all is back, or the connection is broken. */
  get isFinished(): boolean {
    return this.#error !== '' || this.#returnedBytes === this.#writtenBytes;
  }

  write(): void {
    if (!this.#isConnected || this.#error !== '') return;
    if (this.#writtenBytes - this.#returnedBytes > UNDER_WAY_BYTES_MAX) return;
    this.#socket.write(streamBytes(this.#writtenBytes, WRITE_BYTES));
    this.#writtenBytes += WRITE_BYTES;
  }

  summary(): StreamSummary {
    const missing = this.#writtenBytes - this.#returnedBytes;
    const unfinished = this.#isConnected
      ? `${missing} of ${this.#writtenBytes} bytes did not come back`
      : 'it was never connected';
    const isWhole = this.#isConnected && missing === 0;
    const error = this.#error === '' && !isWhole ? unfinished : this.#error;
    return { bytes: this.#returnedBytes, broken: error !== '', error };
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += COMPARED_BYTES_MAX) {
      const part = chunk.subarray(at, at + COMPARED_BYTES_MAX);
      if (!part.equals(streamBytes(this.#returnedBytes, part.length))) {
        this.#break(`the bytes after ${this.#returnedBytes} are not those that were sent`);
        this.#socket.destroy();
        return;
      }
      this.#returnedBytes += part.length;
    }
  }

  /** The first reason counts. */
  #break(error: string): void {
    if (!this.#isClosing && this.#error === '') this.#error = error;
  }
}
