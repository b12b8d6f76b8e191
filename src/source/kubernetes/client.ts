// Requests to the Kubernetes API on node:http(s): a kept-alive connection pool, a deadline on every
// request, credentials that are renewed, and errors that name method, path and what the server
// said. client-node would cost 70 MiB more on each node, and its watch hangs on a frozen server. It
// retries nothing but a request that met a connection already closed.

import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { DeadlineError, withDeadline } from '../../lib/deadline.ts';
import { AppError } from '../../lib/errors.ts';
import type { Ip } from '../../net/ip.ts';
import { parseIp } from '../../net/ip.ts';
import type { ApiCall, KubernetesApi } from './api.ts';
import { KubernetesApiError, refusedError } from './api-error.ts';
import type { Access, Credentials, TlsAccess } from './credentials.ts';
import type { ListEnvelope } from './list-stream.ts';
import { readList } from './list-stream.ts';

export type ClientOptions = {
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly userAgent?: string;
};

const DEFAULT_TIMEOUT_MS = 30_000;
const LARGEST_ANSWER_BYTES = 128 * 1024 * 1024;
/** So that a peer which vanished without a word is noticed by the kernel as well. */
const KEEP_ALIVE_MS = 15_000;

export class KubernetesClient implements KubernetesApi {
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #sockets = new Set<Socket>();
  #pool: { readonly tls: TlsAccess; readonly agent: Agent } | undefined;

  constructor({ credentials, clock, userAgent = 'poplin' }: ClientOptions) {
    this.#credentials = credentials;
    this.#clock = clock;
    this.#userAgent = userAgent;
  }

  /** The JSON of the answer; rejects with KubernetesApiError, or KUBECONFIG for a credential. */
  async call(call: ApiCall, stop?: AbortSignal): Promise<unknown> {
    const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const operation = operationOf(call);
    try {
      return await withDeadline({ clock: this.#clock, timeoutMs, stop }, async (signal) => {
        const response = await this.#send(call, signal);
        const body = await readBody(response, operation);
        return JSON.parse(body) as unknown;
      });
    } catch (error) {
      throw asApiError(operation, error);
    }
  }

  /** One page of a list, object by object; returns what is around them. */
  async list(
    call: ApiCall,
    onItem: (item: unknown) => void,
    stop?: AbortSignal,
  ): Promise<ListEnvelope> {
    const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    try {
      return await withDeadline({ clock: this.#clock, timeoutMs, stop }, async (signal, extend) => {
        const response = await this.#send(call, signal);
        return await readList(response, { onItem, onPiece: extend });
      });
    } catch (error) {
      throw asApiError(operationOf(call), error);
    }
  }

  /** The answer as it comes in, for a watch; the caller's signal ends it. */
  async open(call: ApiCall, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await this.#send(call, signal);
    } catch (error) {
      throw asApiError(operationOf(call), error);
    }
  }

  /** Closes the kept connections. */
  close(): void {
    this.#pool?.agent.destroy();
    this.#pool = undefined;
  }

  /** Nothing comes or goes any more by connections from addresses that the machine has lost. */
  dropConnectionsFrom(gone: ReadonlySet<Ip>): void {
    for (const socket of this.#sockets) {
      const local = parseIp(socket.localAddress ?? '');
      if (local === undefined || !gone.has(local)) continue;
      socket.destroy(new Error(`this machine no longer has the address ${local}`));
    }
  }

  async #send(call: ApiCall, signal: AbortSignal): Promise<IncomingMessage> {
    const access = await this.#credentials.current();
    const response = await this.#exchange(call, access, signal);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    if (status === 401) this.#credentials.forget();
    const operation = operationOf(call);
    const body = await readBody(response, operation);
    throw refusedError({
      operation,
      status,
      retryAfterHeader: response.headers['retry-after'],
      body,
    });
  }

  async #exchange(call: ApiCall, access: Access, signal: AbortSignal): Promise<IncomingMessage> {
    const attempt = this.#request(call, access, signal);
    try {
      return await answerOf(attempt);
    } catch (error) {
      // The server closed a kept connection at the moment of its reuse: nothing was done.
      if (!attempt.reusedSocket || !isReset(error) || signal.aborted) throw error;
      return await answerOf(this.#request(call, access, signal));
    }
  }

  #request(call: ApiCall, access: Access, signal: AbortSignal): ClientRequest {
    const { server } = this.#credentials;
    const url = new URL(server.pathname.replace(/\/$/, '') + call.path, server);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const options: RequestOptions = {
      method: call.method,
      agent: this.#agentFor(access),
      signal,
      headers: {
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...access.headers,
        ...(body === undefined
          ? {}
          : {
              'content-type': call.contentType ?? 'application/json',
              'content-length': body.length,
            }),
      },
    };
    const request =
      url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options);
    request.on('socket', (socket) => {
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      this.#remember(socket);
    });
    request.end(body);
    return request;
  }

  /** Kept connections serve many requests. */
  #remember(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** New certificates need new connections; requests under way keep the old ones to their end. */
  #agentFor({ tls }: Access): Agent {
    if (this.#pool?.tls !== tls) {
      if (this.#pool !== undefined) retire(this.#pool.agent);
      const kept = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
      const isTls = this.#credentials.server.protocol === 'https:';
      this.#pool = { tls, agent: isTls ? new TlsAgent({ ...kept, ...tls }) : new Agent(kept) };
    }
    return this.#pool.agent;
  }
}

function retire(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

const operationOf = ({ method, path }: ApiCall): string => `${method} ${path}`;

const isReset = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ECONNRESET' || error.code === 'EPIPE');

const answerOf = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Stays after the answer: a late error of the socket reaches the reader of the answer.
    request.on('error', reject);
  });

async function readBody(response: IncomingMessage, operation: string): Promise<string> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    if (sizeBytes > LARGEST_ANSWER_BYTES) {
      const detail = `the answer is larger than ${LARGEST_ANSWER_BYTES} bytes`;
      throw new KubernetesApiError(operation, detail, {});
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function asApiError(operation: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof DeadlineError) {
    return new KubernetesApiError(operation, error.message, { cause: error });
  }
  const detail = error instanceof SyntaxError ? 'the answer is not JSON' : 'the request failed';
  return new KubernetesApiError(operation, detail, { cause: error });
}
