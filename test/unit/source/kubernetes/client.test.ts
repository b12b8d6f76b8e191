// Requests to the API: deadlines, errors in words, retries after 429, credentials renewed.

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { systemClock } from '../../../../src/lib/clock.ts';
import type { AppError } from '../../../../src/lib/errors.ts';
import { describeError } from '../../../../src/lib/errors.ts';
import type { Ip } from '../../../../src/net/ip.ts';
import { KubernetesApiError, statusError } from '../../../../src/source/kubernetes/api-error.ts';
import { KubernetesClient } from '../../../../src/source/kubernetes/client.ts';
import { listen } from '../../../fake/followed-api.ts';
import { plainCredentials } from '../../../fake/kubernetes-api.ts';

async function clientOf(
  context: TestContext,
  handler: RequestListener,
): Promise<{ client: KubernetesClient }> {
  const server = createServer(handler);
  await listen(context, server, 0);
  const { port } = server.address() as AddressInfo;
  const client = new KubernetesClient({
    credentials: plainCredentials(port),
    clock: systemClock,
  });
  context.after(() => client.close());
  return { client };
}

const GET = { method: 'GET', path: '/api/v1/nodes' } as const;

describe('a request to the API', () => {
  test('has method, path, query, body and type as asked', async (context) => {
    const { client } = await clientOf(context, (request, response) => {
      const { method, url, headers } = request;
      response.end(JSON.stringify({ method, url, type: headers['content-type'] }));
    });
    const answer = await client.call({
      method: 'PATCH',
      path: '/api/v1/nodes/a%20b',
      query: { limit: 5, continue: undefined, fieldSelector: 'metadata.name=x' },
      body: { a: 1 },
      contentType: 'application/merge-patch+json',
    });
    assert.deepEqual(answer, {
      method: 'PATCH',
      url: '/api/v1/nodes/a%20b?limit=5&fieldSelector=metadata.name%3Dx',
      type: 'application/merge-patch+json',
    });
  });

  test('that nobody answers ends by its deadline', async (context) => {
    const { client } = await clientOf(context, () => {});
    await assert.rejects(client.call({ ...GET, timeoutMs: 50 }), {
      code: 'KUBERNETES_API',
      message: 'GET /api/v1/nodes: no answer within 50 ms',
    });
  });

  test('whose answer stops in the middle ends by its deadline', async (context) => {
    const { client } = await clientOf(context, (_request, response) => response.write('{"a":'));
    await assert.rejects(client.call({ ...GET, timeoutMs: 50 }), /no answer within 50 ms/);
    const list = client.list({ ...GET, timeoutMs: 50 }, () => {});
    await assert.rejects(list, /no answer within 50 ms/);
  });

  test('from an address that the machine has lost ends at once, others go on', async (context) => {
    const { client } = await clientOf(context, (_request, response) => response.write('{"a":'));
    const pieces = await client.open(GET, context.signal);
    const end = (async () => {
      for await (const _ of pieces) client.dropConnectionsFrom(new Set(['127.0.0.1' as Ip]));
    })();
    client.dropConnectionsFrom(new Set(['10.0.0.1' as Ip]));
    await assert.rejects(end);
    const again = await client.open(GET, context.signal);
    assert.equal(again.statusCode, 200);
  });

  test('that is stopped ends at once', async (context) => {
    const { client } = await clientOf(context, () => {});
    const stop = new AbortController();
    const asked = client.call(GET, stop.signal);
    stop.abort();
    await assert.rejects(asked, { code: 'KUBERNETES_API' });
  });

  test('that is refused names method, path, status and what the server said', async (context) => {
    const { client } = await clientOf(context, (_request, response) => {
      response.writeHead(429, { 'retry-after': '7' });
      const message = 'too many';
      response.end(JSON.stringify({ kind: 'Status', reason: 'TooManyRequests', message }));
    });
    await assert.rejects(client.call(GET), (error: KubernetesApiError) => {
      assert.equal(error.message, 'GET /api/v1/nodes: 429 TooManyRequests: too many');
      assert.equal(error.status, 429);
      assert.equal(error.retryAfterMs, 7_000);
      assert.equal(error.retryable, true);
      return true;
    });
  });

  test('that a proxy refuses shows the beginning of its words', async (context) => {
    const { client } = await clientOf(context, (_request, response) => {
      response.writeHead(502);
      response.end('<html>bad gateway');
    });
    await assert.rejects(client.call(GET), {
      message: 'GET /api/v1/nodes: 502: <html>bad gateway',
    });
  });

  test('whose answer is not JSON says so', async (context) => {
    const { client } = await clientOf(context, (_request, response) => response.end('hello'));
    await assert.rejects(client.call(GET), {
      message: 'GET /api/v1/nodes: the answer is not JSON',
    });
  });

  test('to a server that is not there says why', async () => {
    const client = new KubernetesClient({ credentials: plainCredentials(1), clock: systemClock });
    await assert.rejects(client.call(GET), (error: AppError) => {
      assert.match(describeError(error), /the request failed \(connect ECONNREFUSED/);
      return true;
    });
  });

  test('uses one connection again and again', async (context) => {
    const ports = new Set<number | undefined>();
    const { client } = await clientOf(context, (request, response) => {
      ports.add(request.socket.remotePort);
      response.end('{}');
    });
    for (let round = 0; round < 3; round += 1) await client.call(GET);
    assert.equal(ports.size, 1);
  });

  test('survives a connection that is closed at the moment of its reuse', async (context) => {
    const used = new Set<object>();
    const { client } = await clientOf(context, ({ socket }, response) => {
      if (used.has(socket)) socket.destroy();
      else response.end('{}');
      used.add(socket);
    });
    await client.call(GET);
    await client.call(GET);
    assert.equal(used.size, 2);
  });
});

describe('an error of the API', () => {
  test('never asks to wait longer than five minutes', () => {
    const status = { code: 429, reason: 'TooManyRequests', details: { retryAfterSeconds: 9999 } };
    assert.equal(statusError('watch', status).retryAfterMs, 300_000);
  });

  const EXPIRED = [
    [{ code: 410, reason: 'Expired' }, true],
    [{ code: 410, reason: 'Gone' }, true],
    [{ code: 504, reason: 'Timeout', message: 'Too large resource version: 9, current: 1' }, true],
    [{ code: 504, reason: 'Timeout', message: 'slow' }, false],
    [{ code: 500 }, false],
    [null, false],
  ] as const;
  for (const [status, isExpired] of EXPIRED) {
    test(`${JSON.stringify(status)} ${isExpired ? 'needs' : 'needs no'} new list`, () => {
      assert.equal(statusError('watch', status).isExpired, isExpired);
    });
  }

  test('without a status is one of the connection', () => {
    assert.equal(new KubernetesApiError('GET /', 'the request failed', {}).status, undefined);
  });
});
