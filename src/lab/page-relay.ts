// Shows the web page of a lab on this machine's loopback: the nodes' namespaces lead nowhere, but
// an agent's admin socket is a file. Bytes are passed on unread to that of one node; nothing else
// listens, and no other address than the loopback's.

import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { NodePaths } from './lab-directory.ts';

const CONNECTIONS_MAX = 64;

/** Rejects when the port is taken; 0 is any. */
export function startPageRelay(
  { runDir }: Pick<NodePaths, 'runDir'>,
  port: number,
): Promise<Server> {
  const server = createServer((outer) => {
    const inner = connect(join(runDir, 'admin.sock'));
    // Whichever end goes takes the other with it.
    outer.on('error', () => inner.destroy()).on('close', () => inner.destroy());
    inner.on('error', () => outer.destroy()).on('close', () => outer.destroy());
    outer.pipe(inner).pipe(outer);
  });
  server.maxConnections = CONNECTIONS_MAX;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

export function urlOf(server: Server): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://127.0.0.1:${port}/`;
}
