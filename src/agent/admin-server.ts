// The agent's HTTP faces: the admin socket (a Unix socket in a directory that only root enters)
// serves status, health and metrics; a TCP address, if one is given, serves all but the status.
// Both serve the web page where that is switched on. Read-only: nothing here changes anything.

import { chmodSync, rmSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import type { PageViews } from './page.ts';
import { answerPage, isOwnHost, PAGE_HEADERS } from './page.ts';
import type { Status } from './status.ts';

export type AdminViews = {
  readonly registry: Registry;
  status(): Status;
  /** Why a restart would help; undefined when it would not. */
  unhealthy(): string | undefined;
  /** The web page; absent: there is none. */
  readonly page?: PageViews;
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
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const ofPage = await answerOfPage(views, request, path);
  const { status, type, body } = ofPage ?? (await answer(views, servesStatus, path));
  const headers = ofPage === undefined ? {} : PAGE_HEADERS;
  response.writeHead(status, { 'content-type': type, ...headers });
  response.end(body);
}

async function answerOfPage(
  { page }: AdminViews,
  { method, headers }: IncomingMessage,
  path: string,
): Promise<Answer | undefined> {
  const found = page === undefined ? undefined : await answerPage(page, path);
  if (found === undefined) return undefined;
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'the page is only read');
  if (!isOwnHost(headers.host)) return text(403, 'ask by address, or as localhost');
  return found;
}

async function answer(views: AdminViews, servesStatus: boolean, path: string): Promise<Answer> {
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
