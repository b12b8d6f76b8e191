// Asks a running agent over its admin socket; for the commands and the lab.

import { request } from 'node:http';
import { join } from 'node:path';
import type { Status } from './status.ts';

/** Rejects with the system's error when no agent answers. */
export async function fetchStatus(runDir: string, timeoutMs?: number): Promise<Status> {
  const { body } = await getOverUnixSocket(join(runDir, 'admin.sock'), '/status', timeoutMs);
  return JSON.parse(body) as Status;
}

/** Another of its pages, as `/metrics`. */
export async function fetchText(runDir: string, path: string): Promise<string> {
  return (await getOverUnixSocket(join(runDir, 'admin.sock'), path)).body;
}

type UnixAnswer = { readonly status: number; readonly body: string };

/** Rejects with the system's error when nobody listens, or after `timeoutMs`. */
function getOverUnixSocket(
  socketPath: string,
  path: string,
  timeoutMs = 5_000,
): Promise<UnixAnswer> {
  return new Promise((resolve, reject) => {
    // A kept connection may be one that the agent has closed since, or that an agent before it had.
    const options = { socketPath, path, timeout: timeoutMs, agent: false };
    const call = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
      });
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    call.on('error', reject);
    call.end();
  });
}
