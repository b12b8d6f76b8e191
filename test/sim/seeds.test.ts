// The same seeds of the simulation every time, so that a change that breaks one is found by it and
// not by chance: the first ones, and those that failed once. More of them, and fresh ones, are run
// by `npm run test:long` and `npm run sim`.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { failingSeeds } from './failing-seeds.ts';
import {
  BIRD_SEEDS_OF_TEST,
  CROWDED_SEEDS_OF_TEST,
  FAILED_ONCE_BY_SOURCE,
  SEEDS_OF_TEST,
} from './fixed-seeds.ts';
import { CROWDED, WITH_BIRDS } from './plan.ts';
import type { PoolOptions } from './pool.ts';

test('the first seeds, and those that failed once', async (context) => {
  await check(context, { seeds: SEEDS_OF_TEST });
});

for (const [subnetSource, seeds] of FAILED_ONCE_BY_SOURCE) {
  test(`seeds that failed once with the SubnetSource ${subnetSource}`, async (context) => {
    await check(context, { seeds, overrides: { subnetSource } });
  });
}

test('the first seeds of crowds, for which one subnet is not enough', async (context) => {
  await check(context, { seeds: CROWDED_SEEDS_OF_TEST, overrides: CROWDED });
});

test('the first seeds with BIRDs, whose routes come and go beside the agents’', async (context) => {
  await check(context, { seeds: BIRD_SEEDS_OF_TEST, overrides: WITH_BIRDS });
});

async function check(context: TestContext, options: PoolOptions): Promise<void> {
  const [shown, ...others] = await failingSeeds(context, options);
  if (shown === undefined) return;
  const rest = others.map(({ seed }) => seed).join(', ');
  assert.fail(`${shown.failure}${rest === '' ? '' : `these seeds fail as well: ${rest}\n`}`);
}
