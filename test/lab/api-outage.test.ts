// The Kubernetes API is killed, or hangs: traffic goes on, pods are started, an agent that restarts
// changes nothing, and everything is caught up with when the API is back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LabProcess } from '../../src/lab/processes.ts';
import { isAlive, sendSignal } from '../../src/lab/processes.ts';
import { kernelTexts } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';

const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

const apiProcess = (lab: TestLab): LabProcess =>
  lab.directory.process('api') ?? assert.fail('the lab has no API process');

/** New pods work on every node while nobody answers the agents. */
async function assertWorksWithoutApi(lab: TestLab, number: number): Promise<void> {
  for (const { name } of lab.plan.nodes) await lab.attach(name, number);
  await lab.mustReach();
}

test('while the API hangs traffic goes on and pods are started; then all is caught up', async () => {
  await withLab({}, async (lab) => {
    const reports = await whilePinging(lab, async () => {
      const before = kernelTexts(lab);
      sendSignal(apiProcess(lab), 'SIGSTOP');
      await sleep(1_000);
      assert.deepEqual(kernelTexts(lab), before);
      await assertWorksWithoutApi(lab, 2);
      // An edit waits inside of the frozen server, and is taken when it is thawed.
      const editing = lab.edit({ Backend: { Type: 'host-gw' } });
      await sleep(300);
      sendSignal(apiProcess(lab), 'SIGCONT');
      await editing;
      await lab.settled(({ peers }) => peers.every(({ used }) => used === 'host-gw'));
      await lab.mustReach();
    });
    assertNothingLost(reports);
  });
});

test('while the API is dead traffic goes on and pods are started, and a new one is found', async () => {
  await withLab({}, async (lab) => {
    const reports = await whilePinging(lab, async () => {
      const before = kernelTexts(lab);
      sendSignal(apiProcess(lab), 'SIGKILL');
      await until('the API ends', () => !isAlive(apiProcess(lab)));
      await sleep(500);
      assert.deepEqual(kernelTexts(lab), before);
      await assertWorksWithoutApi(lab, 2);
      for (const { name } of lab.plan.nodes) {
        const says = /ECONNREFUSED|ECONNRESET|closed|request failed/;
        await lab.untilStatus(name, 'says that the API is away', ({ source }) =>
          says.test(source.problem ?? ''),
        );
      }
      await assertWorksWithoutApi(lab, 3);
    });
    assertNothingLost(reports);
    await lab.restartApi();
    await lab.settled();
    await lab.mustReach();
  });
});

test('an agent whose Node is not there leaves everything as it is', async () => {
  await withLab({}, async (lab) => {
    const reports = await whilePinging(lab, async () => {
      const before = kernelTexts(lab);
      // Peers do act on it: to them the machine is gone. So all of them at once, as in an API that
      // has lost its memory.
      for (const { name } of lab.plan.nodes) await lab.endAgent(name, 'SIGKILL');
      for (const { name } of lab.plan.nodes) await lab.api.deleteNode(name);
      for (const { name } of lab.plan.nodes) lab.startAgent(name);
      for (const { name } of lab.plan.nodes) {
        await lab.untilStatus(name, 'misses its Node', ({ problems }) =>
          problems.includes(`there is no Node named ${name}`),
        );
      }
      await sleep(500);
      assert.deepEqual(kernelTexts(lab), before);
    });
    assertNothingLost(reports);
    for (const [index, { name, addresses }] of lab.plan.nodes.entries()) {
      const podCIDR = `10.244.${index}.0/24`;
      const spec = { podCIDR, podCIDRs: [podCIDR] };
      await lab.api.createNode(name, addresses, { spec });
    }
    await lab.settled();
    await lab.mustReach();
  });
});
