// Two labs with the same addresses on one machine: neither hears of the other, whatever becomes of
// one of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelTexts } from './kernel-text.ts';
import { withLab } from './lab.ts';
import { tracesOf } from './machine.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';

test('two labs side by side do not disturb each other', async () => {
  await withLab({}, async (first) => {
    const before = kernelTexts(first);
    let secondName = '';
    const reports = await whilePinging(first, async () => {
      await withLab({ backend: 'host-gw', nodeCount: 2 }, async (second) => {
        secondName = second.plan.spec.name;
        assert.notEqual(secondName, first.plan.spec.name);
        assert.equal(second.podAddress('node1-pod1'), first.podAddress('node1-pod1'));
        await second.mustReach();
        await first.mustReach();
        await second.edit({ Masquerade: false });
        await second.api.deleteNode('node2');
        assert.deepEqual(kernelTexts(first), before);
      });
    });
    assert.deepEqual(tracesOf(secondName), []);
    assert.deepEqual(kernelTexts(first), before);
    assertNothingLost(reports);
    await first.mustReach();
  });
});
