// The right to subnets by itself, over a source that says what the test wants: what is remembered
// from before a reboot, for this process and for the next.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RememberedHolding } from '../../../src/agent/lease-keeper.ts';
import { LeaseKeeper } from '../../../src/agent/lease-keeper.ts';
import type { Holding } from '../../../src/cluster/holding.ts';
import { BEING_CLAIMED } from '../../../src/cluster/holding.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { SourceHealth } from '../../../src/source/source.ts';
import { FakeClock } from '../../fake/clock.ts';
import { cidr, configFrom } from '../../fake/config-from.ts';

const EARLIER: RememberedHolding = {
  authority: 'lease',
  explanation: 'as it was',
  subnets: [cidr('10.244.1.0/24')],
  isLost: false,
  isOfEarlierBoot: true,
};
const NONE: Holding = {
  kind: 'none',
  authority: 'lease',
  explanation: 'as it is',
  reason: 'nothing is free',
};

test('what a source refuses after a reboot is not taken up when that source falls silent', async () => {
  const clock = new FakeClock();
  let health: SourceHealth = { synced: false, problem: 'nobody answers' };
  const source = {
    health: () => health,
    hold: async (_: unknown, tell: (holding: Holding) => void, stop: AbortSignal) => {
      tell(NONE);
      await clock.sleep(Number.MAX_SAFE_INTEGER, stop);
    },
  };
  const keeper = new LeaseKeeper({ source, machine: 'm', clock, log: silentLog });
  const stop = new AbortController();
  const isLost = (): boolean | undefined => keeper.toRemember?.isLost;
  keeper.restore(EARLIER);
  keeper.wish(configFrom({ Network: '10.244.0.0/16' }));
  const running = keeper.run(() => undefined, stop.signal);
  await clock.advance(5_000);
  // Nobody answers: it goes by its memory, which stays on disk as it is.
  assert.deepEqual(keeper.view.subnets, EARLIER.subnets);
  assert.equal(isLost(), undefined);

  health = { synced: true };
  assert.deepEqual(keeper.view.subnets, []);
  assert.equal(isLost(), true);
  await clock.advance(5_000);
  health = { synced: false, problem: 'nobody answers' };
  await clock.advance(5_000);
  assert.deepEqual(keeper.view.subnets, []);
  assert.equal(keeper.view.isKnown, true);
  assert.equal(isLost(), true);
  stop.abort();
  await running;
});

test('what a source still claims after a reboot is not lost yet', async () => {
  const clock = new FakeClock();
  let tell: (holding: Holding) => void = () => undefined;
  const source = {
    health: (): SourceHealth => ({ synced: true }),
    hold: async (_: unknown, listener: (holding: Holding) => void, stop: AbortSignal) => {
      tell = listener;
      await clock.sleep(Number.MAX_SAFE_INTEGER, stop);
    },
  };
  const keeper = new LeaseKeeper({ source, machine: 'm', clock, log: silentLog });
  const stop = new AbortController();
  keeper.restore(EARLIER);
  keeper.wish(configFrom({ Network: '10.244.0.0/16' }));
  const running = keeper.run(() => undefined, stop.signal);
  const undecided: Holding = { ...NONE, authority: undefined, reason: 'not read yet' };
  for (const holding of [undecided, { ...NONE, reason: BEING_CLAIMED }]) {
    tell(holding);
    await clock.advance(5_000);
    // A process that is killed now leaves the file as it was.
    assert.equal(keeper.toRemember, undefined);
    assert.deepEqual(keeper.view.subnets, []);
  }
  const { isOfEarlierBoot: _, isLost: __, ...right } = EARLIER;
  tell({ kind: 'held', ...right, authority: 'lease' });
  assert.equal(keeper.toRemember?.isLost, false);
  assert.deepEqual(keeper.view.subnets, EARLIER.subnets);
  stop.abort();
  await running;
});
