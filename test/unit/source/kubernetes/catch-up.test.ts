// What a watch that was cut off tells of the past is acted upon at its end, not on the way.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CatchUp } from '../../../../src/source/kubernetes/catch-up.ts';
import { FakeClock } from '../../../fake/clock.ts';

function start() {
  const clock = new FakeClock();
  const got: number[] = [];
  const catchUp = new CatchUp<number>(clock, (event) => void got.push(event));
  const take = (event: number, name = `${event}`, isGone = false): void =>
    catchUp.take({ name, isGone, event });
  return { clock, got, catchUp, take };
}

test('without a gap each event goes on at once', () => {
  const { got, take } = start();
  take(1);
  assert.deepEqual(got, [1]);
});

test('after a gap events wait until no more of them come, and then come together', async () => {
  const { clock, got, catchUp, take } = start();
  catchUp.fallBehind();
  const following = catchUp.follow(new AbortController().signal);
  for (let event = 1; event <= 5; event += 1) {
    take(event);
    await clock.advance(80);
    assert.deepEqual(got, []);
  }
  await clock.advance(200);
  assert.deepEqual(got, [1, 2, 3, 4, 5]);
  await following;
  take(6);
  assert.deepEqual(got.at(-1), 6);
});

test('news without an end are waited for no longer than two seconds', async () => {
  const { clock, got, catchUp, take } = start();
  catchUp.fallBehind();
  const following = catchUp.follow(new AbortController().signal);
  for (let event = 0; event < 50; event += 1) {
    take(event);
    await clock.advance(50);
  }
  await following;
  assert.equal(got.length, 50);
});

test('a watch that is cut off in the middle goes on waiting in the next one', async () => {
  const { clock, got, catchUp, take } = start();
  catchUp.fallBehind();
  const first = new AbortController();
  const following = catchUp.follow(first.signal);
  take(1);
  first.abort();
  await clock.advance(5_000);
  await following;
  assert.deepEqual(got, []);
  const next = catchUp.follow(new AbortController().signal);
  take(2);
  await clock.advance(300);
  await next;
  assert.deepEqual(got, [1, 2]);
});

test('a list takes the place of what was held', async () => {
  const { clock, got, catchUp, take } = start();
  catchUp.fallBehind();
  take(1);
  catchUp.forget();
  take(2);
  await clock.advance(1_000);
  assert.deepEqual(got, [2]);
});

test('of an object that was deleted and made again the last word alone is told', async () => {
  const { clock, got, catchUp, take } = start();
  catchUp.fallBehind();
  const following = catchUp.follow(new AbortController().signal);
  take(1, 'remade', true);
  take(2, 'other');
  take(3, 'remade');
  take(4, 'remade');
  await clock.advance(300);
  await following;
  assert.deepEqual(got, [2, 4]);
});

test('of an object that is gone in the end every deletion is told, in order', async () => {
  const { clock, got, catchUp, take } = start();
  catchUp.fallBehind();
  const following = catchUp.follow(new AbortController().signal);
  take(1, 'twice', true);
  take(2, 'twice');
  take(3, 'twice', true);
  await clock.advance(300);
  await following;
  assert.deepEqual(got, [1, 3]);
});
