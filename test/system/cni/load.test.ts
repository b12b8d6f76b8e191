// Many calls: side by side, one after the other, and what is left after them.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { AppError } from '../../../src/lib/errors.ts';
import { passedOn } from '../../fake/passed-on.ts';
import type { AgentHooks } from './agent.ts';
import { install } from './executable.ts';
import type { Pod } from './node.ts';
import { addressesIn, errorIn, TestNode } from './node.ts';

const countDescriptors = (): number => readdirSync('/proc/self/fd').length;

/** Sockets that are opened when they are first used, and stay. */
const LATE_SOCKETS = 2;

const UNTIL_MS = 60_000;

/** Or until the time is over: whoever waits looks again. */
async function untilTrue(isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + UNTIL_MS;
  while (!isTrue() && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The kernel is done with links that are gone a moment later than the answer. */
async function untilDescriptors(atMost: number): Promise<void> {
  await untilTrue(() => countDescriptors() <= atMost);
  assert.ok(countDescriptors() <= atMost, `${atMost} → ${countDescriptors()}`);
}

test('50 ADDs at once give 50 pods that work, and 50 DELs at once take them away', async () => {
  const node = await TestNode.create('many');
  try {
    const pods = Array.from({ length: 50 }, (_, index) => node.addPod(`p${index}`));
    const added = await Promise.all(pods.map((pod) => node.cni('ADD', pod)));
    for (const outcome of added) assert.equal(outcome.exitCode, 0, outcome.stdout);
    const addresses = added.flatMap(addressesIn);
    assert.equal(new Set(addresses).size, 100);
    for (const address of addresses) node.run('ping', '-c', '1', '-W', '10', address);
    const removed = await Promise.all(pods.map((pod) => node.cni('DEL', pod)));
    for (const outcome of removed) assert.equal(outcome.exitCode, 0, outcome.stdout);
    assert.equal(node.leftovers(), '');
  } finally {
    await node.remove();
  }
});

test('500 ADDs and DELs leave no link, route, neighbour, file or descriptor', async () => {
  const node = await TestNode.create('pairs');
  try {
    const lanes = Array.from({ length: 10 }, (_, index) => node.addPod(`lane${index}`));
    const pairs = async (pod: Pod, count: number): Promise<void> => {
      for (let round = 0; round < count; round += 1) {
        const container = { ...pod, id: `${pod.id}-${round}` };
        const added = await node.cni('ADD', container);
        assert.equal(added.exitCode, 0, added.stdout);
        const removed = await node.cni('DEL', container);
        assert.equal(removed.exitCode, 0, removed.stdout);
      }
    };
    await pairs(lanes[0] ?? assert.fail(), 2);
    const descriptors = countDescriptors();
    await Promise.all(lanes.map((pod) => pairs(pod, 50)));
    assert.equal(node.calls.filter(({ code }) => code === 0).length, 1004);
    assert.equal(node.leftovers(), '');
    assert.deepEqual(readdirSync(node.attachmentDirectory), ['released']);
    assert.deepEqual(node.service.attachments(), []);
    await untilDescriptors(descriptors + LATE_SOCKETS);
  } finally {
    await node.remove();
  }
});

test('an ADD and a DEL of one container at once are carried out one after the other', async () => {
  const node = await TestNode.create('race');
  try {
    const pod = node.addPod('p');
    for (let round = 0; round < 10; round += 1) {
      const calls = await Promise.all(['ADD', 'DEL', 'ADD', 'DEL'].map((v) => node.cni(v, pod)));
      for (const outcome of calls) {
        const isFine = outcome.exitCode === 0 || errorIn(outcome).code === 102;
        assert.ok(isFine, outcome.stdout);
      }
      assert.equal((await node.cni('DEL', pod)).exitCode, 0);
      assert.equal(node.leftovers(), '');
    }
  } finally {
    await node.remove();
  }
});

test('ADDs do not wait for the DELs beside them', async () => {
  const node = new TestNode('beside', await install(300));
  const gate = Promise.withResolvers<void>();
  let turnsOfLoop = 0;
  /** Removals have ended only for whoever waits for them, once the gate is open. */
  const wrapKernel: AgentHooks['wrapKernel'] = (kernel) => ({
    ...passedOn(kernel),
    removeLinks: async (names, gone) => {
      const counter = setInterval(() => {
        turnsOfLoop += 1;
      }, 0);
      const failures = await kernel.removeLinks(names, () => undefined);
      clearInterval(counter);
      await gate.promise;
      names.forEach(gone);
      return failures;
    },
  });
  try {
    await node.start({ wrapKernel });
    const old = Array.from({ length: 20 }, (_, index) => node.addPod(`old${index}`));
    const fresh = Array.from({ length: 10 }, (_, index) => node.addPod(`new${index}`));
    for (const pod of old) assert.equal((await node.cni('ADD', pod)).exitCode, 0);
    let areGone = false;
    const dels = Promise.all(old.map((pod) => node.cni('DEL', pod))).finally(() => {
      areGone = true;
    });
    for (const { exitCode } of await Promise.all(fresh.map((pod) => node.cni('ADD', pod)))) {
      assert.equal(exitCode, 0);
    }
    assert.equal(areGone, false);
    gate.resolve();
    for (const { exitCode } of await dels) assert.equal(exitCode, 0);
    assert.ok(turnsOfLoop > 0, 'the main thread was held up while the kernel removed links');
  } finally {
    gate.resolve();
    await node.remove();
  }
});

/** The kernel refuses one op after the other of an ADD: the next pod must find nothing of it. */
test('an ADD that the kernel refuses at any op is undone', async () => {
  const node = new TestNode('refused', await install(300));
  try {
    const pod = node.addPod('p');
    let opCount = Number.POSITIVE_INFINITY;
    for (let refused = 0; refused < opCount; refused += 1) {
      let seen = 0;
      const wrapKernel: AgentHooks['wrapKernel'] = (kernel) => ({
        ...passedOn(kernel),
        apply: async (ops) => {
          const kept = ops.filter((op) => op.verb === 'remove' || seen++ !== refused);
          const [missing] = ops.filter((op) => !kept.includes(op));
          const failures = await kernel.apply(kept);
          if (missing === undefined) return failures;
          const error = new AppError('NETLINK', 'what the test refuses', 'ENOBUFS');
          return [...failures, { op: missing, error }];
        },
      });
      await node.start({ wrapKernel });
      const outcome = await node.cni('ADD', pod);
      if (outcome.exitCode === 0) {
        opCount = seen;
        await node.cni('DEL', pod);
      } else {
        assert.equal(errorIn(outcome).code, 100, outcome.stdout);
        assert.ok(errorIn(outcome).details.length > 0);
      }
      assert.deepEqual(node.service.attachments(), []);
      assert.equal(node.leftovers(), '', `op ${refused}`);
      assert.deepEqual(readdirSync(node.attachmentDirectory), ['released']);
      await node.stop();
    }
    assert.ok(opCount > 12, `${opCount} ops`);
  } finally {
    await node.remove();
  }
});

test('connections that send nothing, too little or nonsense hold up nobody', async () => {
  const node = await TestNode.create('odd');
  try {
    const before = countDescriptors();
    const sockets = ['', 'P', 'PPLN\x01\0\0\0\0\x09', 'HTTP/1.1 200\r\n', 'PPLN\x07'].map(
      (text) => {
        const socket = connect(node.place.socketPath);
        socket.on('error', () => undefined);
        if (text !== '') socket.write(Buffer.from(text, 'latin1'));
        return { text, socket, answer: [] as Buffer[] };
      },
    );
    for (const { socket, answer } of sockets) socket.on('data', (bytes) => answer.push(bytes));
    const outcome = await node.cni('STATUS', { id: '', name: '', netns: '' });
    assert.equal(outcome.exitCode, 0, outcome.stdout);
    const answersNow = (): string[] =>
      sockets.map(({ answer }) => Buffer.concat(answer).subarray(6).toString());
    await untilTrue(() =>
      answersNow()
        .slice(3)
        .every((answer) => answer !== ''),
    );
    const answers = answersNow();
    assert.deepEqual(answers.slice(0, 3), ['', '', '']);
    assert.match(answers[3] ?? '', /"code":6.*does not begin with PPLN/);
    assert.match(answers[4] ?? '', /"code":1,.*version 7, the agent 1/);
    for (const { socket } of sockets) socket.destroy();
    await untilDescriptors(before);
  } finally {
    await node.remove();
  }
});
