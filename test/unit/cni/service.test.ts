// The service on a machine in memory: every single fault of an ADD and DEL, waits, and the order of
// calls. The same is done with processes and real namespaces in test/system/cni.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NodeReadiness, WhenFull } from '../../../src/cni/node-network.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { FakeCniNode, READY } from '../../fake/cni-node.ts';
import type { Fault } from '../../fake/kernel.ts';

const CODE = /"code":(\d+)/;

const codeOf = ({ stdout }: { readonly stdout: string }): number =>
  Number(CODE.exec(stdout)?.[1] ?? 0);

/** How many ops an ADD gives to each kernel. */
async function countOps(): Promise<{ host: number; pod: number }> {
  const node = new FakeCniNode();
  assert.equal(codeOf(await node.call('ADD')), 0);
  return { host: node.host.applied.length, pod: node.podKernel.applied.length };
}

test('an ADD gives what the node gives when addresses are reserved, not when it was asked', async () => {
  const node = new FakeCniNode();
  assert.ok(READY.kind === 'ready');
  const [v4] = READY.network.subnets;
  assert.ok(v4 !== undefined);
  const later = { ...READY, network: { ...READY.network, subnets: [v4] } };
  const answers = [READY, later];
  Object.defineProperty(node, 'readiness', { get: () => answers.shift() ?? later });
  const { exitCode, stdout } = await node.call('ADD');
  assert.equal(exitCode, 0, stdout);
  assert.equal((JSON.parse(stdout) as { ips: unknown[] }).ips.length, 1);
});

describe('with one fault at any op of either kernel', () => {
  const effects: readonly Fault['effect'][] = ['fail', 'crash-before', 'crash-after'];
  for (const side of ['host', 'pod'] as const) {
    for (const effect of effects) {
      test(`(${effect} on the ${side}) an ADD or what follows it leaves nothing`, async () => {
        const count = (await countOps())[side];
        assert.ok(count >= 6, `${count} ops`);
        for (let skip = 0; skip < count; skip += 1) {
          for (const next of ['DEL', 'ADD'] as const) await oneFault({ side, effect, skip, next });
        }
      });
    }
  }
});

type OneFault = {
  readonly side: 'host' | 'pod';
  readonly effect: Fault['effect'];
  readonly skip: number;
  readonly next: 'ADD' | 'DEL';
};

async function oneFault({ side, effect, skip, next }: OneFault): Promise<void> {
  const node = new FakeCniNode();
  const kernel = side === 'host' ? node.host : node.podKernel;
  kernel.inject({ effect, skip });
  if (effect !== 'fail') {
    // A process that has ended undoes nothing.
    const times = Number.POSITIVE_INFINITY;
    kernel.inject({ effect: 'crash-before', skip, times });
    node.host.inject({ effect: 'crash-before', times, matches: ({ verb }) => verb === 'remove' });
  }
  const first = await node.call('ADD');
  const where = `${effect} at op ${skip} of the ${side}, then ${next}`;
  assert.notEqual(first.exitCode, 0, where);
  if (effect === 'fail') assert.equal(node.leftovers(), '', where);
  else {
    assert.notEqual(node.leftovers(), '', where);
    node.restart();
  }
  const second = await node.call(next, { isRepeated: next === 'ADD' });
  assert.equal(second.exitCode, 0, `${where}: ${second.stdout}`);
  if (next === 'DEL') assert.equal(node.leftovers(), '', where);
  else assert.match(node.printPod(), /route 0\.0\.0\.0\/0 .*[\s\S]*neighbour 169\.254\.1\.1/);
}

test('ended before any change of a file, the repeated ADD and a DEL succeed', async () => {
  const whole = new FakeCniNode();
  await whole.call('ADD');
  const total = whole.files.steps;
  assert.ok(total >= 4, `${total} steps`);
  for (let crashAt = 0; crashAt < total; crashAt += 1) {
    const node = new FakeCniNode();
    node.files.crashAt = crashAt;
    assert.notEqual((await node.call('ADD')).exitCode, 0);
    node.restart();
    const again = await node.call('ADD', { isRepeated: true });
    assert.equal(again.exitCode, 0, `step ${crashAt}: ${again.stdout}`);
    assert.equal((await node.call('DEL')).exitCode, 0);
    assert.equal(node.leftovers(), '', `step ${crashAt}`);
  }
});

