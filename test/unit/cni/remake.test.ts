// An endpoint that is made again is as its ADD made it, whatever goes wrong meanwhile, and none is
// made for what is going or was never there.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RemakeOutcome } from '../../../src/cni/remake.ts';
import { isHalfMade } from '../../../src/cni/remake.ts';
import { tombstoneNameOf } from '../../../src/cni/tombstones.ts';
import { FakeCniNode } from '../../fake/cni-node.ts';
import type { Fault } from '../../fake/kernel.ts';

type Added = { readonly node: FakeCniNode; readonly before: string; readonly hostLink: string };

const textOf = (node: FakeCniNode): string => `${node.printHost()}${node.printPod()}`;

const RATES = { runtimeConfig: { bandwidth: { ingressRate: 1e6, egressRate: 1e6 } } };

/** A pod whose host veth somebody has deleted. */
async function broken(): Promise<Added> {
  const node = new FakeCniNode();
  assert.equal((await node.call('ADD', { config: RATES })).exitCode, 0);
  const before = textOf(node);
  const [attachment = assert.fail()] = node.store.attachments();
  const { hostLink } = attachment;
  deleteLink(node, hostLink);
  assert.notEqual(textOf(node), before);
  return { node, before, hostLink };
}

function deleteLink(node: FakeCniNode, name: string): void {
  const value = node.host.namespace.links.get(name) ?? assert.fail(`no link ${name}`);
  assert.deepEqual(node.host.touch([{ verb: 'remove', object: 'link', value }]), []);
}

async function remake(node: FakeCniNode): Promise<RemakeOutcome> {
  const [attachment = assert.fail()] = node.store.attachments();
  const sources = ['10.244.1.0', 'fd00:10:244:1::'] as never[];
  return node.service.remake({ attachment, routed: attachment.addresses, sources });
}

test('a host veth is made again with all that lies on it, in both namespaces', async () => {
  const { node, before } = await broken();
  assert.deepEqual(await remake(node), { kind: 'made' });
  assert.equal(textOf(node), before);
  assert.match(before, /address 10\.244\.1\.2\/32 dev eth0/);
  assert.match(before, /route 0\.0\.0\.0\/0 .* mtu 1450/);
});

test('addresses that the node may not use stay in the pod and are not led to it', async () => {
  const { node } = await broken();
  const [attachment = assert.fail()] = node.store.attachments();
  const outcome = await node.service.remake({ attachment, routed: [], sources: [] });
  assert.deepEqual(outcome, { kind: 'made' });
  assert.doesNotMatch(node.printHost(), /route 10\.244\.1\.2|neighbour/);
  assert.match(node.printPod(), /address 10\.244\.1\.2\/32 dev eth0/);
});

/** How many ops making it again gives to each kernel. */
async function countOps(): Promise<{ host: number; pod: number }> {
  const { node } = await broken();
  const before = { host: node.host.applied.length, pod: node.podKernel.applied.length };
  await remake(node);
  return {
    host: node.host.applied.length - before.host,
    pod: node.podKernel.applied.length - before.pod,
  };
}

describe('with one fault at any op of either kernel', () => {
  for (const side of ['host', 'pod'] as const) {
    for (const effect of ['fail', 'crash-before', 'crash-after'] as const) {
      test(`(${effect} on the ${side}) nothing half made is taken for whole`, async () => {
        const count = (await countOps())[side];
        assert.ok(count >= 6, `${count} ops`);
        for (let skip = 0; skip < count; skip += 1) await oneFault(side, effect, skip);
      });
    }
  }
});

async function oneFault(
  side: 'host' | 'pod',
  effect: Fault['effect'],
  skip: number,
): Promise<void> {
  const { node, before, hostLink } = await broken();
  const where = `${effect} at op ${skip} of the ${side}`;
  const kernel = side === 'host' ? node.host : node.podKernel;
  kernel.inject({ effect, skip });
  if (effect === 'fail') {
    assert.equal((await remake(node)).kind, 'failed', where);
    assert.equal(node.host.namespace.links.has(hostLink), false, where);
  } else {
    const times = Number.POSITIVE_INFINITY;
    kernel.inject({ effect: 'crash-before', skip, times });
    node.host.inject({ effect: 'crash-before', times, matches: ({ verb }) => verb === 'remove' });
    await assert.rejects(remake(node), where);
    node.restart();
    const link = node.host.namespace.links.get(hostLink);
    if (link !== undefined && !isHalfMade(link)) assert.equal(textOf(node), before, where);
  }
  assert.equal((await remake(node)).kind, 'made', where);
  assert.equal(textOf(node), before, where);
}

test('a DEL that is under way leaves nothing, and neither does one that comes meanwhile', async () => {
  for (const isFirst of [true, false]) {
    const { node } = await broken();
    const calls = [() => node.call('DEL'), () => remake(node)];
    await Promise.all((isFirst ? calls : calls.toReversed()).map((call) => call()));
    assert.equal(node.leftovers(), '');
  }
});

test('what a DEL that failed has left is not made again', async () => {
  const node = new FakeCniNode();
  assert.equal((await node.call('ADD')).exitCode, 0);
  const [attachment = assert.fail()] = node.store.attachments();
  node.host.inject({ effect: 'fail', matches: ({ verb }) => verb === 'remove' });
  assert.notEqual((await node.call('DEL')).exitCode, 0);
  deleteLink(node, attachment.hostLink);
  const request = { attachment, routed: attachment.addresses, sources: [] };
  assert.deepEqual(await node.service.remake(request), { kind: 'unwanted' });
  assert.equal(node.host.namespace.links.size, 1);
});

test('a DEL that waits to be carried out is not undone', async () => {
  const { node, hostLink } = await broken();
  const name = tombstoneNameOf({ containerId: 'c1', ifName: 'eth0' });
  node.files.contents.set(`/state/tombstones/${name}`, 'PPLN');
  assert.deepEqual(await remake(node), { kind: 'unwanted' });
  assert.equal(node.host.namespace.links.has(hostLink), false);
});

test('an attachment that was added anew meanwhile is left alone', async () => {
  const { node } = await broken();
  const [attachment = assert.fail()] = node.store.attachments();
  assert.equal((await node.call('ADD', { isRepeated: true })).exitCode, 0);
  const before = textOf(node);
  const request = { attachment, routed: attachment.addresses, sources: [] };
  assert.deepEqual(await node.service.remake(request), { kind: 'unwanted' });
  assert.equal(textOf(node), before);
});

test('another namespace at the same path is left alone', async () => {
  const { node, hostLink } = await broken();
  const [attachment = assert.fail()] = node.store.attachments();
  Object.assign(attachment, { netnsInode: 99 });
  const outcome = await remake(node);
  assert.ok(
    outcome.kind === 'failed' && outcome.reason.includes(node.pod),
    JSON.stringify(outcome),
  );
  assert.equal(node.host.namespace.links.has(hostLink), false);
});

test('a link that somebody put into the place of the pod is left alone', async () => {
  const { node, hostLink } = await broken();
  const links = node.podKernel.namespace.links;
  const lo = links.get('lo') ?? assert.fail();
  links.set('eth0', { ...lo, name: 'eth0' });
  const outcome = await remake(node);
  assert.ok(
    outcome.kind === 'failed' && outcome.reason.includes('EEXIST'),
    JSON.stringify(outcome),
  );
  assert.equal(node.host.namespace.links.has(hostLink), false);
  assert.deepEqual(links.get('eth0'), { ...lo, name: 'eth0' });
});
