// Another version of the agent takes over: one process is stopped and the next one started on the
// files that it left, in an older format or in one that it does not know. Pods lose no packet, no
// address is given twice, and the runtime's CHECK and DEL of the pods from before work.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runCommand } from '../../src/lab/command.ts';
import type { PodRecord } from '../../src/lab/pods.ts';
import { addressesOf, forgetPod } from '../../src/lab/pods.ts';
import { cni } from './cni.ts';
import { kernelText, kernelTexts } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { withLab } from './lab.ts';
import { FORMAT_TO_COME, writeFormat1, writeFormatToCome } from './old-state.ts';
import { assertNothingLost, whileProbing } from './probing.ts';

/** The agent works by what the cluster says, and finds nothing left to change. */
const untilWorking = (lab: TestLab, node: string) =>
  lab.untilStatus(
    node,
    'works again',
    ({ ready, cluster, reconcile }) =>
      ready && cluster === 'synced' && reconcile.passes > 1 && reconcile.lastOps === 0,
  );

const call = (lab: TestLab, verb: 'CHECK' | 'DEL', { node, netns, result }: PodRecord) =>
  cni(lab, { node, verb, containerId: netns, netns, config: { prevResult: result } });

async function mustSucceed(lab: TestLab, verb: 'CHECK' | 'DEL', pod: PodRecord): Promise<void> {
  const { exitCode, json } = await call(lab, verb, pod);
  assert.equal(exitCode, 0, `${verb} of ${pod.name}: ${JSON.stringify(json)}`);
}

/** Further pods, as many as make a double address likely; none has one of those before. */
async function mustGetOthers(lab: TestLab, node: string, taken: Set<string>): Promise<void> {
  for (const number of [11, 12, 13]) {
    const pod = await lab.attach(node, number);
    for (const address of addressesOf(pod)) {
      assert.ok(!taken.has(address), `${address} of ${pod.name} is given twice`);
      taken.add(address);
    }
  }
}

const families = ['ipv4', 'ipv6'] as const;

test('an agent takes over what one of format 1 left, and nothing is lost', async () => {
  await withLab({ podsPerNode: 2, families }, async (lab) => {
    const pods = lab.plan.pods.map(({ name }) => lab.pod(name));
    const taken = new Set<string>(pods.flatMap(addressesOf));
    // One that was there and is gone: its rest is remembered.
    const gone = await lab.attach('node1', 9);
    await mustSucceed(lab, 'DEL', gone);
    await runCommand(['ip', 'netns', 'del', gone.netns]);
    forgetPod(lab.directory, gone.name);
    const before = kernelTexts(lab);
    const result = await whileProbing(lab, async () => {
      for (const { name } of lab.plan.nodes) {
        await lab.endAgent(name, 'SIGTERM');
        assert.equal(writeFormat1(lab.directory.node(name).stateDir), 2);
        lab.startAgent(name);
        await untilWorking(lab, name);
      }
    });
    assertNothingLost(result);
    assert.deepEqual(kernelTexts(lab), before);
    for (const pod of pods) await mustSucceed(lab, 'CHECK', pod);
    for (const { name } of lab.plan.nodes) await mustGetOthers(lab, name, taken);
    await lab.mustReach();
    for (const pod of pods) await mustSucceed(lab, 'DEL', pod);
    for (const { name } of lab.plan.nodes) {
      const { pods: view } = await lab.status(name);
      assert.deepEqual([view.attached, view.broken, view.unread], [3, [], []]);
    }
  });
});

test('an agent that finds a format to come says so, destroys nothing and disturbs no pod', async () => {
  await withLab({ podsPerNode: 2 }, async (lab) => {
    const [node] = lab.plan.nodes.map(({ name }) => name);
    assert.ok(node !== undefined);
    const pods = lab.plan.pods.filter((pod) => pod.node === node).map(({ name }) => lab.pod(name));
    const taken = new Set<string>(pods.flatMap(addressesOf));
    const before = kernelText(lab, node);
    let texts = new Map<string, string>();
    const result = await whileProbing(lab, async () => {
      await lab.endAgent(node, 'SIGTERM');
      texts = writeFormatToCome(lab.directory.node(node).stateDir);
      lab.startAgent(node);
      const { pods: view } = await untilWorking(lab, node);
      assert.equal(view.unread.length, 2);
      assert.match(view.unread.join(), /its format is 9, of a newer Poplin; this one knows/);
    });
    assertNothingLost(result);
    assert.equal(kernelText(lab, node), before);
    await mustGetOthers(lab, node, taken);
    for (const [path, text] of texts) {
      const aside = `${path}.format-${FORMAT_TO_COME}`;
      const isAside = existsSync(aside);
      assert.equal(readFileSync(isAside ? aside : path, 'utf8'), text, path);
      assert.equal(isAside, !path.includes('/attachments/'), path);
    }
    for (const pod of pods) await mustSucceed(lab, 'DEL', pod);
    assert.deepEqual((await lab.status(node)).pods.unread, []);
  });
});
