// A runtime whose patience ends kills the executable, which says nothing of where its ADD was, and
// calls DEL at once. Whatever the moment, that DEL leaves nothing of either. And DELs that come
// twice, at the same time, or for what never was.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { envOf } from './executable.ts';
import type { Pod } from './node.ts';
import { add, attachmentFiles, del, runIn, TestNode } from './node.ts';

const ROUNDS = 40;
/** About as long as an ADD takes on an idle machine, and more. */
const PATIENCE_MAX_MS = 25;

const CONFIG = JSON.stringify({ cniVersion: '1.1.0', name: 'poplin', type: 'poplin' });

/** True when it was killed before it had ended. */
async function addUntilKilled(node: TestNode, pod: Pod, patienceMs: number): Promise<boolean> {
  const env = envOf('ADD', { CNI_CONTAINERID: pod.id, CNI_NETNS: pod.netns });
  const child = spawn(node.place.executable, { env, stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  child.stdin.on('error', () => undefined);
  child.stdin.end(CONFIG);
  await new Promise((resolve) => setTimeout(resolve, patienceMs));
  child.kill('SIGKILL');
  const [, signal] = await ended;
  return signal === 'SIGKILL';
}

function assertNothingIsLeft(node: TestNode, pod: Pod, what: string): void {
  assert.equal(node.leftovers(), '', what);
  assert.deepEqual(attachmentFiles(node), [], what);
  assert.deepEqual(node.service.attachments(), [], what);
  assert.doesNotMatch(runIn(pod, 'ip', '-br', 'link'), /eth0/, what);
}

test('killed at any moment of an ADD, its DEL clears all', async (t: TestContext) => {
  const node = await TestNode.create('killed');
  try {
    const pod = node.addPod('p');
    let killed = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const patienceMs = (PATIENCE_MAX_MS * round) / ROUNDS;
      if (await addUntilKilled(node, pod, patienceMs)) killed += 1;
      await del(node, pod);
      assertNothingIsLeft(node, pod, `killed after ${patienceMs} ms`);
    }
    t.diagnostic(`${killed} of ${ROUNDS} ADDs were killed`);
    assert.ok(killed > 0);
    // What is given after all that is whole.
    const [address = ''] = await add(node, pod);
    node.run('ping', '-c', '1', '-W', '5', address);
  } finally {
    await node.remove();
  }
});

test('killed at any moment of an ADD, the next one for the same container is whole', async () => {
  const node = await TestNode.create('again');
  try {
    const pod = node.addPod('p');
    for (let round = 0; round < ROUNDS / 3; round += 1) {
      const wasKilled = await addUntilKilled(node, pod, (PATIENCE_MAX_MS * round * 3) / ROUNDS);
      // A runtime calls DEL first; one that does not is told so, or gets what is whole.
      const outcome = await node.cni('ADD', pod);
      if (outcome.exitCode !== 0) assert.match(outcome.stdout, /exists already/);
      assert.ok(wasKilled || outcome.exitCode !== 0);
      await del(node, pod);
      assertNothingIsLeft(node, pod, `round ${round}`);
    }
  } finally {
    await node.remove();
  }
});

test('DELs at the same time, again, without a namespace and of what never was succeed', async () => {
  const node = await TestNode.create('dels');
  try {
    const pod = node.addPod('p');
    const rounds = async (isAway: boolean): Promise<void> => {
      await add(node, pod);
      if (isAway) await node.stop();
      await Promise.all(Array.from({ length: 8 }, () => del(node, pod)));
      await del(node, { ...pod, netns: '' });
      await del(node, { ...pod, netns: '/run/netns/gone' });
      await del(node, { ...pod, id: 'never' });
      if (!isAway) return;
      const tombstones = readdirSync(node.place.tombstoneDirectory).sort();
      assert.deepEqual(tombstones, ['never@eth0', 'p@eth0']);
      assert.doesNotMatch(runIn(pod, 'ip', '-br', 'link', 'show', 'eth0'), / UP /);
      await node.start();
      assert.deepEqual(readdirSync(node.place.tombstoneDirectory), []);
    };
    for (const isAway of [false, true]) {
      await rounds(isAway);
      assertNothingIsLeft(node, pod, isAway ? 'away' : 'there');
    }
  } finally {
    await node.remove();
  }
});

test('the namespace of a call is open for the call and no longer', async () => {
  const node = await TestNode.create('open');
  try {
    const pods = ['a', 'b', 'c'].map((id) => node.addPod(id));
    await add(node, pods[0] ?? assert.fail());
    await del(node, pods[0] ?? assert.fail());
    const before = readdirSync('/proc/self/fd').length;
    for (const pod of pods) {
      await add(node, pod);
      const refused = await node.cni('ADD', pod);
      assert.equal(refused.exitCode, 1);
      await node.cni('CHECK', pod, { config: { prevResult: {} } });
      await del(node, pod);
    }
    // The kernel is done with links a moment later; CHECK and what follows a DEL first used a
    // socket that stays.
    await untilTrue(() => readdirSync('/proc/self/fd').length <= before + 2);
    // A namespace that nobody holds any more goes, also while the agent runs.
    const [pod] = pods;
    assert.ok(pod !== undefined);
    await add(node, pod);
    node.removePod(pod);
    await untilGone(node);
    await del(node, pod);
    assert.deepEqual(attachmentFiles(node), []);
  } finally {
    await node.remove();
  }
});

/** The kernel takes the host's end with the namespace, a moment later. */
const untilGone = (node: TestNode): Promise<void> =>
  untilTrue(() => node.run('ip', '-br', 'link', 'show', 'group', '113') === '');

async function untilTrue(isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!isTrue()) {
    assert.ok(performance.now() < endMs, 'it is still there');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
