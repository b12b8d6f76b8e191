// The agent's HTTP faces: the admin socket (a Unix socket in a directory that only root enters)
// serves status, health and metrics; a TCP address, if one is given, serves all but the status.
// Read-only: nothing here changes anything.

import { chmodSync, rmSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import type { Status } from './status.ts';

export type AdminViews = {
  readonly registry: Registry;
  status(): Status;
  /** Why a restart would help; undefined when it would not. */
  unhealthy(): string | undefined;
  /** Why pods of this node may not reach the others; undefined when they do. */
  unready(): string | undefined;
};

type Answer = { readonly status: number; readonly type: string; readonly body: string };

const REQUEST_TIMEOUT_MS = 10_000;

export async function listenAdminSocket(path: string, views: AdminViews): Promise<Server> {
  rmSync(path, { force: true });
  const server = createAdminServer(views, true);
  await listening(server, () => server.listen(path));
  chmodSync(path, 0o600);
  return server;
}

export async function listenMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  views: AdminViews,
): Promise<Server> {
  const server = createAdminServer(views, false);
  await listening(server, () => server.listen(port, host));
  return server;
}

const listening = (server: Server, start: () => void): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    start();
  });

function createAdminServer(views: AdminViews, servesStatus: boolean): Server {
  const server = createServer((request, response) => {
    void respond(views, servesStatus, { request, response });
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  return server;
}

async function respond(
  views: AdminViews,
  servesStatus: boolean,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  const { status, type, body } = await answer(views, servesStatus, request.url ?? '/');
  response.writeHead(status, { 'content-type': type });
  response.end(body);
}

async function answer(views: AdminViews, servesStatus: boolean, url: string): Promise<Answer> {
  const path = url.split('?')[0];
  if (path === '/status' && servesStatus) {
    return { status: 200, type: 'application/json', body: `${JSON.stringify(views.status())}\n` };
  }
  if (path === '/metrics') {
    const body = await views.registry.metrics();
    return { status: 200, type: views.registry.contentType, body };
  }
  if (path === '/healthz') return verdict(views.unhealthy(), 500);
  if (path === '/readyz') return verdict(views.unready(), 503);
  return text(404, 'not found');
}

const verdict = (problem: string | undefined, status: number): Answer =>
  problem === undefined ? text(200, 'ok') : text(status, problem);

const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});
