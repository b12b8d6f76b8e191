// The same seeds of the simulation every time, so that a change that breaks one is found by it and
// not by chance: the first of all, and those that failed once. Fresh ones are run by
// `npm run test:long` and `npm run sim`.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { PoolOptions } from './pool.ts';
import { runSeeds } from './pool.ts';
import { renderSummary } from './report.ts';

const SEED_COUNT = 200;
/** Each showed a fault of the product or of the simulation once, or comes close to one. */
const FAILED_ONCE = [9, 76, 101, 105, 107, 110, 197, 219, 419];

/** The same, of plans whose SubnetSource was said on the command line. */
const FAILED_ONCE_BY_SOURCE = [
  ['podCIDR', [1010]],
  ['lease', [146722861]],
] as const;

test('seeds 1 to 200, and those that failed once', async (context) => {
  const first = Array.from({ length: SEED_COUNT }, (_, index) => index + 1);
  await check(context, { seeds: [...new Set([...FAILED_ONCE, ...first])] });
});

for (const [subnetSource, seeds] of FAILED_ONCE_BY_SOURCE) {
  test(`seeds that failed once with the SubnetSource ${subnetSource}`, async (context) => {
    await check(context, { seeds, overrides: { subnetSource } });
  });
}

async function check(context: TestContext, options: PoolOptions): Promise<void> {
  const startMs = performance.now();
  const reports = await runSeeds(options);
  const summary = renderSummary(reports, performance.now() - startMs).trim();
  for (const line of summary.split('\n')) context.diagnostic(line);
  assert.equal(reports.length, options.seeds.length);
  const [shown, ...others] = reports.filter(({ violation }) => violation !== undefined);
  if (shown === undefined) return;
  const rest = others.map(({ seed }) => seed).join(', ');
  assert.fail(`${shown.failure}${rest === '' ? '' : `these seeds fail as well: ${rest}\n`}`);
}
