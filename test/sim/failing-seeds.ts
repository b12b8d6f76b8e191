// Runs seeds for a test: says in its diagnostics how they went, and returns those that failed.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { PoolOptions } from './pool.ts';
import { runSeeds } from './pool.ts';
import { renderSummary } from './report.ts';
import type { SeedReport } from './run.ts';

export async function failingSeeds(
  context: TestContext,
  options: PoolOptions,
): Promise<SeedReport[]> {
  const startMs = performance.now();
  const reports = await runSeeds(options);
  const summary = renderSummary(reports, performance.now() - startMs).trim();
  for (const line of summary.split('\n')) context.diagnostic(line);
  assert.equal(reports.length, options.seeds.length);
  return reports.filter(({ violation }) => violation !== undefined);
}
