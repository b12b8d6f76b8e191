// STATUS by the real executable: containerd asks it inside of each of its own Status calls and
// waits for the answer, so that it has to come at once, and with the diagnosis.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { withinSomeTime } from '../some-time.ts';
import { READY } from './agent.ts';
import type { Pod } from './node.ts';
import { add, del, errorIn, TestNode } from './node.ts';

const CALLS = 20;
const MEDIAN_MAX_MS = 50;
const PODS = 30;

describe('STATUS', () => {
  let node: TestNode;
  let pod: Pod;
  before(async () => {
    node = await TestNode.create('status');
    pod = { id: '', name: '', netns: '' };
  });
  after(() => node.remove());

  test('answers within 50 ms, however many pods there are', async (t) => {
    const pods = Array.from({ length: PODS }, (_, index) => node.addPod(`p${index}`));
    for (const each of pods) await add(node, each);
    await withinSomeTime(MEDIAN_MAX_MS, async () => {
      const durations: number[] = [];
      for (let call = 0; call < CALLS; call += 1) {
        const outcome = await node.cni('STATUS', pod);
        assert.deepEqual([outcome.exitCode, outcome.stdout], [0, '']);
        durations.push(outcome.durationMs);
      }
      const median = durations.sort((a, b) => a - b)[CALLS / 2] ?? Number.NaN;
      t.diagnostic(`median of ${CALLS}: ${median.toFixed(1)} ms`);
      return median;
    });
    for (const each of pods) await del(node, each);
  });

  for (const [what, readiness, code, text] of [
    ['no lease', { kind: 'not-ready', reason: 'no subnet is free' }, 50, /no subnet is free/],
    ['no peers', { ...READY, kind: 'degraded', reason: 'no path to any' }, 51, /no path to any/],
  ] as const) {
    test(`says that there are ${what}`, async () => {
      node.readiness = readiness as typeof node.readiness;
      const outcome = await node.cni('STATUS', pod);
      assert.equal(errorIn(outcome).code, code);
      assert.match(errorIn(outcome).details, text);
      node.readiness = READY;
    });
  }

  test('says that the agent is away', async () => {
    await node.stop();
    const outcome = await node.cni('STATUS', pod);
    assert.equal(errorIn(outcome).code, 50, outcome.stdout);
    assert.match(
      outcome.stdout,
      /"msg":"the Poplin agent of this node is not available","details":".*cni\.sock: \w.*"/,
    );
    await withinSomeTime(1000, async () => (await node.cni('STATUS', pod)).durationMs);
    await node.start();
  });
});
