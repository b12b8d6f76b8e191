// Watches of the embedded API over HTTP.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CONFIG_MAPS_PATH,
  MERGE,
  NODES_PATH,
  objectOf,
  startWithClient,
  typesOf,
} from '../../../fake/api-client.ts';
import { until } from '../../../fake/kubernetes-api.ts';

describe('watches', () => {
  test('without a revision show what is there, then what happens', async (context) => {
    const { ask, watch } = await startWithClient(context);
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'a' } } });
    const events = await watch(`${NODES_PATH}?watch=true`);
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'b' } } });
    await ask('PATCH', `${NODES_PATH}/a`, {
      type: MERGE,
      body: { metadata: { labels: { x: 'y' } } },
    });
    await ask('DELETE', `${NODES_PATH}/a`);
    await until('events', () => events.length === 4);
    assert.equal(typesOf(events), 'ADDED a, ADDED b, MODIFIED a, DELETED a');
  });

  test('from a revision show everything after it', async (context) => {
    const { ask, watch } = await startWithClient(context);
    const { body } = await ask('POST', NODES_PATH, { body: { metadata: { name: 'a' } } });
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'b' } } });
    const { resourceVersion } = body.metadata;
    const events = await watch(`${NODES_PATH}?watch=1&resourceVersion=${resourceVersion}`);
    await ask('DELETE', `${NODES_PATH}/b`);
    await until('events', () => events.length === 2);
    assert.equal(typesOf(events), 'ADDED b, DELETED b');
  });

  test('from a revision that is forgotten or not there yet are an ERROR 410', async (context) => {
    const { api, ask, watch } = await startWithClient(context);
    const { body } = await ask('POST', NODES_PATH, { body: { metadata: { name: 'a' } } });
    await ask('DELETE', `${NODES_PATH}/a`);
    api.store.compact();
    for (const revision of [body.metadata.resourceVersion, String(api.store.revision + 1000)]) {
      const events = await watch(`${NODES_PATH}?watch=1&resourceVersion=${revision}`);
      await until('the error', () => events.length === 1);
      assert.equal(events[0]?.type, 'ERROR');
      assert.equal(objectOf(events[0]).code, 410);
    }
    assert.equal(api.hub.size, 0);
  });

  test('show what comes to match as added and what leaves as deleted', async (context) => {
    const { ask, watch } = await startWithClient(context);
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'a' } } });
    const events = await watch(`${NODES_PATH}?watch=true&labelSelector=x%3Dy`);
    const label = (value: string) =>
      ask('PATCH', `${NODES_PATH}/a`, {
        type: MERGE,
        body: { metadata: { labels: { x: value } } },
      });
    for (const value of ['y', 'yy', 'y', 'z']) await label(value);
    await until('events', () => events.length === 4);
    assert.equal(typesOf(events), 'ADDED a, DELETED a, ADDED a, DELETED a');
  });

  test('show no other kind and no other namespace', async (context) => {
    const { ask, watch } = await startWithClient(context);
    const events = await watch(`${CONFIG_MAPS_PATH}?watch=true`);
    const everywhere = await watch('/api/v1/configmaps?watch=true');
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'node' } } });
    const elsewhere = '/api/v1/namespaces/default/configmaps';
    await ask('POST', elsewhere, { body: { metadata: { name: 'elsewhere' } } });
    await ask('POST', CONFIG_MAPS_PATH, { body: { metadata: { name: 'here' } } });
    await until('events', () => events.length >= 1);
    assert.equal(typesOf(events), 'ADDED here');
    assert.equal(typesOf(everywhere), 'ADDED elsewhere, ADDED here');
  });

  test('end by their time after a last bookmark', async (context) => {
    const { api, watch } = await startWithClient(context);
    const query = 'watch=true&timeoutSeconds=1&allowWatchBookmarks=true';
    const events = await watch(`${NODES_PATH}?${query}`);
    await until('the bookmark', () => events.length === 1);
    assert.equal(events[0]?.type, 'BOOKMARK');
    await until('the end', () => api.hub.size === 0);
  });

  test('can list by themselves', async (context) => {
    const { ask, watch } = await startWithClient(context);
    await ask('POST', NODES_PATH, { body: { metadata: { name: 'a' } } });
    const events = await watch(
      `${NODES_PATH}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true` +
        '&resourceVersionMatch=NotOlderThan',
    );
    await until('events', () => events.length === 2);
    assert.equal(typesOf(events), 'ADDED a, BOOKMARK ');
    const { metadata } = objectOf(events[1]);
    assert.deepEqual(metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
  });
});
