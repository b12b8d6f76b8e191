// Lists of the embedded API over HTTP.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Ask, Reply } from '../../../fake/api-client.ts';
import { CONFIG_MAPS_PATH, MERGE, NODES_PATH, startWithClient } from '../../../fake/api-client.ts';

describe('lists', () => {
  const fill = async (ask: Ask): Promise<void> => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await ask('POST', NODES_PATH, { body: { metadata: { name, labels: { name } } } });
    }
  };
  const names = ({ body }: Reply): string => body.items.map((item) => item.metadata.name).join(',');

  test('come in pages of one revision, whatever changes meanwhile', async (context) => {
    const { ask } = await startWithClient(context);
    await fill(ask);
    const first = await ask('GET', `${NODES_PATH}?limit=2`);
    assert.equal(names(first), 'a,b');
    assert.equal(first.body.metadata.remainingItemCount, 3);
    await ask('DELETE', `${NODES_PATH}/c`);
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'bb' } } });
    const token = first.body.metadata.continue ?? '';
    const second = await ask('GET', `${NODES_PATH}?limit=2&continue=${token}`);
    assert.equal(names(second), 'c,d');
    assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
    const last = await ask(
      'GET',
      `${NODES_PATH}?limit=2&continue=${second.body.metadata.continue}`,
    );
    assert.equal(names(last), 'e');
    assert.equal(last.body.metadata.continue, undefined);
    assert.equal(names(await ask('GET', NODES_PATH)), 'a,b,bb,d,e');
  });

  test('whose revision is forgotten are 410, others from the past are 200', async (context) => {
    const { api, ask } = await startWithClient(context);
    await fill(ask);
    const { body } = await ask('GET', `${NODES_PATH}?limit=2`);
    for (const value of ['1', '2']) {
      const patch = { metadata: { labels: { name: value } } };
      await ask('PATCH', `${NODES_PATH}/b`, { type: MERGE, body: patch });
    }
    await ask('DELETE', `${NODES_PATH}/a`);
    const exact = `resourceVersionMatch=Exact&resourceVersion=${body.metadata.resourceVersion}`;
    assert.equal(names(await ask('GET', `${NODES_PATH}?${exact}`)), 'a,b,c,d,e');
    const past = await ask('GET', `${NODES_PATH}?${exact}&labelSelector=name%3Db`);
    assert.equal(names(past), 'b');
    api.store.compact();
    const late = await ask('GET', `${NODES_PATH}?limit=2&continue=${body.metadata.continue}`);
    assert.equal(late.status, 410);
    assert.equal(late.body.reason, 'Expired');
    assert.equal((await ask('GET', `${NODES_PATH}?continue=nonsense`)).status, 400);
  });

  test('from a revision that does not exist yet are 504', async (context) => {
    const { api, ask } = await startWithClient(context);
    const reply = await ask('GET', `${NODES_PATH}?resourceVersion=${api.store.revision + 5}`);
    assert.equal(reply.status, 504);
    assert.equal(reply.headers.get('retry-after'), '1');
    assert.match(reply.body.message ?? '', /Too large resource version/);
  });

  test('are of one namespace or of all, and selected', async (context) => {
    const { ask } = await startWithClient(context);
    await ask('POST', CONFIG_MAPS_PATH, { body: { metadata: { name: 'x', labels: { a: 'b' } } } });
    const other = '/api/v1/namespaces/default/configmaps';
    await ask('POST', other, { body: { metadata: { name: 'y' } } });
    assert.equal(names(await ask('GET', CONFIG_MAPS_PATH)), 'x');
    assert.equal(names(await ask('GET', '/api/v1/configmaps')), 'y,x');
    assert.equal(names(await ask('GET', '/api/v1/configmaps?labelSelector=a%3Db')), 'x');
    const byName = '/api/v1/configmaps?fieldSelector=metadata.name%3Dy';
    assert.equal(names(await ask('GET', byName)), 'y');
  });

  test('delete what they select', async (context) => {
    const { ask } = await startWithClient(context);
    await fill(ask);
    await ask('DELETE', `${NODES_PATH}?labelSelector=name%20in%20(a,c)`);
    assert.equal(names(await ask('GET', NODES_PATH)), 'b,d,e');
  });

  test('can be metadata alone, or a table', async (context) => {
    const { ask } = await startWithClient(context);
    await fill(ask);
    const asked = async (accept: string) =>
      (await ask('GET', `${NODES_PATH}?limit=1`, { headers: { accept } })).body;
    const partial = await asked('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io');
    assert.equal(partial.kind, 'PartialObjectMetadataList');
    assert.deepEqual(Object.keys(partial.items[0] ?? {}), ['kind', 'apiVersion', 'metadata']);
    const table = await asked('application/json;as=Table;v=v1;g=meta.k8s.io,application/json');
    assert.equal(table.kind, 'Table');
    assert.equal((table.rows as unknown[]).length, 1);
    assert.ok(table.metadata.continue);
    assert.equal((await asked('application/yaml')).reason, 'NotAcceptable');
  });
});
