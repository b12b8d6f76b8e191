// Takes TCP connections at one address inside one namespace. It reads until the other end is done
// and answers with what it saw: the source address, and length and digest of what came.

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SocketAddress } from '../../kernel/socket-address.ts';
import type { TcpServer } from './tcp-server.ts';
import { serveTcp } from './tcp-server.ts';

/** What the responder says at the end, as one JSON object. */
export type TcpAnswer = {
  readonly seenSource: string;
  readonly seenBytes: number;
  readonly sha256: string;
};

/** Rejects when the namespace does not have the address. */
export const openTcpResponder = (netns: number, local: SocketAddress): Promise<TcpServer> =>
  serveTcp(netns, local, answer);

function answer(socket: Socket): void {
  const { remoteAddress = '' } = socket;
  const digest = createHash('sha256');
  let seenBytes = 0;
  socket.on('data', (chunk: Buffer) => {
    digest.update(chunk);
    seenBytes += chunk.length;
  });
  socket.on('end', () => {
    const seen: TcpAnswer = { seenSource: remoteAddress, seenBytes, sha256: digest.digest('hex') };
    socket.end(JSON.stringify(seen));
  });
}
