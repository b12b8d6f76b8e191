// List and watch: pages, events, bookmarks, resuming and listing anew.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { NODES } from '../../../../src/lab/api/kinds.ts';
import { deleteObject } from '../../../../src/lab/api/operations.ts';
import {
  addNode,
  countOf,
  FAST,
  follow,
  listen,
  namesIn,
  startApi,
  touchNode,
} from '../../../fake/followed-api.ts';
import { until } from '../../../fake/kubernetes-api.ts';

describe('list and watch', () => {
  test('a page that changed meanwhile does not mix revisions', async (context) => {
    const api = await startApi(context);
    for (const name of ['a', 'b', 'c']) addNode(api, name);
    let lists = 0;
    api.faults.add({
      matches: () => {
        lists += 1;
        if (lists === 2) deleteObject(api.store, { kind: NODES, name: 'c' });
        return false;
      },
      effect: { kind: 'hang-up' },
    });
    const followed = follow(context, api);
    await until('the deletion', () => followed.events.at(-1)?.kind === 'gone');
    assert.deepEqual(followed.events.map(namesIn), ['a,b,c', 'c']);
  });

  test('a continue token that has expired starts the list again', async (context) => {
    const api = await startApi(context);
    for (const name of ['a', 'b', 'c']) addNode(api, name);
    let lists = 0;
    api.faults.add({
      matches: () => {
        lists += 1;
        if (lists === 2) {
          touchNode(api, 'a', 'x');
          api.store.compact();
        }
        return false;
      },
      effect: { kind: 'hang-up' },
    });
    const followed = follow(context, api);
    await until('the list', () => followed.events.length > 0);
    assert.equal(namesIn(followed.events[0]), 'a,b,c');
    assert.equal(countOf(followed.requests, 'list'), 4);
  });

  test('watches that end at once are tried again ever more slowly', async (context) => {
    const server = createServer((request, response) => {
      const isWatch = request.url?.includes('watch=true') === true;
      if (isWatch) watchesMs.push(performance.now());
      response.end(isWatch ? '' : LIST);
    });
    const LIST = '{"metadata":{"resourceVersion":"7"},"items":[]}';
    const watchesMs: number[] = [];
    await listen(context, server, 0);
    const api = await startApi(context);
    const timing = { ...FAST, backoff: { baseMs: 20, capMs: 1000 } };
    follow(context, api, { timing, port: (server.address() as AddressInfo).port });
    await until('six watches', () => watchesMs.length >= 6);
    // However slow the machine is, no pause is shorter than asked for.
    const pausesMs = watchesMs.slice(1, 6).map((ms, index) => ms - (watchesMs[index] ?? 0));
    const wantedMs = [20, 40, 80, 160, 320];
    assert.ok(
      pausesMs.every((ms, index) => ms > (wantedMs[index] ?? 0) * 0.9),
      `${pausesMs}`,
    );
  });
});
