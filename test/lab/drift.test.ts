// Whatever somebody deletes or changes of what the agent programs is put back: how long that takes
// for each kind of object, in real namespaces while pods ping, and what happens when somebody does
// it again each time.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { driftsOf, probeRuleDrifts } from './drifts.ts';
import { kernelText } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { whilePinging } from './pinger.ts';
import { median, repairMs } from './repair-time.ts';

/** Each node's turn comes equally often; on one node too many would be a fight. */
const ROUNDS = 9;
const MEDIAN_MAX_MS = 100;

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, rank: Math.random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}

/** Numbers that the kernel gives anew with each link and nexthop. */
const withoutNumbers = (text: string): string[] =>
  text
    .replaceAll(/^\d+: /gm, '')
    .replaceAll(/@if\d+/g, '')
    .replaceAll(/\bnhid \d+/g, 'nhid')
    .replaceAll(/^id \d+/gm, 'id')
    .split('\n')
    .map((line) => line.trimEnd())
    .sort();

const stateOf = (lab: TestLab, node: string): string[] => withoutNumbers(kernelText(lab, node));

test('what somebody deletes or changes is back within 100 ms', async (t) => {
  await withLab({}, async (lab) => {
    const nodes = lab.plan.nodes.map(({ name }) => name);
    const before = nodes.map((node) => stateOf(lab, node));
    const times = new Map<string, number[]>();
    await whilePinging(lab, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const node = nodes[round % nodes.length] ?? assert.fail();
        const others = nodes.filter((other) => other !== node);
        const peer = others[Math.floor(round / nodes.length) % others.length] ?? assert.fail();
        for (const drift of shuffled(driftsOf(lab, node, peer))) {
          const samples = times.get(drift.kind) ?? [];
          times.set(drift.kind, samples);
          samples.push(await repairMs(lab, node, drift));
        }
      }
    });
    await lab.settled();
    for (const [index, node] of nodes.entries()) {
      const was = before[index] ?? [];
      const differing = (): string[] => {
        const is = stateOf(lab, node);
        return [...is, ...was].filter((line) => !is.includes(line) || !was.includes(line));
      };
      await until(`${node} is as it was`, () => differing().length === 0).catch(() =>
        assert.deepEqual(differing(), [], node),
      );
      assert.deepEqual((await lab.status(node)).fights, []);
    }
    await lab.mustReach();
    report(t, times);
  });
});

test('the rule of the other family is back within 100 ms as well', async (t) => {
  await withLab({ families: ['ipv4', 'ipv6'], nodeCount: 2, podsPerNode: 0 }, async (lab) => {
    const times = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const node = lab.plan.nodes[round % 2]?.name ?? assert.fail();
      for (const drift of shuffled(probeRuleDrifts('ipv6'))) {
        const samples = times.get(drift.kind) ?? [];
        times.set(drift.kind, samples);
        samples.push(await repairMs(lab, node, drift));
      }
    }
    for (const { name } of lab.plan.nodes) assert.deepEqual((await lab.status(name)).fights, []);
    report(t, times);
  });
});

function report(t: TestContext, times: ReadonlyMap<string, readonly number[]>): void {
  const slow: string[] = [];
  for (const [kind, samples] of times) {
    const middle = median(samples);
    const last = Math.max(...samples).toFixed(0);
    t.diagnostic(`${kind}: median ${middle.toFixed(1)} ms, longest ${last} ms`);
    assert.ok(samples.length >= 7, kind);
    if (middle >= MEDIAN_MAX_MS) slow.push(`${kind}: ${samples}`);
  }
  assert.deepEqual(slow, []);
}
