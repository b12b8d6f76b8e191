// The admin socket and who asks on it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fetchStatus } from '../../../src/agent/admin-client.ts';

test('asking for the status keeps no connection that the agent may close meanwhile', {
  timeout: 60_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-admin-'));
  const server = createServer((_, response) => response.end('{"schema":1}'));
  server.keepAliveTimeout = 0; // Never closes one by itself.
  let closed = 0;
  const opened = Promise.withResolvers<void>();
  server.on('connection', (socket) => {
    socket.on('close', () => {
      closed += 1;
      opened.resolve();
    });
  });
  try {
    await new Promise<void>((resolve) => server.listen(join(directory, 'admin.sock'), resolve));
    assert.equal((await fetchStatus(directory, 30_000)).schema, 1);
    await opened.promise;
    assert.equal(closed, 1);
    await assert.rejects(fetchStatus(join(directory, 'none'), 30_000), /ENOENT/);
  } finally {
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true });
  }
});
