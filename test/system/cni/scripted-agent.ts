// An agent that does with a call whatever a test wants: answer well, badly, late or never.

import { mkdirSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { CniFrame } from '../../../src/cni/frame.ts';
import { decodeRequest } from '../../../src/cni/frame.ts';
import type { Installation } from './executable.ts';

/** What a test's agent does with a whole frame. */
export type Behaviour = (socket: Socket, frame: CniFrame) => void;

export async function withAgent<T>(
  { socketPath }: Installation,
  behave: Behaviour,
  work: () => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(socketPath), { recursive: true });
  rmSync(socketPath, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      const decoded = decodeRequest(bytes);
      if (decoded.kind === 'frame') behave(socket, decoded.frame);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  try {
    return await work();
  } finally {
    for (const socket of sockets) socket.destroy();
    await close(server);
  }
}

export const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
  });
