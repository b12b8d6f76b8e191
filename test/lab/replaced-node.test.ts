// A machine is replaced by another that gets its subnet. Whichever comes first, the end of the old
// Node or the beginning of the new one, peers send to the new machine in the end, nothing that led
// to the old one is left, and pods of other nodes notice nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Status } from '../../src/agent/status.ts';
import { prepareNode } from '../../src/lab/agents.ts';
import { runCommand } from '../../src/lab/command.ts';
import type { LabNode } from '../../src/lab/plan.ts';
import { planLab } from '../../src/lab/plan.ts';
import { forgetPod } from '../../src/lab/pods.ts';
import { addToUnderlay, removeFromUnderlay } from '../../src/lab/underlay.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, until, withLab } from './lab.ts';
import { assertNothingLost, whileProbing } from './probing.ts';

const OLD = 'node3';
const NEW = 'node4';
/** 10.244.1.0/24 to 10.244.3.0/24: who comes can only get what is given up. */
const THREE_SUBNETS = { Network: '10.244.0.0/22' };

/** Its power is gone; the cluster does not know it yet. */
async function loseMachine(lab: TestLab, name: string): Promise<void> {
  await lab.endAgent(name, 'SIGKILL');
  for (const pod of lab.plan.pods.filter(({ node }) => node === name)) {
    await runCommand(['ip', 'netns', 'del', pod.netns]);
    forgetPod(lab.directory, pod.name);
  }
  await removeFromUnderlay(runCommand, lab.plan, lab.node(name));
  lab.directory.forgetProcess(name);
}

/** The same lab with another machine instead, whose agent runs and whose Node is not there yet. */
async function bringMachine(lab: TestLab): Promise<TestLab> {
  const record = lab.directory.mustRecord(NEW);
  const spec = { ...record.spec, nodeNumbers: [1, 2, 4] };
  lab.directory.update({ ...record, spec });
  const plan = planLab(spec);
  const node = plan.nodes.find(({ name }) => name === NEW) ?? assert.fail();
  await addToUnderlay(runCommand, plan, node);
  await prepareNode(lab.directory, node, buildProgram().executable);
  const after = lab.withPlan(plan);
  after.startAgent(NEW);
  return after;
}

const underlayOf = ({ addresses }: LabNode): Ip => addresses[0] ?? assert.fail();

/** The peers' kernels: what they send by is the new machine's, and of the old one there is nothing. */
async function mustLeadToNew(lab: TestLab, old: LabNode, subnet: string): Promise<void> {
  const fresh = underlayOf(lab.node(NEW));
  for (const { name } of lab.plan.nodes.filter((node) => node.name !== NEW)) {
    const fdb = (): string => lab.run(name, 'bridge fdb show dev poplin4-1');
    await until(`${name} sends to ${NEW}`, () => fdb().includes(`dst ${fresh} `));
    await until(`${name} has forgotten ${OLD}`, () => !fdb().includes(`dst ${underlayOf(old)} `));
    const route = (): string => lab.run(name, `ip route show ${subnet}`);
    await until(`${name} has the route`, () => /dev poplin4-1/.test(route()));
    const wanted = peersOf(lab, name).join();
    const isWell = ({ peers, nodeProblems }: Status): boolean =>
      peers
        .map(({ peer }) => peer)
        .sort()
        .join() === wanted && Object.keys(nodeProblems).length === 0;
    await lab.untilStatus(name, `knows ${wanted}, each without a problem`, isWell);
  }
}

const peersOf = (lab: TestLab, name: string): string[] =>
  lab.plan.nodes.flatMap((node) => (node.name === name ? [] : [node.name])).sort();

type Case = {
  readonly source: 'podCIDR' | 'lease';
  readonly order: 'before' | 'after';
};

async function replace(lab: TestLab, { source, order }: Case): Promise<void> {
  const old = lab.node(OLD);
  const [subnet] = (await lab.status(OLD)).lease.subnets;
  assert.ok(subnet !== undefined);
  await loseMachine(lab, OLD);
  const after = await bringMachine(lab);
  const spec = source === 'lease' ? {} : { podCIDR: subnet, podCIDRs: [subnet] };
  const create = () => lab.api.createNode(NEW, after.node(NEW).addresses, { spec });
  if (order === 'after') {
    await create();
    // While both are there the old one has the subnet, by whatever right.
    const says = source === 'lease' ? /no (free )?subnet/ : /older node node3/;
    await after.untilStatus(NEW, 'waits', ({ problems }) => says.test(problems.join('; ')));
    for (const { name } of after.plan.nodes.filter((node) => node.name !== NEW)) {
      assert.match(lab.run(name, 'bridge fdb show'), new RegExp(`dst ${underlayOf(old)} `));
    }
    await lab.api.deleteNode(OLD);
  } else {
    await lab.api.deleteNode(OLD);
    await create();
  }
  await after.settled();
  assert.deepEqual((await after.status(NEW)).lease.subnets, [subnet]);
  await mustLeadToNew(after, old, subnet);
  await after.attach(NEW, 1);
  await after.mustReach();
}

for (const source of ['podCIDR', 'lease'] as const) {
  for (const order of ['before', 'after'] as const) {
    test(`by ${source}: the old Node goes ${order} the new one comes`, async () => {
      const netConf = source === 'lease' ? THREE_SUBNETS : {};
      await withLab({ subnetSource: source, netConf }, async (lab) => {
        // Of the nodes that stay: what goes to a machine without power is lost.
        const nodes = lab.plan.nodes.filter(({ name }) => name !== OLD);
        const staying = lab.withPlan({ ...lab.plan, nodes });
        assertNothingLost(await whileProbing(staying, () => replace(lab, { source, order })));
      });
    });
  }
}
