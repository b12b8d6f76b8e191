// When memory is given back: after much was used, and never while there is work.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Heap } from '../../../src/agent/heap-keeper.ts';
import { HeapKeeper } from '../../../src/agent/heap-keeper.ts';
import { FakeClock } from '../../fake/clock.ts';

const MIB = 1024 * 1024;

class FakeHeap implements Heap {
  used = 20 * MIB;
  needed = 10 * MIB;
  releases = 0;

  usedBytes(): number {
    return this.used;
  }

  release(): void {
    this.releases += 1;
    this.used = this.needed;
  }
}

async function withKeeper(
  check: (heap: FakeHeap, clock: FakeClock) => Promise<void>,
): Promise<void> {
  const heap = new FakeHeap();
  const clock = new FakeClock();
  const stop = new AbortController();
  const running = new HeapKeeper({ heap, clock }).run(stop.signal);
  await check(heap, clock);
  stop.abort();
  await running;
}

test('memory is given back once it is quiet, and not again while nothing was used', () =>
  withKeeper(async (heap, clock) => {
    await clock.advance(1_000);
    assert.equal(heap.releases, 1);
    await clock.advance(120_000);
    assert.equal(heap.releases, 1);
  }));

test('while memory is being used nothing is given back', () =>
  withKeeper(async (heap, clock) => {
    for (let second = 0; second < 30; second += 1) {
      heap.used += 5 * MIB;
      await clock.advance(1_000);
    }
    assert.equal(heap.releases, 0);
    await clock.advance(1_000);
    assert.equal(heap.releases, 1);
  }));

test('a collection that V8 makes by itself in between counts as work', () =>
  withKeeper(async (heap, clock) => {
    heap.used -= 5 * MIB;
    await clock.advance(1_000);
    assert.equal(heap.releases, 0);
  }));

test('releases are far enough apart that their pauses do not count', () =>
  withKeeper(async (heap, clock) => {
    await clock.advance(1_000);
    heap.used = 50 * MIB;
    await clock.advance(9_000);
    assert.equal(heap.releases, 1);
    await clock.advance(2_000);
    assert.equal(heap.releases, 2);
  }));

test('what is needed is not taken for garbage, however much it is', () =>
  withKeeper(async (heap, clock) => {
    heap.needed = 200 * MIB;
    heap.used = 204 * MIB;
    await clock.advance(2_000);
    assert.equal(heap.releases, 1);
    await clock.advance(60_000);
    assert.equal(heap.releases, 1);
  }));
