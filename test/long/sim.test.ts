// Fresh seeds of the simulation, other ones at every run, for each way that nodes get their
// subnets, after those that are the same at every run and for which `npm test` has no time. A seed
// that fails says how it is replayed, and joins the list in test/sim/fixed-seeds.ts.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { failingSeeds } from '../sim/failing-seeds.ts';
import { SEEDS_OF_LONG_TEST } from '../sim/fixed-seeds.ts';
import type { SubnetSourceName } from '../sim/plan.ts';
import { CROWDED } from '../sim/plan.ts';
import type { PoolOptions } from '../sim/pool.ts';

const SEED_COUNT = 200;
const SOURCES: readonly SubnetSourceName[] = ['lease', 'podCIDR', 'auto'];

test('the seeds that are the same at every run, beside those of npm test', async (context) => {
  await check(context, { seeds: SEEDS_OF_LONG_TEST });
});

describe(`${SEED_COUNT} fresh seeds of the simulation`, () => {
  for (const subnetSource of SOURCES) {
    test(`with the SubnetSource ${subnetSource}`, async (context) => {
      const base = Math.floor(Math.random() * 1_000_000_000);
      context.diagnostic(`seeds from ${base} on`);
      const seeds = Array.from({ length: SEED_COUNT }, (_, index) => base + index);
      await check(context, { seeds, overrides: { subnetSource } });
    });
  }
});

test('and as many crowds, for which one subnet of a node is not enough', async (context) => {
  const base = Math.floor(Math.random() * 1_000_000_000);
  context.diagnostic(`seeds from ${base} on`);
  const seeds = Array.from({ length: SEED_COUNT }, (_, index) => base + index);
  await check(context, { seeds, overrides: CROWDED });
});

async function check(context: TestContext, options: PoolOptions): Promise<void> {
  const failures = await failingSeeds(context, options);
  assert.equal(failures.map(({ failure }) => failure).join('\n'), '');
}
