// A TCP server at one address inside one namespace: the socket is opened there and then handed to
// Node.js, which knows streams. It knows nothing of what is said on a connection.

import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { bindTo, SOCK_STREAM } from '../../kernel/inet-socket.ts';
import type { SocketAddress } from '../../kernel/socket-address.ts';
import { encodeSocketAddress } from '../../kernel/socket-address.ts';
import { familyOf } from '../../net/ip.ts';
import { bindError, boundAddress, openSocketIn } from './open-socket.ts';

export type TcpServer = {
  readonly address: SocketAddress;
  /** Ends all connections. */
  close(): Promise<void>;
};

const CONNECTIONS_MAX = 1024;

/** On a port that the kernel chooses; rejects when the namespace does not have the address. */
export async function serveTcp(
  netns: number,
  local: SocketAddress,
  serve: (socket: Socket) => void,
): Promise<TcpServer> {
  const kind = { family: familyOf(local.address), type: SOCK_STREAM };
  const fd = openSocketIn(netns, kind, (socket) => bindTo(socket, encodeSocketAddress(local)));
  if (fd < 0) throw bindError(local, -fd);
  const address = boundAddress(fd);
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    // A connection that breaks is what the other end reports.
    socket.on('error', () => undefined);
    socket.on('close', () => connections.delete(socket));
    serve(socket);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const close = (): Promise<void> => {
    for (const socket of connections) socket.destroy();
    return new Promise((resolve) => {
      server.close(() => resolve());
    });
  };
  return { address, close };
}
