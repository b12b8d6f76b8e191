// What may be written to the embedded API, and what becomes of it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CONFIG_MAPS_PATH, MERGE, NODES_PATH, startWithClient } from '../../../fake/api-client.ts';

describe('objects', () => {
  test('are created with what the server adds, and only once', async (context) => {
    const { ask } = await startWithClient(context);
    const body = { metadata: { name: 'n1', uid: 'mine', labels: { a: 'b' } } };
    const created = await ask('POST', NODES_PATH, { body });
    assert.equal(created.status, 201);
    assert.notEqual(created.body.metadata.uid, 'mine');
    assert.match(String(created.body.metadata.creationTimestamp), /^\d{4}-.*:\d\dZ$/);
    const got = await ask('GET', `${NODES_PATH}/n1`);
    assert.deepEqual(got.body, created.body);
    assert.equal(got.body.kind, 'Node');
    const again = await ask('POST', NODES_PATH, { body });
    assert.equal(again.status, 409);
    assert.equal(again.body.reason, 'AlreadyExists');
    assert.equal(again.body.message, 'nodes "n1" already exists');
  });

  test('can get a generated name', async (context) => {
    const { ask } = await startWithClient(context);
    const { body } = await ask('POST', CONFIG_MAPS_PATH, {
      body: { metadata: { generateName: 'x-' } },
    });
    assert.match(body.metadata.name, /^x-[b-z2-9]{5}$/);
  });

  const REFUSED = [
    ['a name that is not a DNS name', NODES_PATH, { metadata: { name: 'fd00::' } }, 422, 'Invalid'],
    ['no name', NODES_PATH, { metadata: {} }, 422, 'Invalid'],
    ['another kind', NODES_PATH, { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'x' } }, 400],
    [
      'a namespace that is not there',
      '/api/v1/namespaces/no/pods',
      { metadata: { name: 'x' } },
      404,
    ],
    ['an unknown resource', '/api/v1/things', { metadata: { name: 'x' } }, 404, 'NotFound'],
    ['data that are no text', CONFIG_MAPS_PATH, { metadata: { name: 'x' }, data: { a: 1 } }, 400],
    ['something else than an object', NODES_PATH, [1], 400, 'BadRequest'],
  ] as const;
  for (const [name, path, body, status, reason] of REFUSED) {
    test(`with ${name} are refused with ${status}`, async (context) => {
      const { ask } = await startWithClient(context);
      const reply = await ask('POST', path, { body });
      assert.equal(reply.status, status, JSON.stringify(reply.body));
      assert.equal(reply.body.kind, 'Status');
      if (reason !== undefined) assert.equal(reply.body.reason, reason);
    });
  }

  test('are updated only from the version that was read', async (context) => {
    const { ask } = await startWithClient(context);
    const { body } = await ask('POST', CONFIG_MAPS_PATH, { body: { metadata: { name: 'c' } } });
    const first = await ask('PUT', `${CONFIG_MAPS_PATH}/c`, {
      body: { ...body, data: { a: '1' } },
    });
    assert.equal(first.status, 200);
    const second = await ask('PUT', `${CONFIG_MAPS_PATH}/c`, {
      body: { ...body, data: { a: '2' } },
    });
    assert.equal(second.status, 409);
    assert.equal(second.body.reason, 'Conflict');
    const { body: stored } = await ask('GET', `${CONFIG_MAPS_PATH}/c`);
    assert.deepEqual(stored.data, { a: '1' });
  });

  test('are not written when an update changes nothing', async (context) => {
    const { ask } = await startWithClient(context);
    const { body } = await ask('POST', NODES_PATH, {
      body: { metadata: { name: 'n1' }, spec: {} },
    });
    const same = await ask('PATCH', `${NODES_PATH}/n1`, { type: MERGE, body: { spec: {} } });
    assert.equal(same.body.metadata.resourceVersion, body.metadata.resourceVersion);
  });

  test('take a merge patch, with a resourceVersion as compare-and-swap', async (context) => {
    const { ask } = await startWithClient(context);
    const { body } = await ask('POST', NODES_PATH, { body: { metadata: { name: 'n1' } } });
    const patch = (resourceVersion: string, value: string | null) =>
      ask('PATCH', `${NODES_PATH}/n1`, {
        type: MERGE,
        body: { metadata: { resourceVersion, annotations: { a: value } } },
      });
    const first = await patch(body.metadata.resourceVersion, 'x');
    assert.deepEqual(first.body.metadata.annotations, { a: 'x' });
    assert.equal((await patch(body.metadata.resourceVersion, 'y')).status, 409);
    const removed = await patch(first.body.metadata.resourceVersion, null);
    assert.equal(removed.body.metadata.annotations, undefined);
  });

  test('refuse patches of unknown types', async (context) => {
    const { ask } = await startWithClient(context);
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'n1' } } });
    for (const type of ['application/json', 'application/apply-patch+yaml']) {
      assert.equal((await ask('PATCH', `${NODES_PATH}/n1`, { type, body: [] })).status, 415);
    }
  });

  test('keep status and the rest apart, metadata go both ways', async (context) => {
    const { ask } = await startWithClient(context);
    const status = { phase: 'a' };
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'n1' }, spec: { x: 1 }, status } });
    const patch = {
      metadata: { annotations: { by: 'status' } },
      spec: { x: 2 },
      status: { phase: 'b' },
    };
    const main = await ask('PATCH', `${NODES_PATH}/n1`, {
      type: MERGE,
      body: { ...patch, metadata: {} },
    });
    assert.deepEqual([main.body.spec, main.body.status], [{ x: 2 }, { phase: 'a' }]);
    const path = `${NODES_PATH}/n1/status`;
    const sub = await ask('PATCH', path, { type: MERGE, body: { ...patch, spec: { x: 3 } } });
    assert.deepEqual([sub.body.spec, sub.body.status], [{ x: 2 }, { phase: 'b' }]);
    assert.deepEqual(sub.body.metadata.annotations, { by: 'status' });
  });

  test('of a node keep their podCIDRs once these are set', async (context) => {
    const { ask } = await startWithClient(context);
    const spec = { podCIDRs: ['10.0.0.0/24'] };
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'n1' }, spec } });
    const body = { spec: { podCIDR: '10.0.1.0/24', podCIDRs: ['10.0.1.0/24'] } };
    const reply = await ask('PATCH', `${NODES_PATH}/n1`, { type: MERGE, body });
    assert.equal(reply.status, 422);
  });

  test('are deleted under preconditions', async (context) => {
    const { ask } = await startWithClient(context);
    const { body } = await ask('POST', NODES_PATH, { body: { metadata: { name: 'n1' } } });
    const remove = (preconditions: object) =>
      ask('DELETE', `${NODES_PATH}/n1`, { body: { preconditions } });
    assert.equal((await remove({ uid: 'another' })).status, 409);
    assert.equal((await remove({ resourceVersion: '1' })).status, 409);
    const removed = await remove({ uid: body.metadata.uid });
    assert.equal(removed.body.status, 'Success');
    assert.equal((await ask('GET', `${NODES_PATH}/n1`)).status, 404);
  });

  test('with a finalizer stay until it is gone', async (context) => {
    const { ask } = await startWithClient(context);
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'n1', finalizers: ['x/y'] } } });
    const marked = await ask('DELETE', `${NODES_PATH}/n1`);
    assert.ok(marked.body.metadata.deletionTimestamp);
    const body = { metadata: { finalizers: null } };
    await ask('PATCH', `${NODES_PATH}/n1`, { type: MERGE, body });
    assert.equal((await ask('GET', `${NODES_PATH}/n1`)).status, 404);
  });

  test('go with their owner, and those of a namespace with it', async (context) => {
    const { ask } = await startWithClient(context);
    const { body: node } = await ask('POST', NODES_PATH, { body: { metadata: { name: 'n1' } } });
    const { uid } = node.metadata;
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid }];
    const leases = '/apis/coordination.k8s.io/v1/namespaces/poplin/leases';
    await ask('POST', leases, { body: { metadata: { name: '10.244.3.0-24', ownerReferences } } });
    await ask('POST', leases, { body: { metadata: { name: 'other' } } });
    await ask('DELETE', `${NODES_PATH}/n1`);
    assert.equal((await ask('GET', `${leases}/10.244.3.0-24`)).status, 404);
    await ask('POST', leases, { body: { metadata: { name: 'late', ownerReferences } } });
    assert.equal((await ask('GET', `${leases}/late`)).status, 404);
    assert.equal((await ask('GET', `${leases}/other`)).status, 200);
    await ask('DELETE', '/api/v1/namespaces/poplin');
    assert.equal((await ask('GET', `${leases}/other`)).status, 404);
  });
});
