// HTTP in front of the embedded API: reads a request, checks its bearer token, lets the faults have
// their way, and writes the answer or keeps the connection open for a watch. One handler serves
// all listeners.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../../lib/log.ts';
import type { Answer, ApiRequest } from './answer.ts';
import { statusAnswer } from './answer.ts';
import { handle } from './api-handler.ts';
import type { Faults } from './faults.ts';
import type { Permissions } from './permissions.ts';
import { failure, StatusError } from './status.ts';
import type { Store } from './store.ts';
import type { Sink, WatchHub } from './watch.ts';

export type HttpContext = {
  readonly store: Store;
  readonly hub: WatchHub;
  readonly faults: Faults;
  readonly permissions: Permissions;
  readonly log: Log;
  /** Bearer tokens that are accepted; `undefined`: everybody is let in. */
  readonly tokens: ReadonlySet<string> | undefined;
  readonly stop: AbortSignal;
};

/** As the real server's limit of a request body. */
const LARGEST_BODY_BYTES = 3 * 1024 * 1024;

/** Serves one request to its end; never rejects. */
export async function serveRequest(
  context: HttpContext,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const answer = await answerTo(context, incoming);
    if (answer === 'hang-up') response.destroy();
    else if (answer.kind === 'watch') await serveWatch(context, answer, response);
    else await writeAnswer(context, answer, response);
  } catch (error) {
    context.log.error({ err: error, url: incoming.url }, 'the lab API failed on a request');
    response.destroy();
  }
}

async function answerTo(
  context: HttpContext,
  incoming: IncomingMessage,
): Promise<Answer | 'hang-up'> {
  try {
    const request = await readRequest(incoming);
    const verdict = await context.faults.before(request, context.stop);
    if (verdict === 'hang-up') return 'hang-up';
    checkToken(context, incoming);
    return context.permissions.check(request) ?? handle(context.store, request);
  } catch (error) {
    if (error instanceof StatusError) return statusAnswer(error.body);
    // The client went away while it was sending.
    if (incoming.destroyed && !incoming.complete) return 'hang-up';
    context.log.error({ err: error, url: incoming.url }, 'the lab API failed on a request');
    const message = `Internal error occurred: ${String(error)}`;
    return statusAnswer(failure({ code: 500, reason: 'InternalError', message }));
  }
}

async function readRequest(incoming: IncomingMessage): Promise<ApiRequest> {
  const url = new URL(incoming.url ?? '/', 'http://lab.invalid');
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    if (sizeBytes > LARGEST_BODY_BYTES) {
      throw new StatusError({
        code: 413,
        reason: 'RequestEntityTooLarge',
        message: `Request entity too large: limit is ${LARGEST_BODY_BYTES}`,
      });
    }
    pieces.push(piece);
  }
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    accept: incoming.headers.accept,
    contentType: incoming.headers['content-type'],
    body: Buffer.concat(pieces),
  };
}

function checkToken({ tokens }: HttpContext, { headers, url = '/' }: IncomingMessage): void {
  const isOpen = /^\/(healthz|readyz|livez|version)$/.test(url);
  if (tokens === undefined || isOpen) return;
  const [, token] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
  if (token !== undefined && tokens.has(token)) return;
  throw new StatusError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}

type BodyAnswer = Extract<Answer, { kind: 'body' }>;

async function writeAnswer(
  { faults }: HttpContext,
  answer: BodyAnswer,
  response: ServerResponse,
): Promise<void> {
  await faults.thawed();
  const retryAfter = answer.code >= 400 ? retryAfterOf(answer) : undefined;
  response.writeHead(answer.code, {
    'content-type': answer.contentType,
    'content-length': String(answer.bytes.length),
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  });
  response.end(answer.bytes);
}

function retryAfterOf({ contentType, bytes }: BodyAnswer): number | undefined {
  if (contentType !== 'application/json') return undefined;
  const status: { details?: { retryAfterSeconds?: number } } = JSON.parse(bytes.toString());
  return status.details?.retryAfterSeconds;
}

async function serveWatch(
  context: HttpContext,
  answer: Extract<Answer, { kind: 'watch' }>,
  response: ServerResponse,
): Promise<void> {
  await context.faults.thawed();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.on('error', () => gone.abort());
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' });
  response.flushHeaders();
  const stop = AbortSignal.any([context.stop, gone.signal]);
  await context.hub.serve(answer.request, sinkOf(context.faults, response), stop);
}

/** Lines written while the server is frozen are kept and go out when it thaws. */
function sinkOf(faults: Faults, response: ServerResponse): Sink {
  let held: Buffer[] = [];
  const release = (): void => {
    for (const bytes of held) response.write(bytes);
    held = [];
  };
  return {
    write: (bytes) => {
      if (!faults.isFrozen && held.length === 0) {
        response.write(bytes);
        return;
      }
      held.push(bytes);
      if (held.length === 1) faults.onThaw(release);
    },
    end: () => {
      release();
      response.end();
    },
    destroy: () => {
      // What was written goes out first: a connection cut in the middle of a line shows half of it.
      response.socket?.destroySoon();
    },
    bufferedBytes: () => response.writableLength,
  };
}
