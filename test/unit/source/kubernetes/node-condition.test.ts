// The condition NetworkUnavailable of the own Node.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NODES } from '../../../../src/lab/api/kinds.ts';
import { listAt } from '../../../../src/lab/api/object.ts';
import { patchObject } from '../../../../src/lab/api/operations.ts';
import { strategicMergePatch } from '../../../../src/lab/api/strategic-patch.ts';
import { refusal } from '../../../fake/followed-api.ts';
import { until } from '../../../fake/kubernetes-api.ts';
import type { Held } from '../../../fake/kubernetes-leases.ts';
import { LeaseApi } from '../../../fake/kubernetes-leases.ts';

const NEVER = new AbortController().signal;

function setConditions(world: LeaseApi, conditions: readonly object[]): void {
  const target = { kind: NODES, name: 'self', subresource: 'status' } as const;
  patchObject(world.api.store, target, (node) =>
    strategicMergePatch('Node', node, { status: { conditions } }),
  );
}

const conditionsOf = (world: LeaseApi): readonly unknown[] =>
  listAt(world.api.store.get(NODES, 'self')?.object, 'status.conditions');

const statusWrites = (world: LeaseApi): number =>
  world.writes.filter((write) => write === 'PATCH /api/v1/nodes/self/status').length;

const untilSeen = (node: Held): Promise<void> =>
  until('the own Node', () => node.cluster().nodes?.has('self') === true);

describe('the condition NetworkUnavailable', () => {
  test('becomes False, and the others stay', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    setConditions(world, [
      { type: 'Ready', status: 'True' },
      { type: 'NetworkUnavailable', status: 'True', reason: 'NoRouteCreated' },
    ]);
    const node = world.hold();
    await untilSeen(node);
    await node.source.setNetworkAvailable(NEVER);
    const [ready, network] = conditionsOf(world) as readonly Record<string, string>[];
    assert.deepEqual(ready, { type: 'Ready', status: 'True' });
    const { lastHeartbeatTime, lastTransitionTime, ...rest } = network ?? {};
    assert.match(lastTransitionTime ?? '', /^20\d\d-.*Z$/);
    assert.equal(lastHeartbeatTime, lastTransitionTime);
    assert.deepEqual(rest, {
      type: 'NetworkUnavailable',
      status: 'False',
      reason: 'PoplinIsUp',
      message: 'Poplin is running on this node',
    });
  });

  test('costs no request when it is so already', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const node = world.hold();
    await untilSeen(node);
    await node.source.setNetworkAvailable(NEVER);
    await node.source.setNetworkAvailable(NEVER);
    assert.equal(statusWrites(world), 1);
    const restarted = world.hold();
    await untilSeen(restarted);
    await restarted.source.setNetworkAvailable(NEVER);
    assert.equal(statusWrites(world), 1);
  });

  test('is written again when somebody has changed it, or the Node is another', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const node = world.hold();
    await untilSeen(node);
    await node.source.setNetworkAvailable(NEVER);
    setConditions(world, [{ type: 'NetworkUnavailable', status: 'True' }]);
    await until('written again', async () => {
      await node.source.setNetworkAvailable(NEVER);
      return statusWrites(world) === 2;
    });
    world.replaceNode('self');
    await until('written for the new one', async () => {
      await node.source.setNetworkAvailable(NEVER);
      return statusWrites(world) === 3;
    });
    assert.equal(conditionsOf(world).length, 1);
  });

  test('is tried again where the server is busy, and not where it refuses', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const node = world.hold();
    await untilSeen(node);
    const refuse = (code: number): void => {
      world.api.faults.add({
        matches: ({ method }) => method === 'PATCH',
        effect: { kind: 'refuse', refusal: refusal(code) },
        times: 1,
      });
    };
    refuse(403);
    await assert.rejects(node.source.setNetworkAvailable(NEVER), /403/);
    assert.equal(statusWrites(world), 1);
    refuse(503);
    await node.source.setNetworkAvailable(NEVER);
    assert.equal(statusWrites(world), 3);
  });
});
