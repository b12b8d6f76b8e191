// Discovery, tokens and sockets of the embedded API.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import koffi from 'koffi';
import { CONFIG_MAPS_PATH, NODES_PATH, startWithClient } from '../../../fake/api-client.ts';
import { portOf, startTestApi } from '../../../fake/kubernetes-api.ts';

/** As made in another network namespace: a socket that Node.js knows nothing of. */
function listeningSocket(): number {
  const libc = koffi.load('libc.so.6');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
  const listen = libc.func('int listen(int fd, int backlog)');
  const AF_INET = 2;
  const SOCK_STREAM = 1;
  const fd: number = socket(AF_INET, SOCK_STREAM, 0);
  const address = Buffer.from([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(bind(fd, address, address.length), 0);
  assert.equal(listen(fd, 16), 0);
  return fd;
}

describe('the server', () => {
  test('answers what clients ask first', async (context) => {
    const { ask } = await startWithClient(context);
    const resources = (await ask('GET', '/api/v1')).body.resources as { name: string }[];
    assert.ok(resources.some(({ name }) => name === 'nodes/status'));
    const groups = (await ask('GET', '/apis')).body.groups as { name: string }[];
    assert.deepEqual(
      groups.map(({ name }) => name),
      ['coordination.k8s.io', 'networking.k8s.io'],
    );
    assert.equal((await ask('GET', '/apis/coordination.k8s.io/v1')).status, 200);
    assert.equal((await ask('GET', '/apis/coordination.k8s.io/v9')).status, 404);
    assert.equal((await ask('GET', '/version')).body.major, '1');
    assert.equal((await ask('DELETE', '/version')).status, 404);
    assert.equal((await ask('PUT', NODES_PATH)).status, 405);
  });

  test('lets nobody in without a token, except for its health', async (context) => {
    const { api, ask } = await startWithClient(context, { tokens: new Set(['secret']) });
    assert.equal((await ask('GET', NODES_PATH)).status, 401);
    const asWrong = { headers: { authorization: 'Bearer wrong' } };
    assert.equal((await ask('GET', NODES_PATH, asWrong)).status, 401);
    const asKnown = { headers: { authorization: 'Bearer secret' } };
    assert.equal((await ask('GET', NODES_PATH, asKnown)).status, 200);
    const health = await fetch(`http://127.0.0.1:${portOf(api)}/readyz`);
    assert.equal(await health.text(), 'ok');
  });

  test('listens on several sockets, also on one that listens already', async (context) => {
    const api = await startTestApi({
      listeners: [{ port: 0, host: '127.0.0.1' }, { fd: listeningSocket() }],
    });
    context.after(() => api.stop());
    for (const port of api.ports) {
      const response = await fetch(`http://127.0.0.1:${port}${NODES_PATH}`);
      assert.equal(response.status, 200);
      await response.text();
    }
  });

  test('that cannot listen leaves nothing behind', async (context) => {
    const { api } = await startWithClient(context);
    const taken = { port: portOf(api), host: '127.0.0.1' };
    const listeners = [{ port: 0, host: '127.0.0.1' }, taken];
    await assert.rejects(startTestApi({ listeners }), { code: 'LAB' });
  });

  test('refuses a body that is too large', async (context) => {
    const { ask } = await startWithClient(context);
    const data = { big: 'x'.repeat(3_500_000) };
    const reply = await ask('POST', CONFIG_MAPS_PATH, { body: { metadata: { name: 'x' }, data } });
    assert.equal(reply.status, 413);
  });
});