test('an ADD whose answer was lost is done again when the executable repeats it', async () => {
  const node = new FakeCniNode();
  await node.call('ADD');
  assert.equal(codeOf(await node.call('ADD')), 102);
  const again = await node.call('ADD', { isRepeated: true });
  assert.equal(again.exitCode, 0, again.stdout);
  assert.equal(node.service.attachments().length, 1);
});

const EMPTY_LIST = { config: { 'cni.dev/valid-attachments': [] } };

test('GC removes what an ADD left half done that nobody works on, and no ADD at work', async () => {
  const node = new FakeCniNode();
  node.host.inject({ effect: 'fail', matches: ({ object }) => object === 'route' });
  node.host.inject({ effect: 'fail', matches: ({ verb }) => verb === 'remove' });
  assert.equal((await node.call('ADD')).exitCode, 1);
  assert.equal(node.store.entries().length, 1, 'its address is reserved');
  node.restart();
  assert.equal((await node.call('GC', EMPTY_LIST)).exitCode, 0);
  assert.equal(node.store.entries().length, 0);

  const adding = node.call('ADD');
  const isPending = (): boolean => node.store.entries().some(({ name }) => name.isPending);
  for (let turns = 0; turns < 1000 && !isPending(); turns += 1) await Promise.resolve();
  assert.ok(isPending(), 'it is at work');
  assert.equal((await node.call('GC', EMPTY_LIST)).exitCode, 0);
  assert.equal((await adding).exitCode, 0);
  assert.equal(node.store.entries().length, 1);
});

test('GC removes what gets another MTU meanwhile', async () => {
  const node = new FakeCniNode();
  assert.equal((await node.call('ADD')).exitCode, 0);
  const [attachment = assert.fail()] = node.service.attachments();
  const retuned = node.service.retune({ attachment, linkMtuBytes: 1500, routeMtuBytes: 1300 });
  const collected = node.call('GC', EMPTY_LIST);
  assert.equal((await retuned).kind, 'done');
  assert.equal((await collected).exitCode, 0);
  assert.equal(node.store.entries().length, 0);
});

test('a configuration that is nested too deep is refused with a CNI error, and no end of a DEL', async () => {
  const node = new FakeCniNode();
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  for (const key of ['"runtimeConfig":{"ipRanges":', '"dns":{"x":', '"name":{"x":']) {
    const stdin = `{"cniVersion":"1.1.0","name":"poplin",${key}${deep}}}`;
    const refused = await node.call('ADD', { stdin });
    assert.equal(codeOf(refused), 7, key);
    assert.match(refused.stdout, /nested deeper than 64 levels/);
  }
  assert.equal((await node.call('ADD')).exitCode, 0);
  const stdin = `{"cniVersion":"1.1.0","name":"poplin","runtimeConfig":{"ipRanges":${deep}}}`;
  assert.equal((await node.call('DEL', { stdin })).exitCode, 0);
  assert.equal(node.leftovers(), '');
});

test('a fault of the agent itself is code 999, and the next call goes on', async () => {
  const node = new FakeCniNode();
  node.host.inject({ effect: 'crash-before' });
  const outcome = await node.call('ADD');
  assert.equal(codeOf(outcome), 999);
  assert.match(outcome.stdout, /before add link/);
  assert.equal((await node.call('DEL')).exitCode, 0);
});

test('an ADD waits 20 s for the node, and goes on as soon as it is ready', async () => {
  const node = new FakeCniNode();
  node.readiness = { kind: 'not-ready', reason: 'no subnet yet' };
  const patient = node.call('ADD');
  await node.clock.advance(19_000);
  node.readiness = READY;
  await node.clock.advance(100);
  assert.equal((await patient).exitCode, 0);
  await node.call('DEL');
  node.readiness = { kind: 'not-ready', reason: 'no subnet yet' };
  const refused = node.call('ADD');
  await node.clock.advance(20_100);
  assert.equal(codeOf(await refused), 11);
});

const TINY = ['10.244.1.0/30', '10.244.2.0/30'] as Cidr[];

/** A node whose one address of the first subnet is taken, and what it says of others. */
async function fullNode(whenFull: WhenFull): Promise<FakeCniNode> {
  const node = new FakeCniNode();
  node.readiness = readyWith(TINY.slice(0, 1), whenFull);
  assert.equal((await node.call('ADD', { env: { CNI_CONTAINERID: 'first' } })).exitCode, 0);
  node.podKernel.namespace.links.delete('eth0');
  return node;
}

