// Shaping by the real executable on real namespaces: what gets through by TCP and UDP, in both
// directions and families, is what was asked for; the pod cannot undo it; and nothing of it is
// left.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { egressLinkOf } from '../../../src/state/own.ts';
import type { Pod } from './node.ts';
import {
  add,
  addressesIn,
  attachmentFiles,
  del,
  errorIn,
  resultIn,
  runIn,
  TestNode,
} from './node.ts';

const RATE = 20_000_000;
/** Headers count: of 1,500 bytes on the wire TCP over IPv6 carries 1,428. */
const LEAST = 0.8;
const MOST = 1.1;
const SECONDS = 1;
const TRIES_MAX = 4;

const bandwidth = (value: object): object => ({ runtimeConfig: { bandwidth: value } });

type Path = { readonly from: Pod; readonly to: Pod; readonly address: string };

/** Bits per second that arrived. */
async function measure({ from, to, address }: Path, ...more: readonly string[]): Promise<number> {
  const words = ['netns', 'exec', to.name, 'iperf3', '-s', '-1', '--forceflush'];
  const server = spawn('ip', words, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      server.stdout.on('data', (text) => {
        if (String(text).includes('listening')) resolve();
      });
      server.once('error', reject);
    });
    const time = ['-t', String(SECONDS)];
    const outcome = await runAside(from, 'iperf3', '-c', address, '-J', ...time, ...more);
    const { end } = JSON.parse(outcome);
    return (end.sum_received ?? end.sum).bits_per_second;
  } finally {
    server.kill();
    await ended;
  }
}

/** The agent that answers CNI calls is in this process: it must not stand still meanwhile. */
function runAside(pod: Pod, ...words: readonly string[]): Promise<string> {
  const child = spawn('ip', ['netns', 'exec', pod.name, ...words]);
  let stdout = '';
  child.stdout.on('data', (text) => {
    stdout += String(text);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${words.join(' ')} ended with ${code}: ${stdout}`));
    });
  });
}

/** A busy machine may not reach a rate each time, but it must never be passed. */
async function assertRate(path: Path, ...more: readonly string[]): Promise<void> {
  const ratios: number[] = [];
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    const ratio = (await measure(path, ...more)) / RATE;
    ratios.push(Number(ratio.toFixed(3)));
    assert.ok(ratio <= MOST, `${ratio} of the rate got through`);
    if (ratio >= LEAST) return;
  }
  assert.fail(`of the rate got through ${ratios.join(', ')}`);
}

describe('a pod with rates', () => {
  let node: TestNode;
  let pod: Pod;
  let other: Pod;
  let own: string[];
  let others: string[];
  before(async () => {
    node = await TestNode.create('rate');
    pod = node.addPod('p');
    other = node.addPod('q');
    const config = bandwidth({ ingressRate: RATE, egressRate: RATE });
    const outcome = await node.cni('ADD', pod, { config: { ...config } });
    assert.equal(outcome.exitCode, 0, outcome.stdout);
    own = addressesIn(outcome);
    others = await add(node, other);
  });
  after(() => node.remove());

  for (const [index, family] of ['IPv4', 'IPv6'].entries()) {
    test(`receives at its rate by ${family}`, async () => {
      const path = { from: other, to: pod, address: own[index] ?? '' };
      await assertRate(path);
      await assertRate(path, '-u', '-b', String(3 * RATE), '-l', '1200');
    });

    test(`sends at its rate by ${family}`, async () => {
      const path = { from: pod, to: other, address: others[index] ?? '' };
      await assertRate(path);
      await assertRate(path, '-u', '-b', String(3 * RATE), '-l', '1200');
    });
  }

  test('cannot take it away from inside', async () => {
    for (const place of ['root', 'clsact']) {
      assert.throws(() => runIn(pod, 'tc', 'qdisc', 'del', 'dev', 'eth0', place));
    }
    await assertRate({ from: pod, to: other, address: others[0] ?? '' });
  });

  test('is shown to people', () => {
    const text = node.run('tc', 'qdisc', 'show');
    assert.equal(text.match(/qdisc tbf 71: .* rate 20Mbit/g)?.length, 2, text);
    assert.match(node.run('ip', 'link', 'show', 'type', 'ifb'), /poplini\w{7}: .*[\s\S]*alias p\b/);
  });
});

describe('rates', () => {
  let node: TestNode;
  let pod: Pod;
  before(async () => {
    node = await TestNode.create('rates');
    pod = node.addPod('p');
  });
  after(() => node.remove());

  const shaping = (): string =>
    node.run('tc', 'qdisc', 'show') + node.run('ip', '-br', 'link', 'show', 'type', 'ifb');

  test('leave nothing behind after DEL, a late DEL and GC', async () => {
    const empty = shaping();
    for (const verb of ['DEL', 'GC'] as const) {
      const config = bandwidth({ IngressRate: 1e6, EgressRate: 1e6, EgressBurst: 2 ** 32 - 1 });
      const added = await node.cni('ADD', pod, { config: { ...config } });
      assert.equal(added.exitCode, 0, added.stdout);
      assert.notEqual(shaping(), empty);
      const last = await node.cni(verb, pod, { config: { 'cni.dev/valid-attachments': [] } });
      assert.deepEqual([last.exitCode, last.stdout], [0, '']);
      assert.equal(shaping(), empty);
      assert.equal(node.leftovers(), '');
      assert.deepEqual(attachmentFiles(node), []);
    }
  });

  test('leave nothing behind when ADD fails', async () => {
    const empty = shaping();
    runIn(pod, 'ip', 'link', 'add', 'eth0', 'type', 'ifb');
    const config = bandwidth({ ingressRate: 1e6, egressRate: 1e6 });
    const failed = await node.cni('ADD', pod, { config: { ...config } });
    assert.equal(errorIn(failed).code, 101, failed.stdout);
    runIn(pod, 'ip', 'link', 'del', 'eth0');
    assert.equal(shaping(), empty);
    assert.deepEqual(attachmentFiles(node), []);
  });

  test('of a DEL that knows nothing any more go too', async () => {
    const config = bandwidth({ egressRate: 1e6 });
    const prevResult = resultIn(await node.cni('ADD', pod, { config: { ...config } }));
    const [hostLink = ''] = prevResult.interfaces.map(({ name }) => name);
    await del(node, pod);
    node.run('ip', 'link', 'add', egressLinkOf(hostLink), 'type', 'ifb');
    await del(node, pod);
    assert.equal(node.run('ip', '-br', 'link', 'show', 'type', 'ifb'), '');
  });

  test('as large as runtimes send them are understood and kept', async () => {
    for (const burst of [2 ** 32 - 1, 2 ** 35 - 9]) {
      const rates = { ingressRate: 1e6, ingressBurst: burst, egressRate: 1e12, egressBurst: burst };
      const outcome = await node.cni('ADD', pod, { config: { ...bandwidth(rates) } });
      const prevResult = resultIn(outcome);
      const checked = await node.cni('CHECK', pod, { config: { prevResult } });
      assert.deepEqual([checked.exitCode, checked.stdout], [0, '']);
      await del(node, pod);
    }
  });
});
