// What operators are told: once when it starts, once when it ends, never in between, and without
// anybody waiting for the datastore.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Announcer } from '../../../src/agent/announcer.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { OperatorEvent } from '../../../src/source/source.ts';
import { FakeClock } from '../../fake/clock.ts';

test('a problem that lasts is told once, a changed one again, and its end once', async () => {
  const clock = new FakeClock();
  const told: OperatorEvent[] = [];
  const tell = async (event: OperatorEvent): Promise<void> => void told.push(event);
  const announcer = new Announcer({ tell }, clock, silentLog);
  const stop = new AbortController();
  const running = announcer.run(stop.signal);
  const texts = [[], ['a'], ['a'], ['a', 'b'], ['a', 'b'], [], []];
  for (const problems of texts) {
    announcer.report('Broken', problems);
    await clock.advance(100);
  }
  assert.deepEqual(told, [
    { type: 'Warning', reason: 'Broken', message: 'a' },
    { type: 'Warning', reason: 'Broken', message: 'a; b' },
    { type: 'Normal', reason: 'BrokenResolved', message: 'a; b' },
  ]);
  stop.abort();
  await running;
});

test('while the datastore hangs, reports return at once and the newest are kept', async () => {
  const clock = new FakeClock();
  const told: string[] = [];
  let answer = (): void => undefined;
  const tell = ({ message }: OperatorEvent): Promise<void> => {
    told.push(message);
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  const announcer = new Announcer({ tell }, clock, silentLog);
  const stop = new AbortController();
  const running = announcer.run(stop.signal);
  announcer.report('First', ['hangs']);
  await clock.advance(100);
  for (let count = 0; count < 200; count += 1) announcer.report(`Flood${count}`, [`${count}`]);
  assert.deepEqual(told, ['hangs']);
  for (let count = 0; count < 300; count += 1) {
    answer();
    await clock.advance(0);
  }
  assert.equal(told.length, 65);
  assert.equal(told.at(-1), '199');
  stop.abort();
  await running;
});

test('what changes all the time is told now and then, and at last by what it is', async () => {
  const clock = new FakeClock();
  const told: string[] = [];
  const tell = async ({ type, message }: OperatorEvent): Promise<void> => {
    told.push(`${type} ${message}`);
  };
  const announcer = new Announcer({ tell }, clock, silentLog);
  const stop = new AbortController();
  const running = announcer.run(stop.signal);
  for (let count = 0; count < 500; count += 1) {
    announcer.report('Silent', [`${count} peers`]);
    announcer.report('Other', ['once']);
    await clock.advance(1_000);
  }
  const [first] = told;
  assert.equal(first, 'Warning 0 peers');
  assert.equal(told.filter((text) => text === 'Warning once').length, 1);
  assert.ok(told.length > 5 + 6 && told.length < 5 + 12, told.join());
  await clock.advance(120_000);
  assert.equal(told.at(-1), 'Warning 499 peers');
  announcer.report('Silent', []);
  announcer.report('Silent', ['again']);
  announcer.report('Silent', []);
  await clock.advance(300_000);
  // Nobody has to know what was there for a moment.
  assert.equal(told.at(-1), 'Normal 499 peers');
  stop.abort();
  await running;
});
