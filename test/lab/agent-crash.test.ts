// Agents that die at any moment: traffic goes on while they are dead and while they come back, no
// address is given twice, and what was asked of them meanwhile is done.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { runCommand } from '../../src/lab/command.ts';
import type { CniOutcome } from './cni.ts';
import { addressesIn, cni } from './cni.ts';
import { kernelText, kernelTexts } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';

/** CNI: "try again later". */
const CODE_TRY_AGAIN = 11;
const ROUNDS = 6;

type Random = (belowMs: number) => number;

/** The seed is told, so that a run can be repeated (SEED=… in the environment). */
function randomOf(t: TestContext): Random {
  let state = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`SEED=${state}`);
  return (below) => {
    // Numerical Recipes' linear congruential generator: any will do.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

async function killAndRestart(lab: TestLab, node: string, deadMs: number): Promise<void> {
  await lab.endAgent(node, 'SIGKILL');
  await sleep(deadMs);
  lab.startAgent(node);
}

test('agents that are killed while idle change nothing and lose nothing', async (t) => {
  const random = randomOf(t);
  await withLab({}, async (lab) => {
    const before = kernelTexts(lab);
    const reports = await whilePinging(lab, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        await sleep(random(200));
        const node = `node${1 + random(3)}`;
        await killAndRestart(lab, node, random(300));
        // Half of them are killed again before they are done with the start.
        if (random(2) === 0) {
          await sleep(random(400));
          await killAndRestart(lab, node, 0);
        }
      }
      await lab.settled();
      await lab.mustReach();
    });
    assertNothingLost(reports);
    assert.deepEqual(kernelTexts(lab), before);
  });
});

test('agents that are killed during a switch of the backend lose nothing, and finish it', async (t) => {
  const random = randomOf(t);
  await withLab({}, async (lab) => {
    const reports = await whilePinging(lab, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const type = round % 2 === 0 ? 'host-gw' : 'vxlan';
        const node = `node${1 + random(3)}`;
        const killing = sleep(random(120)).then(() => killAndRestart(lab, node, random(300)));
        const text = JSON.stringify({ Network: '10.244.0.0/16', Backend: { Type: type } });
        await lab.api.putNetConf(text);
        await killing;
        await lab.settled(
          ({ peers, reconcile, config }) =>
            config.hash === reconcile.config && peers.every(({ used }) => used === type),
        );
        await lab.mustReach();
      }
    });
    assertNothingLost(reports);
  });
});

type Container = { readonly id: string; readonly netns: string };

const add = (lab: TestLab, { id, netns }: Container): Promise<CniOutcome> =>
  cni(lab, { node: 'node2', verb: 'ADD', containerId: id, netns });

const del = (lab: TestLab, { id, netns }: Container): Promise<CniOutcome> =>
  cni(lab, { node: 'node2', verb: 'DEL', containerId: id, netns });

/** As a runtime does: what failed is taken away, and tried again as another container. */
async function addWithRetry(lab: TestLab, container: Container): Promise<CniOutcome> {
  const first = await add(lab, container);
  if (first.exitCode === 0) return first;
  assert.equal(first.json.code, CODE_TRY_AGAIN, JSON.stringify(first));
  const removed = await del(lab, container);
  assert.equal(removed.exitCode, 0, JSON.stringify(removed));
  return addWithRetry(lab, { ...container, id: `${container.id}-again` });
}

const untilAttached = (lab: TestLab, count: number): Promise<unknown> =>
  lab.untilStatus('node2', `${count} pods`, ({ pods }) => pods.attached === count);

test('an agent that is killed during ADDs gives no address twice and forgets none', async (t) => {
  const random = randomOf(t);
  await withLab({ nodeCount: 2 }, async (lab) => {
    const reports = await whilePinging(lab, async () => {
      for (let round = 0; round < 3; round += 1) {
        const containers = await Promise.all(
          Array.from({ length: 8 }, async (_, index) => {
            const { netns } = lab.planPod('node2', 10 + round * 10 + index);
            await runCommand(['ip', 'netns', 'add', netns]);
            return { id: `${lab.plan.spec.name}-${round}-${index}`, netns };
          }),
        );
        const adding = containers.map((container) => addWithRetry(lab, container));
        await sleep(random(60));
        await killAndRestart(lab, 'node2', random(200));
        const added = await Promise.all(adding);
        for (const outcome of added) assert.equal(outcome.exitCode, 0, JSON.stringify(outcome));
        const addresses = added.flatMap(addressesIn);
        assert.equal(new Set([...addresses, lab.podAddress('node2-pod1')]).size, 9);
        for (const address of addresses) lab.run('node1-pod1', `ping -n -c 1 -W 10 ${address}`);
        await untilAttached(lab, 9);
        for (const container of containers) await removeAll(lab, container);
        await untilAttached(lab, 1);
      }
    });
    assertNothingLost(reports);
  });
});

async function removeAll(lab: TestLab, container: Container): Promise<void> {
  for (const id of [container.id, `${container.id}-again`, `${container.id}-again-again`]) {
    const removed = await del(lab, { ...container, id });
    assert.equal(removed.exitCode, 0, JSON.stringify(removed));
  }
}

test('an ADD while the agent is away waits for it; a DEL succeeds and is finished later', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const before = kernelText(lab, 'node2');
    const { netns } = lab.planPod('node2', 2);
    await runCommand(['ip', 'netns', 'add', netns]);
    const container = { id: 'late', netns };
    await lab.endAgent('node2', 'SIGKILL');
    const adding = add(lab, container);
    await sleep(500);
    lab.startAgent('node2');
    const added = await adding;
    assert.equal(added.exitCode, 0, JSON.stringify(added));
    const [address = ''] = addressesIn(added);
    lab.run('node1-pod1', `ping -n -c 1 -W 10 ${address}`);

    await lab.endAgent('node2', 'SIGKILL');
    const removed = await del(lab, container);
    assert.equal(removed.exitCode, 0, JSON.stringify(removed));
    const tombstones = join(lab.directory.node('node2').stateDir, 'tombstones');
    assert.equal(readdirSync(tombstones).length, 1);
    assert.throws(
      () => lab.run('node1-pod1', `ping -n -c 1 -W 0.3 ${address}`),
      /Command failed: .* ping/,
    );
    lab.startAgent('node2');
    await until('the DEL is finished', () => readdirSync(tombstones).length === 0);
    await lab.untilStatus('node2', 'one pod', ({ pods }) => pods.attached === 1);
    await until('nothing of it is left', () => kernelText(lab, 'node2') === before);
  });
});

test('agents that are stopped leave the data plane as it is', async () => {
  await withLab({}, async (lab) => {
    const before = kernelTexts(lab);
    const reports = await whilePinging(lab, async () => {
      for (const { name } of lab.plan.nodes) await lab.endAgent(name, 'SIGTERM');
      assert.deepEqual(kernelTexts(lab), before);
      await lab.mustReach();
      for (const { name } of lab.plan.nodes) lab.startAgent(name);
      await lab.settled();
      assert.deepEqual(kernelTexts(lab), before);
    });
    assertNothingLost(reports);
  });
});
