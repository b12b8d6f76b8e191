// A running pod gets other MTUs: what it sends follows, what it can receive never shrinks, and what
// is not there any more is left alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RetuneOutcome } from '../../../src/cni/retune.ts';
import { AttachmentStore } from '../../../src/cni/store.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { FakeCniNode } from '../../fake/cni-node.ts';

async function withPod(): Promise<FakeCniNode> {
  const node = new FakeCniNode();
  assert.equal((await node.call('ADD')).exitCode, 0);
  return node;
}

async function retune(node: FakeCniNode, link: number, route: number): Promise<RetuneOutcome> {
  const [attachment = assert.fail()] = node.store.attachments();
  return node.service.retune({ attachment, linkMtuBytes: link, routeMtuBytes: route });
}

/** Of the link and of the default routes. */
const podMtus = (node: FakeCniNode): readonly number[] => {
  const { links, routes } = node.podKernel.namespace;
  const defaults = [...routes.values()].filter(({ destination }) => destination.endsWith('/0'));
  return [links.get('eth0')?.mtuBytes ?? 0, ...defaults.map(({ mtuBytes }) => mtuBytes ?? 0)];
};

const hostMtu = (node: FakeCniNode): number => {
  const [attachment = assert.fail()] = node.store.attachments();
  return node.host.namespace.links.get(attachment.hostLink)?.mtuBytes ?? 0;
};

test('smaller paths: the routes send less, the links stay', async () => {
  const node = await withPod();
  assert.deepEqual(podMtus(node), [1500, 1450, 1450]);
  assert.deepEqual(await retune(node, 1400, 1350), { kind: 'done' });
  assert.deepEqual(podMtus(node), [1500, 1350, 1350]);
  assert.equal(hostMtu(node), 1500);
});

test('larger paths: both ends of the link grow, then the routes', async () => {
  const node = await withPod();
  const before = node.podKernel.applied.length;
  assert.deepEqual(await retune(node, 9000, 8950), { kind: 'done' });
  assert.deepEqual(podMtus(node), [9000, 8950, 8950]);
  assert.equal(hostMtu(node), 9000);
  const objects = node.podKernel.applied.slice(before).map(({ object }) => object);
  assert.deepEqual(objects, ['link', 'route', 'route']);
});

test('what pods of one node send to each other is bounded by their links alone', async () => {
  const node = await withPod();
  await retune(node, 9000, 8950);
  const routes = [...node.podKernel.namespace.routes.values()];
  const near = routes.filter(({ destination }) => !destination.endsWith('/0'));
  assert.deepEqual(
    near.map(({ destination, mtuBytes }) => [destination, mtuBytes]),
    [
      ['10.244.1.0/24', undefined],
      ['fd00:10:244:1::/64', undefined],
    ],
  );
});

test('what a pod has got is on disk', async () => {
  const node = await withPod();
  await retune(node, 9000, 8950);
  const [now] = node.store.attachments();
  assert.deepEqual([now?.linkMtuBytes, now?.routeMtuBytes], [9000, 8950]);
  const { files, clock } = node;
  const directory = '/state/attachments';
  const again = new AttachmentStore({ directory, files, clock, log: silentLog });
  const [read] = again.attachments();
  assert.deepEqual([read?.linkMtuBytes, read?.routeMtuBytes], [9000, 8950]);
});

test('a route that somebody took away is not put back', async () => {
  const node = await withPod();
  const routes = [...node.podKernel.namespace.routes.values()];
  const ops = routes.map((value) => ({ verb: 'remove', object: 'route', value }) as const);
  assert.deepEqual(node.podKernel.touch(ops), []);
  assert.deepEqual(await retune(node, 1500, 1400), { kind: 'done' });
  assert.deepEqual(podMtus(node), [1500]);
});

test('a pod that is gone is not wanted, and one that the kernel refuses is named', async () => {
  const node = await withPod();
  const [attachment = assert.fail()] = node.store.attachments();
  node.podKernel.inject({ matches: ({ object }) => object === 'route', times: 1, effect: 'fail' });
  const outcome = await retune(node, 1500, 1400);
  assert.equal(outcome.kind, 'failed');
  assert.equal(node.store.attachments()[0]?.routeMtuBytes, 1450);
  assert.equal((await node.call('DEL')).exitCode, 0);
  const late = await node.service.retune({ attachment, linkMtuBytes: 1500, routeMtuBytes: 1400 });
  assert.deepEqual(late, { kind: 'unwanted' });
});
