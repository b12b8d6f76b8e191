// The own advert: published when it is new, when it was refused, and when somebody else may have
// changed it, but not as often as somebody else likes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AdvertPublisher } from '../../../src/agent/advert-publisher.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Publication } from '../../../src/source/source.ts';
import { FakeClock } from '../../fake/clock.ts';
import { advertOf } from '../../fake/cluster.ts';

const publicationWith = (config: string): Publication => ({
  advert: advertOf(1, { config }),
  backend: 'vxlan',
});

type Parts = {
  readonly publisher: AdvertPublisher;
  readonly clock: FakeClock;
  readonly calls: string[];
};

/** Runs `body` beside a publisher; `refusals` are how many requests fail first. */
async function publishing(
  refusals: number,
  body: (parts: Parts) => Promise<void>,
  isPublished: () => boolean = () => false,
): Promise<void> {
  const clock = new FakeClock();
  const calls: string[] = [];
  const publish = async ({ advert }: Publication): Promise<boolean> => {
    calls.push(advert.config);
    if (calls.length <= refusals) throw new Error('the API is away');
    return !isPublished();
  };
  const publisher = new AdvertPublisher({ source: { publish }, clock, log: silentLog });
  const stop = new AbortController();
  const running = publisher.run(stop.signal);
  await body({ publisher, clock, calls });
  stop.abort();
  await running;
}

const receiving = (vni: number): Publication => {
  const { advert, backend } = publicationWith(`${vni}`);
  const [receiver] = advert.receives.vxlan;
  assert.ok(receiver !== undefined);
  const receives = { ...advert.receives, vxlan: [{ ...receiver, vni }] };
  return { advert: { ...advert, receives }, backend };
};

const vnisOf = (publisher: AdvertPublisher): number[] => publisher.promised.map(({ vni }) => vni);

describe('the own advert', () => {
  test('is published when it changes, and not when it is the same', () =>
    publishing(0, async ({ publisher, clock, calls }) => {
      for (const config of ['a', 'a', 'b', 'b', 'b', 'a']) {
        publisher.offer(publicationWith(config));
        await clock.advance(100);
      }
      assert.deepEqual(calls, ['a', 'b', 'a']);
    }));

  test('is tried again until the API takes it', () =>
    publishing(3, async ({ publisher, clock, calls }) => {
      publisher.offer(publicationWith('a'));
      await clock.advance(10_000);
      assert.equal(calls.length, 4);
    }));

  test('promises what peers may still read, until another is published', () =>
    publishing(3, async ({ publisher, clock, calls }) => {
      publisher.offer(receiving(1));
      await clock.advance(100);
      publisher.offer(receiving(2));
      assert.deepEqual(vnisOf(publisher), [1, 2]);
      publisher.look(receiving(2).advert);
      assert.deepEqual(vnisOf(publisher), [1, 2]);
      await clock.advance(10_000);
      assert.ok(calls.length > 3);
      assert.deepEqual(vnisOf(publisher), [2]);
    }));

  test('promises what peers had read, until what was published instead has come back', () =>
    publishing(0, async ({ publisher, clock }) => {
      for (const vni of [1, 2]) {
        publisher.offer(receiving(vni));
        await clock.advance(100);
      }
      assert.deepEqual(vnisOf(publisher), [1, 2]);
      publisher.look(receiving(1).advert);
      assert.deepEqual(vnisOf(publisher), [1, 2]);
      publisher.look(receiving(2).advert);
      assert.deepEqual(vnisOf(publisher), [2]);
    }));

  test('may come back before the answer to the request', () =>
    publishing(0, async ({ publisher, clock }) => {
      for (const vni of [1, 2]) {
        publisher.offer(receiving(vni));
        await clock.advance(100);
      }
      publisher.offer(receiving(3));
      for (const vni of [2, 3]) publisher.look(receiving(vni).advert);
      assert.deepEqual(vnisOf(publisher), [2, 3]);
      await clock.advance(100);
      assert.deepEqual(vnisOf(publisher), [3]);
    }));

  test('is not taken for what was read before it, though that says the same', () =>
    publishing(0, async ({ publisher, clock }) => {
      publisher.offer(receiving(1));
      await clock.advance(100);
      publisher.look(receiving(1).advert);
      for (const vni of [2, 1]) {
        publisher.offer(receiving(vni));
        await clock.advance(100);
      }
      assert.deepEqual(vnisOf(publisher), [1, 2, 1]);
      publisher.look(receiving(2).advert);
      assert.deepEqual(vnisOf(publisher), [1, 2, 1]);
      publisher.look(receiving(1).advert);
      assert.deepEqual(vnisOf(publisher), [1]);
    }));

  test('is looked after when the own Node has changed, and there is one', () =>
    publishing(0, async ({ publisher, clock, calls }) => {
      publisher.look(undefined);
      await clock.advance(100);
      assert.deepEqual(calls, []);
      publisher.offer(publicationWith('a'));
      await clock.advance(100);
      publisher.look(undefined);
      await clock.advance(100);
      assert.deepEqual(calls, ['a', 'a']);
    }));

  test('is put right at once after any number of changes that leave it as it is', async () => {
    let isPublished = true;
    const body = async ({ publisher, clock, calls }: Parts): Promise<void> => {
      publisher.offer(publicationWith('a'));
      for (let round = 0; round < 100; round += 1) {
        publisher.look(publicationWith('a').advert);
        await clock.advance(20);
      }
      isPublished = false;
      const before = calls.length;
      publisher.look(undefined);
      await clock.advance(50);
      assert.equal(calls.length, before + 1);
    };
    await publishing(0, body, () => isPublished);
  });

  test('is not fought for at any rate', () =>
    publishing(0, async ({ publisher, clock, calls }) => {
      publisher.offer(publicationWith('a'));
      await clock.advance(100);
      for (let round = 0; round < 1_000; round += 1) {
        publisher.look(undefined);
        await clock.advance(100);
      }
      // 100 s: ten at once, one each 5 s, and the slow tick.
      assert.ok(calls.length > 20 && calls.length < 40, `${calls.length} requests`);
    }));
});
