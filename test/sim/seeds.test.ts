// Seeds of the simulation: those that once failed, then fresh ones from a random number on for as
// long as the time lasts. A seed that fails is printed first, with the command that replays it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderFailure, renderSummary } from './report.ts';
import type { Verdict } from './run.ts';
import { runSeed } from './run.ts';

/** Each showed a fault of the product or of the simulation once, or comes close to one. */
const FAILED_ONCE = [9, 76, 101, 105, 107, 219];

const FRESH_MAX = 300;
const FRESH_MIN = 5;
const FRESH_MS = 45_000;

async function check(seed: number): Promise<Verdict> {
  const verdict = await runSeed({ seed });
  if (verdict.violation !== undefined) assert.fail(renderFailure(verdict));
  return verdict;
}

for (const seed of FAILED_ONCE) {
  test(`seed ${seed}, which failed once`, async () => {
    await check(seed);
  });
}

test('fresh seeds', async (context) => {
  const base = Math.floor(Math.random() * 1_000_000_000);
  context.diagnostic(`seeds from ${base} on`);
  const startMs = performance.now();
  const verdicts: Verdict[] = [];
  const isTime = (): boolean => performance.now() - startMs < FRESH_MS;
  while (verdicts.length < FRESH_MIN || (verdicts.length < FRESH_MAX && isTime())) {
    verdicts.push(await check(base + verdicts.length));
  }
  for (const line of renderSummary(verdicts, performance.now() - startMs)
    .trim()
    .split('\n')) {
    context.diagnostic(line);
  }
});
