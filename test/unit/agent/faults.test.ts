// Every single fault of a plan: each op fails once, or the agent dies before or behind it. After
// one more start all is as if nothing had happened (invariant 5).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import type { Config } from '../../../src/config/config.ts';
import { advertOf, configOf, nodeOf } from '../../fake/cluster.ts';
import type { Fault } from '../../fake/kernel.ts';
import { KernelCrash } from '../../fake/kernel.ts';
import { FakeNode } from '../../fake/node.ts';

const VXLAN = configOf({ Network: '10.244.0.0/16' });
const HOST_GW = configOf({ Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } });
const moved = (number: number): ClusterNode =>
  nodeOf(number, { advert: advertOf(number, { sends: ['host-gw'] }) });

type Situation = { readonly config: Config; readonly nodes: readonly ClusterNode[] };

const plans: { name: string; before: Situation | undefined; after: Situation }[] = [
  {
    name: 'the first start',
    before: undefined,
    after: { config: VXLAN, nodes: [nodeOf(1), nodeOf(2), nodeOf(3)] },
  },
  {
    name: 'one peer going and another coming',
    before: { config: VXLAN, nodes: [nodeOf(1), nodeOf(2)] },
    after: { config: VXLAN, nodes: [nodeOf(1), nodeOf(3)] },
  },
  {
    name: 'the change from vxlan to host-gw',
    before: { config: VXLAN, nodes: [nodeOf(1), nodeOf(2)] },
    after: { config: HOST_GW, nodes: [moved(1), moved(2)] },
  },
  {
    name: 'a new VNI',
    before: { config: VXLAN, nodes: [nodeOf(1), nodeOf(2)] },
    after: {
      config: configOf({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan', VNI: 9 } }),
      nodes: [nodeOf(1), nodeOf(2)],
    },
  },
];

const crashes = [
  ['crash-before', 'after a crash before any op, a new start converges'],
  ['crash-after', 'after a crash behind any op, a new start converges'],
] as const;

/** What the kernel holds when nothing goes wrong, and how many ops that takes. */
async function undisturbed(plan: (typeof plans)[number]): Promise<{ text: string; ops: number }> {
  using node = new FakeNode();
  if (plan.before !== undefined) await node.converge(plan.before.config, plan.before.nodes);
  const done = node.kernel.applied.length;
  await node.converge(plan.after.config, plan.after.nodes);
  return { text: node.text(), ops: node.kernel.applied.length - done };
}

async function disturbed(
  plan: (typeof plans)[number],
  fault: Fault,
): Promise<{ text: string; crashed: boolean }> {
  using node = new FakeNode();
  if (plan.before !== undefined) await node.converge(plan.before.config, plan.before.nodes);
  node.kernel.inject(fault);
  let crashed = false;
  try {
    await node.converge(plan.after.config, plan.after.nodes);
  } catch (error) {
    if (!(error instanceof KernelCrash)) throw error;
    crashed = true;
    node.restart();
    await node.converge(plan.after.config, plan.after.nodes);
  }
  return { text: node.text(), crashed };
}

for (const plan of plans) {
  describe(plan.name, () => {
    test('after any op that fails once, the next passes converge', async () => {
      const { text, ops } = await undisturbed(plan);
      assert.ok(ops > 0);
      for (let skip = 0; skip < ops; skip += 1) {
        const result = await disturbed(plan, { skip, effect: 'fail' });
        assert.equal(result.text, text, `op ${skip} failed`);
      }
    });

    for (const [effect, name] of crashes) {
      test(name, async () => {
        const { text, ops } = await undisturbed(plan);
        for (let skip = 0; skip < ops; skip += 1) {
          const result = await disturbed(plan, { skip, effect });
          assert.equal(result.crashed, true, `op ${skip} was not reached`);
          assert.equal(result.text, text, `${effect} op ${skip}`);
        }
      });
    }
  });
}

test('what somebody else deletes is put back by the next pass', async () => {
  const nodes = [nodeOf(1), nodeOf(2), nodeOf(3)];
  using node = new FakeNode();
  await node.converge(VXLAN, nodes);
  const text = node.text();
  const { links, addresses, nexthops, routes, neighbours, fdb } = node.state();
  const objects = [
    ...[...links.values()].filter(({ name }) => name !== 'lo' && name !== 'eth0').map(asOp('link')),
    ...[...addresses.values()].filter(({ link }) => link === 'lo').map(asOp('address')),
    ...[...nexthops.values()].map(asOp('nexthop')),
    ...[...routes.values()].map(asOp('route')),
    ...[...neighbours.values()].map(asOp('neighbour')),
    ...[...fdb.values()].map(asOp('fdb')),
  ];
  assert.ok(objects.length >= 11, `${objects.length} objects`);
  for (const object of objects) {
    node.kernel.touch([object]);
    assert.notEqual(node.text(), text);
    await node.converge(VXLAN, nodes);
    assert.equal(node.text(), text);
  }
});

function asOp(object: string) {
  return (value: unknown) => ({ verb: 'remove', object, value }) as never;
}

test('filters are loaded before what gives reach, and reach goes before what it needs', async () => {
  using node = new FakeNode();
  await node.converge(VXLAN, [nodeOf(1), nodeOf(2)]);
  const first = node.kernel.applied.map(({ verb, object }) => `${verb} ${object}`);
  assert.equal(first[0], 'add nft-table');
  assert.ok(first.indexOf('add route') > first.indexOf('add neighbour'));
  await node.converge(VXLAN, [nodeOf(1)]);
  const then = node.kernel.applied.slice(first.length).map(({ object }) => object);
  assert.deepEqual(then, ['route', 'nexthop', 'neighbour', 'fdb', 'nft-element']);
});