const readyWith = (subnets: readonly Cidr[], whenFull: WhenFull): NodeReadiness => {
  assert.equal(READY.kind, 'ready');
  return { ...READY, network: { ...READY.network, subnets, whenFull } };
};

test('an ADD without a free address waits for a further subnet, 20 s at most', async () => {
  const node = await fullNode({ kind: 'grows' });
  assert.equal((await node.call('STATUS')).exitCode, 0);
  const patient = node.call('ADD');
  await node.clock.advance(19_000);
  node.readiness = readyWith(TINY, { kind: 'grows' });
  await node.clock.advance(100);
  assert.match((await patient).stdout, /10\.244\.2\.2\/32/);
  const third = node.call('ADD', { env: { CNI_CONTAINERID: 'third' } });
  await node.clock.advance(20_100);
  const refused = await third;
  assert.equal(codeOf(refused), 11);
  assert.match(refused.stdout, /no free address.*a further subnet is being claimed/);
});

test('an ADD waits 5 s for a further subnet where all that is free was just released', async () => {
  const node = await fullNode({ kind: 'grows' });
  assert.equal((await node.call('DEL', { env: { CNI_CONTAINERID: 'first' } })).exitCode, 0);
  const patient = node.call('ADD', { env: { CNI_CONTAINERID: 'second' } });
  await node.clock.advance(4_000);
  node.readiness = readyWith(TINY, { kind: 'grows' });
  await node.clock.advance(100);
  assert.match((await patient).stdout, /10\.244\.2\.2\/32/);
  node.podKernel.namespace.links.delete('eth0');
  const third = node.call('ADD', { env: { CNI_CONTAINERID: 'third' } });
  await node.clock.advance(5_100);
  assert.match((await third).stdout, /10\.244\.1\.2\/32/, 'better than none');
});

test('what was just released is given at once where nothing else is to come', async () => {
  const node = await fullNode({ kind: 'stays', reason: 'MaxSubnetsPerNode is 1' });
  assert.equal((await node.call('DEL', { env: { CNI_CONTAINERID: 'first' } })).exitCode, 0);
  assert.equal((await node.call('STATUS')).exitCode, 0);
  assert.match((await node.call('ADD')).stdout, /10\.244\.1\.2\/32/);
});

test('what has rested for a minute is like new, whoever restarts meanwhile', async () => {
  const node = await fullNode({ kind: 'grows' });
  assert.equal((await node.call('DEL', { env: { CNI_CONTAINERID: 'first' } })).exitCode, 0);
  await node.clock.advance(30_000);
  node.restart();
  await node.clock.advance(29_000);
  const patient = node.call('ADD');
  await node.clock.advance(900);
  assert.equal(node.service.attachments().length, 0, 'it waits');
  await node.clock.advance(200);
  assert.match((await patient).stdout, /10\.244\.1\.2\/32/);
});

test('where no further subnet is to come, ADD and STATUS say at once what would help', async () => {
  const node = await fullNode({ kind: 'stays', reason: 'MaxSubnetsPerNode is 1' });
  for (const [verb, code] of [
    ['ADD', 11],
    ['STATUS', 50],
  ] as const) {
    const refused = await node.call(verb);
    assert.equal(codeOf(refused), code);
    assert.match(
      refused.stdout,
      /all addresses of 10\.244\.1\.0\/30 are in use; MaxSubnetsPerNode/,
    );
  }
});

test('a DEL that comes during an ADD of its container waits for it, another does not', async () => {
  const node = new FakeCniNode();
  node.readiness = { kind: 'not-ready', reason: 'no subnet yet' };
  const order: string[] = [];
  const note = (name: string, work: Promise<unknown>): Promise<number> =>
    work.then(() => order.push(name));
  const all = [
    note('ADD', node.call('ADD')),
    note('DEL', node.call('DEL')),
    note('other DEL', node.call('DEL', { env: { CNI_CONTAINERID: 'c2' } })),
  ];
  await node.clock.advance(1000);
  assert.deepEqual(order, ['other DEL']);
  node.readiness = READY;
  await node.clock.advance(100);
  await Promise.all(all);
  assert.deepEqual(order, ['other DEL', 'ADD', 'DEL']);
  assert.equal(node.leftovers(), '');
});
