// How long a device stays that nobody needs any more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DrainingLinks } from '../../../src/agent/draining-links.ts';
import { FakeClock } from '../../fake/clock.ts';

test('a device may go after it has been of no use for five seconds without a break', async () => {
  const clock = new FakeClock();
  const links = new DrainingLinks(clock);
  assert.equal(links.remainingMs(), undefined);
  links.follow(['a']);
  await clock.advance(2_000);
  links.follow(['a', 'b']);
  assert.equal(links.remainingMs(), 3_000);
  await clock.advance(2_999);
  assert.deepEqual([...links.drained()], []);
  await clock.advance(1);
  assert.deepEqual([...links.drained()], ['a']);
  assert.equal(links.remainingMs(), 0);
  links.follow(['b']);
  assert.deepEqual([...links.drained()], []);
  assert.equal(links.remainingMs(), 2_000);
  links.follow([]);
  links.follow(['b']);
  await clock.advance(4_999);
  assert.deepEqual([...links.drained()], []);
});
