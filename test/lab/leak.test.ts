// Nothing is left: not on the machine after a lab, not on a node after hundreds of pods.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { runCommand } from '../../src/lab/command.ts';
import { LABS_DIRECTORY } from '../../src/lab/lab-directory.ts';
import { cni } from './cni.ts';
import { kernelText } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { machineText, tracesOf } from './machine.ts';

const LANES = 10;
const PAIRS_PER_LANE = 50;

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** `ip netns exec` is replaced by the agent, so that the process is the agent's own. */
const agentPid = (lab: TestLab): number => lab.agent('node1').pid;

async function addAndDelete(lab: TestLab, lane: number, pairs: number): Promise<void> {
  const { netns } = lab.planPod('node1', 10 + lane);
  await runCommand(['ip', 'netns', 'add', netns]);
  for (let round = 0; round < pairs; round += 1) {
    const call = { node: 'node1', containerId: `lane${lane}-${round}`, netns };
    for (const verb of ['ADD', 'DEL'] as const) {
      const outcome = await cni(lab, { ...call, verb });
      assert.equal(outcome.exitCode, 0, JSON.stringify(outcome));
    }
  }
  await runCommand(['ip', 'netns', 'del', netns]);
}

const filesOf = (lab: TestLab): string[] =>
  readdirSync(lab.directory.node('node1').stateDir, { recursive: true })
    .map(String)
    // One per address that rests, and some to be written again: both are bounded.
    .filter((file) => !file.startsWith(join('attachments', 'released')))
    .filter((file) => !file.startsWith('attachments.spare'))
    .sort();

test('a lab leaves nothing on the machine', async () => {
  const before = machineText();
  let name = '';
  await withLab({ families: ['ipv4', 'ipv6'], underlay: 'routed' }, async (lab) => {
    name = lab.plan.spec.name;
    assert.ok(tracesOf(name).length > 10);
    await lab.edit({ Backend: { Type: 'host-gw' } });
  });
  assert.deepEqual(tracesOf(name), []);
  assert.equal(machineText(), before);
  const isUsed = existsSync(LABS_DIRECTORY) && readdirSync(LABS_DIRECTORY).length > 0;
  assert.equal(existsSync(LABS_DIRECTORY), isUsed, 'it goes with the last lab');
});

test('500 pods that came and went leave nothing on their node', async (t) => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    await addAndDelete(lab, 0, 3);
    await until('what it remembers is written', () => filesOf(lab).includes('holding.json'));
    const before = { kernel: kernelText(lab, 'node1'), files: filesOf(lab) };
    const descriptors = descriptorsOf(agentPid(lab));
    const startedMs = performance.now();
    const lanes = Array.from({ length: LANES }, (_, lane) => lane);
    await Promise.all(lanes.map((lane) => addAndDelete(lab, lane, PAIRS_PER_LANE)));
    const callMs = (performance.now() - startedMs) / (2 * LANES * PAIRS_PER_LANE);
    t.diagnostic(`${callMs.toFixed(1)} ms a call, ${LANES} at once`);
    const now = () => ({ kernel: kernelText(lab, 'node1'), files: filesOf(lab) });
    await until('all is as before', () => isDeepStrictEqual(now(), before)).catch(() =>
      assert.deepEqual(now(), before),
    );
    assert.equal((await lab.status('node1')).pods.attached, 1);
    // Sockets are closed a moment after the last word.
    const areClosed = (): boolean => descriptorsOf(agentPid(lab)) <= descriptors + 1;
    await until('its descriptors are closed', areClosed);
    await lab.mustReach();
  });
});
