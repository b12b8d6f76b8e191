// What a node says of its health, as an annotation and a condition of its Node.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NODES } from '../../../../src/lab/api/kinds.ts';
import { listAt } from '../../../../src/lab/api/object.ts';
import { patchObject } from '../../../../src/lab/api/operations.ts';
import { strategicMergePatch } from '../../../../src/lab/api/strategic-patch.ts';
import { until } from '../../../fake/kubernetes-api.ts';
import type { Held } from '../../../fake/kubernetes-leases.ts';
import { LeaseApi } from '../../../fake/kubernetes-leases.ts';

const NEVER = new AbortController().signal;
const WELL = { text: '{"v":1,"well":true}', isReady: true, words: 'all is well' };
const ILL = { text: '{"v":1,"well":false}', isReady: false, words: 'no subnet is free' };

type Condition = Readonly<Record<string, string>>;

const conditionOf = (world: LeaseApi): Condition | undefined =>
  (listAt(world.api.store.get(NODES, 'self')?.object, 'status.conditions') as Condition[]).find(
    ({ type }) => type === 'PoplinReady',
  );

const untilSeen = (node: Held): Promise<void> =>
  until('the own Node', () => node.cluster().nodes?.has('self') === true);

describe('the summary of a node', () => {
  test('is an annotation and a condition, and all else of the Node stays', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const target = { kind: NODES, name: 'self', subresource: 'status' } as const;
    const theirs = { conditions: [{ type: 'Ready', status: 'True' }] };
    patchObject(world.api.store, target, (node) =>
      strategicMergePatch('Node', node, { status: theirs }),
    );
    const node = world.hold();
    await untilSeen(node);
    await node.source.publishSummary(WELL, NEVER);
    const first = conditionOf(world);
    assert.deepEqual(
      [first?.status, first?.reason, first?.message],
      ['True', 'NetworkWorks', 'all is well'],
    );
    await node.source.publishSummary(ILL, NEVER);
    const second = conditionOf(world);
    assert.deepEqual([second?.status, second?.message], ['False', 'no subnet is free']);
    const { metadata, status } = (world.api.store.get(NODES, 'self')?.object ?? {}) as {
      readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
      readonly status?: { readonly conditions?: readonly Condition[] };
    };
    assert.equal(metadata?.annotations?.['poplin.dev/status'], ILL.text);
    assert.deepEqual(status?.conditions?.map(({ type }) => type).sort(), ['PoplinReady', 'Ready']);
  });

  test('says since when it is so', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const node = world.hold();
    await untilSeen(node);
    await node.source.publishSummary(WELL, NEVER);
    const first = conditionOf(world);
    await until('a second has passed', async () => {
      await node.source.publishSummary(WELL, NEVER);
      return conditionOf(world)?.lastHeartbeatTime !== first?.lastHeartbeatTime;
    });
    assert.equal(conditionOf(world)?.lastTransitionTime, first?.lastTransitionTime);
  });

  test('is kept of all nodes where it is asked for, and is no event', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    world.addNode('reader');
    const without = world.hold();
    const reader = world.hold({ name: 'reader', machine: 'another', keepsSummaries: true });
    const claims = (): number =>
      [...(reader.cluster().nodes?.values() ?? [])].flatMap(({ subnets }) => subnets).length;
    await until('both claims are seen', () => claims() === 2);
    const before = reader.cluster();
    await without.source.publishSummary(WELL, NEVER);
    await until('the text', () => reader.source.summaries?.get('self') === WELL.text);
    assert.equal(without.source.summaries, undefined);
    assert.deepEqual(reader.cluster(), before);
  });
});
