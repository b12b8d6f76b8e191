// Fresh seeds of the simulation, other ones at every run, for each way that nodes get their
// subnets. A seed that fails says how it is replayed, and joins the list in test/sim/seeds.test.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SubnetSourceName } from '../sim/plan.ts';
import { runSeeds } from '../sim/pool.ts';
import { renderSummary } from '../sim/report.ts';

const SEED_COUNT = 200;
const SOURCES: readonly SubnetSourceName[] = ['lease', 'podCIDR', 'auto'];

describe(`${SEED_COUNT} fresh seeds of the simulation`, () => {
  for (const subnetSource of SOURCES) {
    test(`with the SubnetSource ${subnetSource}`, async (context) => {
      const base = Math.floor(Math.random() * 1_000_000_000);
      context.diagnostic(`seeds from ${base} on`);
      const seeds = Array.from({ length: SEED_COUNT }, (_, index) => base + index);
      const startMs = performance.now();
      const reports = await runSeeds({ seeds, overrides: { subnetSource } });
      const summary = renderSummary(reports, performance.now() - startMs).trim();
      for (const line of summary.split('\n')) context.diagnostic(line);
      const failures = reports.filter(({ violation }) => violation !== undefined);
      assert.equal(failures.map(({ failure }) => failure).join('\n'), '');
    });
  }
});
