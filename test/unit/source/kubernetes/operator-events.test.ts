// Words for the operator as Events in the embedded API: what they say, and that they are no storm.
// Time stands still but when a test lets it pass.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { EVENTS } from '../../../../src/lab/api/kinds.ts';
import type { KubeObject } from '../../../../src/lab/api/object.ts';
import { deleteObject } from '../../../../src/lab/api/operations.ts';
import type { ApiServer } from '../../../../src/lab/api/server.ts';
import { silentLog } from '../../../../src/lib/log.ts';
import type { KubernetesApi } from '../../../../src/source/kubernetes/api.ts';
import { OperatorEvents } from '../../../../src/source/kubernetes/operator-events.ts';
import { FakeClock } from '../../../fake/clock.ts';
import { counted } from '../../../fake/counted-api.ts';
import { plainClient, portOf, startTestApi, until } from '../../../fake/kubernetes-api.ts';

const WORDS = { type: 'Warning', reason: 'Bad', message: 'something is wrong' } as const;
const LIMITS = { repeatIntervalMs: 60_000, burst: 3, refillMs: 600_000 };

const eventsIn = (api: ApiServer): readonly KubeObject[] => {
  const entries = api.store.list(EVENTS);
  return entries === 'expired' ? [] : entries.map((entry) => entry.object);
};

type World = {
  readonly api: ApiServer;
  readonly events: OperatorEvents;
  readonly clock: FakeClock;
  /** How many requests wrote so far. */
  writes(): number;
};

async function start(context: TestContext, burst = LIMITS.burst): Promise<World> {
  const api = await startTestApi();
  const { api: client, writes } = counted(plainClient(portOf(api)));
  const clock = new FakeClock();
  const events = new OperatorEvents({
    ...{ client, clock, log: silentLog, nodeName: 'self' },
    limits: { ...LIMITS, burst },
  });
  const stop = new AbortController();
  const running = events.run(stop.signal);
  context.after(async () => {
    stop.abort();
    await running;
    await api.stop();
  });
  return { api, events, clock, writes };
}

describe('words for the operator', () => {
  test('are an Event on the Node', async (context) => {
    const { api, events } = await start(context);
    await events.tell(WORDS);
    const [event] = eventsIn(api);
    assert.equal(eventsIn(api).length, 1);
    assert.deepEqual(event?.involvedObject, {
      kind: 'Node',
      apiVersion: 'v1',
      name: 'self',
      uid: 'self',
    });
    assert.deepEqual(event?.source, { component: 'poplin', host: 'self' });
    assert.deepEqual(
      [event?.type, event?.reason, event?.message, event?.count],
      ['Warning', 'Bad', 'something is wrong', 1],
    );
  });

  test('that repeat are counted in one Event, at a bounded rate', async (context) => {
    const { api, events, clock, writes } = await start(context);
    for (let round = 0; round < 100; round += 1) await events.tell(WORDS);
    assert.equal(writes(), 1);
    await clock.advance(LIMITS.repeatIntervalMs);
    await until('the count', () => eventsIn(api)[0]?.count === 100);
    assert.equal(eventsIn(api).length, 1);
    assert.equal(writes(), 2);
  });

  test('that are all different are no storm either', async (context) => {
    const { api, events, clock, writes } = await start(context);
    for (let round = 0; round < 200; round += 1) {
      await events.tell({ ...WORDS, message: `number ${round}` });
    }
    await clock.advance(LIMITS.repeatIntervalMs);
    assert.equal(writes(), LIMITS.burst);
    assert.equal(eventsIn(api).length, LIMITS.burst);
    await clock.advance(LIMITS.refillMs);
    await until('one more', () => eventsIn(api).length === LIMITS.burst + 1);
  });

  test('that the server has forgotten are a new Event', async (context) => {
    const { api, events, clock } = await start(context, 20);
    await events.tell(WORDS);
    const { name = '' } = eventsIn(api)[0]?.metadata ?? {};
    deleteObject(api.store, { kind: EVENTS, namespace: 'default', name });
    await events.tell(WORDS);
    await until('a new one', async () => {
      await clock.advance(LIMITS.repeatIntervalMs);
      return eventsIn(api).length === 1;
    });
    assert.equal(eventsIn(api)[0]?.count, 2);
  });

  test('that arrived, but whose answer was lost, are counted like others', async () => {
    const api = await startTestApi();
    const client = plainClient(portOf(api));
    const clock = new FakeClock();
    const twice: KubernetesApi = {
      call: async (asked, stop) => {
        if (asked.method === 'POST') await client.call(asked, stop);
        return client.call(asked, stop);
      },
      list: (...asked) => client.list(...asked),
      open: (...asked) => client.open(...asked),
      close: () => client.close(),
    };
    const options = { client: twice, clock, log: silentLog, nodeName: 'self', limits: LIMITS };
    const events = new OperatorEvents(options);
    await events.tell(WORDS);
    await clock.advance(LIMITS.repeatIntervalMs);
    await events.tell(WORDS);
    assert.deepEqual(
      eventsIn(api).map(({ count }) => count),
      [2],
    );
    client.close();
    await api.stop();
  });

  test('that the server refuses do not reject', async (context) => {
    const { api, events } = await start(context);
    const refusal = { code: 403, reason: 'Forbidden', message: 'no' } as const;
    api.faults.add({
      matches: ({ path }) => path.includes('/events'),
      effect: { kind: 'refuse', refusal },
    });
    await events.tell(WORDS);
    assert.equal(eventsIn(api).length, 0);
  });
});
