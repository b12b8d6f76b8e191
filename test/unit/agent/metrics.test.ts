// Metrics: what is registered is what docs/metrics.md says, with the same types and labels.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AgentMetrics } from '../../../src/agent/metrics.ts';

test('docs/metrics.md lists every metric with its type, and no other', async () => {
  const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `(poplin_\w+)` \| (\w+) \|/gm)]
    .map(([, name, type]) => `${name} ${type}`)
    .sort();
  const registered = (await new AgentMetrics().registry.getMetricsAsJSON())
    .map(({ name, type }) => `${name} ${type}`)
    .sort();
  assert.deepEqual(documented, registered);
});

test('a CNI call is counted by its verb and code', async () => {
  const metrics = new AgentMetrics();
  metrics.cniCall({ verb: 'ADD', code: 11, durationMs: 3 });
  const text = await metrics.registry.metrics();
  assert.match(text, /poplin_cni_duration_seconds_count\{verb="ADD",code="11"\} 1/);
});
