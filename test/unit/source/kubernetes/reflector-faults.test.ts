// List and watch against servers that freeze, break off, refuse, forget and repeat.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { NAMESPACES } from '../../../../src/lab/api/kinds.ts';
import { createObject } from '../../../../src/lab/api/operations.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import {
  addNode,
  countOf,
  FAST,
  follow,
  isWatch,
  listen,
  namesIn,
  refusal,
  startApi,
  touchNode,
  withReflector,
} from '../../../fake/followed-api.ts';
import { portOf, until } from '../../../fake/kubernetes-api.ts';

describe('list and watch when the server fails', () => {
  test(
    'a long list comes in pages and as one event',
    withReflector(async (_api, { events, requests }) => {
      assert.equal(namesIn(events[0]), 'a,b,c');
      assert.equal(countOf(requests, 'list'), 2);
      assert.match(requests[1] ?? '', /continue=/);
      assert.match(requests[2] ?? '', /allowWatchBookmarks=true/);
    }),
  );

  test(
    'a cut in the middle of a line is resumed without a list',
    withReflector(async (api, { events, requests }) => {
      touchNode(api, 'a', '1');
      await until('the first', () => events.length === 2);
      api.hub.drop({ midLine: true });
      touchNode(api, 'b', '2');
      await until('the second', () => events.length === 3);
      assert.deepEqual(events.slice(1).map(namesIn), ['a', 'b']);
      assert.equal(countOf(requests, 'list'), 2);
    }),
  );

  test(
    'a bookmark lets a quiet watch resume though its start is forgotten',
    withReflector(async (api, { events, requests, contacts }) => {
      addNode(api, 'd');
      await until('d', () => namesIn(events.at(-1)) === 'd');
      // Other kinds raise the revision, which only bookmarks tell this watch.
      for (let index = 0; index < 5; index += 1) {
        createObject(api.store, { kind: NAMESPACES }, { metadata: { name: `ns-${index}` } });
      }
      const revision = String(api.store.revision);
      // One that was under way tells nothing of it, the next one does.
      const count = contacts();
      await until('bookmarks', () => contacts() >= count + 3);
      api.store.compact();
      api.hub.drop({ midLine: false });
      await until('the second watch', () => countOf(requests, 'watch') === 2);
      assert.match(requests.at(-1) ?? '', new RegExp(`resourceVersion=${revision}`));
      assert.equal(countOf(requests, 'list'), 2);
    }),
  );

  test(
    'an ERROR event 410 while watching leads to a new list',
    withReflector(async (api, { events, requests }) => {
      api.hub.expireAll();
      await until('the second list', () => events.length === 2);
      assert.equal(namesIn(events[1]), 'a,b,c');
      assert.equal(countOf(requests, 'list'), 4);
    }),
  );

  test(
    'status 410 at the start of a watch leads to a new list',
    withReflector(async (api, { events }) => {
      api.faults.add({
        matches: isWatch,
        effect: { kind: 'refuse', refusal: refusal(410) },
        times: 1,
      });
      api.hub.drop({ midLine: false });
      await until('the second list', () => events.length === 2);
      assert.equal(events[1]?.kind, 'listed');
    }),
  );

  test('a server that starts again with an empty store leads to a new list', async (context) => {
    const first = await startApi(context);
    addNode(first, 'a');
    addNode(first, 'b');
    const followed = follow(context, first);
    await until('listed', () => followed.events.length > 0 && first.hub.size === 1);
    await first.stop();
    const second = await startApi(context, {}, portOf(first));
    addNode(second, 'z');
    await until('z alone', () => namesIn(followed.events.at(-1)) === 'z');
    assert.equal(followed.events.filter(({ kind }) => kind === 'listed').length, 2);
  });

  test('a store that was set back is noticed by its bookmarks', async (context) => {
    const first = await startApi(context, { firstRevision: 5000 });
    addNode(first, 'a');
    const followed = follow(context, first);
    await until('listed', () => followed.events.length > 0 && first.hub.size === 1);
    await first.stop();
    // Answers watches from the future with nothing but bookmarks, as a restored etcd does.
    const old = createServer((request, response) => {
      if (request.url?.includes('watch=true') !== true) {
        response.end('{"metadata":{"resourceVersion":"40"},"items":[{"metadata":{"name":"old"}}]}');
        return;
      }
      response.write('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"41"}}}\n');
    });
    await listen(context, old, portOf(first));
    await until('the old store', () => namesIn(followed.events.at(-1)) === 'old');
  });

  test(
    'a frozen server is left and found again without a list',
    withReflector(
      async (api, { events, requests, problems }) => {
        api.faults.freeze();
        await until('silence noticed', () => problems.some((text) => text?.includes('within 400')));
        touchNode(api, 'a', 'while frozen');
        api.faults.thaw();
        await until('the change', () => events.length === 2);
        assert.equal(namesIn(events[1]), 'a');
        assert.equal(countOf(requests, 'list'), 2);
        await until('no problem', () => problems.at(-1) === undefined);
      },
      { ...FAST, silenceMs: 400, openingMs: 400 },
    ),
  );

  test(
    'a watch that is not answered is given up long before the silence limit',
    withReflector(
      async (api, { problems }) => {
        api.hub.drop({ midLine: false });
        api.faults.freeze();
        await until('given up', () => problems.some((text) => text?.includes('within 50 ms')));
        touchNode(api, 'a', 'while frozen');
        api.faults.thaw();
        await until('no problem', () => problems.at(-1) === undefined);
      },
      { ...FAST, openingMs: 50 },
    ),
  );

  test(
    'two silent watches in a row lead to a new list',
    withReflector(
      async (api, { events, problems }) => {
        api.faults.freeze();
        const silences = (): number => problems.filter((each) => /within/.test(each ?? '')).length;
        await until('two silent watches', () => silences() >= 2);
        api.faults.thaw();
        await until('the second list', () => events.at(-1)?.kind === 'listed' && events.length > 1);
      },
      { ...FAST, silenceMs: 100, openingMs: 100 },
    ),
  );

  test(
    'bookmarks keep a quiet watch alive beyond the silence limit',
    withReflector(
      async (_api, { requests }) => {
        await systemClock.sleep(1_200);
        assert.equal(countOf(requests, 'watch'), 1);
      },
      { ...FAST, silenceMs: 500, openingMs: 500 },
    ),
  );

  test(
    '429 is waited out as long as Retry-After says',
    withReflector(async (api, { requests, problems }) => {
      api.faults.add({
        matches: isWatch,
        effect: { kind: 'refuse', refusal: refusal(429, 1) },
        times: 1,
      });
      const startedMs = performance.now();
      api.hub.drop({ midLine: false });
      await until('refused', () => problems.some((text) => text?.includes('429')));
      await until('the third watch', () => countOf(requests, 'watch') === 3);
      assert.ok(performance.now() - startedMs > 900);
    }),
  );

  test(
    '401 for a while is a problem with a name, and no event is lost',
    withReflector(async (api, { events, problems }) => {
      const allow = api.faults.add({
        matches: () => true,
        effect: { kind: 'refuse', refusal: refusal(401) },
      });
      api.hub.drop({ midLine: false });
      touchNode(api, 'a', '1');
      const wanted = 'GET /api/v1/nodes: 401 Unauthorized: as the test wants it';
      await until('the problem', () => problems.at(-1) === wanted);
      allow();
      await until('the change', () => events.length === 2);
      assert.equal(events[1]?.kind, 'put');
      await until('no problem', () => problems.at(-1) === undefined);
    }),
  );

  test(
    'a watch that the server ends by its time is resumed at once',
    withReflector(
      async (api, { events, requests }) => {
        await until('the second watch', () => countOf(requests, 'watch') >= 2);
        touchNode(api, 'a', '1');
        await until('the change', () => events.length === 2);
        assert.equal(countOf(requests, 'list'), 2);
      },
      { ...FAST, watchSeconds: { min: 1, max: 1 }, healthyAfterMs: 500 },
    ),
  );
});
