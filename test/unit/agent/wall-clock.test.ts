// Whoever sets the wall clock is found out; time that passes, awake or asleep, is not taken for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WallClock } from '../../../src/agent/wall-clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { FakeClock } from '../../fake/clock.ts';

const DAY_MS = 86_400_000;

test('a clock that is set, forward or back, is named with its new time', () => {
  const clock = new FakeClock();
  const wall = new WallClock(clock, silentLog);
  clock.setWallClock(DAY_MS);
  wall.look();
  wall.look();
  assert.deepEqual(wall.jumps, [
    'the wall clock was set forward by 86400 s, to 2026-01-02T00:00:00.000Z',
  ]);
  clock.setWallClock(-2 * DAY_MS);
  wall.look();
  assert.match(wall.jumps.at(-1) ?? '', /set back by 172800 s, to 2025-12-31T/);
  for (let each = 0; each < 20; each += 1) {
    clock.setWallClock(DAY_MS);
    wall.look();
  }
  assert.equal(wall.jumps.length, 5);
});

test('neither sleep nor small corrections are a jump', async () => {
  const clock = new FakeClock();
  const wall = new WallClock(clock, silentLog);
  clock.suspend(DAY_MS);
  wall.look();
  await clock.advance(DAY_MS);
  wall.look();
  for (let each = 0; each < 100; each += 1) {
    clock.setWallClock(1_000);
    wall.look();
  }
  assert.deepEqual(wall.jumps, []);
});
