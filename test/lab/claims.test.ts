// Twelve nodes that start at once, on etcd and on Leases of the embedded API: each has a subnet,
// none is shared, and whoever is asked reaches whoever is asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestLab } from './lab.ts';
import { withLab } from './lab.ts';
import { logOf } from './words.ts';

const NODES = 12;
const SETTLES_WITHIN_MS = 120_000;
const SAMPLE = ['node1', 'node6', 'node12'];

type Line = { readonly msg?: string; readonly time?: string };

const linesOf = (lab: TestLab, node: string): Line[] =>
  logOf(lab, node)
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

/** When a node says this for the first time, as it stamped it itself. */
function saidAtMs(lab: TestLab, node: string, isIt: (line: Line) => boolean): number {
  const { time = '' } = linesOf(lab, node).find(isIt) ?? {};
  assert.ok(time !== '', `${node} has not said it`);
  return Date.parse(time);
}

for (const [where, options] of [
  ['etcd', { datastore: 'etcd' }],
  ['Leases', { subnetSource: 'lease' }],
] as const) {
  test(`${NODES} nodes that start at once on ${where} share no subnet`, async (t) => {
    const size = { nodeCount: NODES, podsPerNode: 0, timeoutMs: SETTLES_WITHIN_MS };
    await withLab({ ...options, ...size }, async (lab) => {
      const names = lab.plan.nodes.map(({ name }) => name);
      const statuses = await Promise.all(names.map((name) => lab.status(name)));
      const subnets = statuses.flatMap(({ lease }) => lease.subnets);
      assert.equal(subnets.length, NODES);
      assert.equal(new Set(subnets).size, NODES, subnets.join());
      assert.ok(subnets.every((subnet) => /^10\.244\.\d+\.0\/24$/.test(subnet)));
      for (const name of names) {
        assert.doesNotMatch(logOf(lab, name), /NoSubnet/, 'all goes well, and nobody is alarmed');
      }
      for (const name of SAMPLE) await lab.attach(name, 1);
      await lab.mustReach();
      const started = names.map((name) => saidAtMs(lab, name, () => true));
      const held = names.map((name) =>
        saidAtMs(lab, name, ({ msg }) => msg === 'subnets are held'),
      );
      const tookMs = Math.max(...held) - Math.min(...started);
      const spreadMs = Math.max(...started) - Math.min(...started);
      t.diagnostic(`${where}: the last of ${NODES} nodes had its subnet ${tookMs} ms after the`);
      t.diagnostic(`first word of the first, and ${spreadMs} ms lie between their first words`);
    });
  });
}
