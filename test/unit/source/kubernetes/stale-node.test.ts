// What becomes of a Lease when its Node is another one by now and the watch of Nodes has not said
// so: it is neither used nor moved by what was true before.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesApi } from '../../../../src/source/kubernetes/api.ts';
import { refusal } from '../../../fake/followed-api.ts';
import { plainClient, portOf, until } from '../../../fake/kubernetes-api.ts';
import { LeaseApi } from '../../../fake/kubernetes-leases.ts';

const PATIENCE_MS = 20_000;

const ownerOf = (world: LeaseApi, subnet: string): string | undefined =>
  world.lease(subnet)?.metadata.ownerReferences?.[0]?.uid;

/** A client whose watches of Nodes bring nothing from a moment on until another. */
function slowNodes(client: KubernetesApi) {
  let gate = Promise.resolve();
  const held = async function* (pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      await gate;
      yield piece;
    }
  };
  const slow: KubernetesApi = {
    call: (...asked) => client.call(...asked),
    list: (...asked) => client.list(...asked),
    open: async (call, signal) => {
      const pieces = await client.open(call, signal);
      return call.path === '/api/v1/nodes' ? held(pieces) : pieces;
    },
    close: () => client.close(),
  };
  const stick = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return resolve;
  };
  return { slow, stick };
}

test('a Lease that was claimed for a Node of before is not used before it is moved', async (context) => {
  const world = await LeaseApi.start(context);
  world.addNode('self');
  const uid = world.addNode('other');
  world.addLease('10.244.2.0/24', { name: 'other', uid });
  const { slow, stick } = slowNodes(plainClient(portOf(world.api)));
  const bounds = { SubnetMin: '10.244.2.0', SubnetMax: '10.244.2.0' };
  const keys = { Network: '10.244.0.0/22', SubnetSource: 'lease', ...bounds };
  const node = world.hold({ keys, client: slow });
  await node.untilWords(/no free subnet/);
  // The watch of Leases is ahead of that of Nodes.
  const letGo = stick();
  const now = world.replaceNode('self');
  world.removeLease('10.244.2.0/24');
  await node.untilWords(/Node self is another one by now/);
  assert.notEqual(ownerOf(world, '10.244.2.0/24'), now);
  assert.ok(node.told.every(({ kind }) => kind === 'none'));
  letGo();
  assert.deepEqual(await node.untilHeld(), ['10.244.2.0/24']);
  assert.equal(ownerOf(world, '10.244.2.0/24'), now);
});

test('a Lease is not moved to a Node that is gone again, though nobody has said so yet', async (context) => {
  const world = await LeaseApi.start(context);
  world.addNode('self');
  const { slow, stick } = slowNodes(plainClient(portOf(world.api)));
  const node = world.hold({ client: slow });
  const [subnet = ''] = await node.untilHeld();
  const owners = new Set<string | undefined>();
  world.api.store.subscribe(() => owners.add(ownerOf(world, subnet)));
  const allow = world.api.faults.add({
    matches: ({ method, path }) => method === 'PATCH' && path.includes('/leases/'),
    effect: { kind: 'refuse', refusal: refusal(500) },
  });
  const passing = world.replaceNode('self');
  await until('it is seen', () => node.cluster().nodes?.get('self')?.uid === passing, PATIENCE_MS);
  const letGo = stick();
  const now = world.replaceNode('self');
  let asked = 0;
  world.api.faults.add({
    matches: ({ method, path }) => {
      if (method === 'GET' && path === '/api/v1/nodes/self') asked += 1;
      return false;
    },
    effect: { kind: 'hang-up' },
  });
  allow();
  await until('it is tried', () => asked > 0 || owners.has(passing), PATIENCE_MS);
  letGo();
  await until('it is moved', () => ownerOf(world, subnet) === now, PATIENCE_MS);
  assert.ok(!owners.has(passing));
});
