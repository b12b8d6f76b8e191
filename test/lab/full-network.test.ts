// A network with fewer subnets than nodes, by Leases and on etcd: who has none says so in words, in
// status, to the runtime and to the operator, and has one once one is free, without a restart.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { Status } from '../../src/agent/status.ts';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { addNode, removeNode } from '../../src/lab/nodes.ts';
import { planLab } from '../../src/lab/plan.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { subnetKeyName } from '../../src/source/etcd/keys.ts';
import { leaseName } from '../../src/source/kubernetes/lease-name.ts';
import { cni } from './cni.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, effects, until, withLab } from './lab.ts';
import { withOperator } from './lab-etcd.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';
import { untilEvent, untilLogged } from './words.ts';

const UNTIL_MS = 120_000;
/** 10.244.1.0/24 to 10.244.3.0/24: the first one is never given out. */
const netConf = { Network: '10.244.0.0/22' };
const SAYS_FULL = /no (free )?subnet/;

type Kind = {
  readonly options: { readonly datastore: 'etcd' } | { readonly subnetSource: 'lease' };
  reserve(lab: TestLab, subnet: Cidr): Promise<unknown>;
  release(lab: TestLab, subnet: Cidr): Promise<unknown>;
  untilTold(lab: TestLab, node: string): Promise<unknown>;
};

const keyOf = (subnet: Cidr): string => `/coreos.com/network/subnets/${subnetKeyName([subnet])}`;

const kubectl = ({ directory }: TestLab, words: readonly string[], input = ''): Promise<unknown> =>
  mustRun(runCommand, ['kubectl', '--kubeconfig', directory.kubeconfig, '-n', 'poplin', ...words], {
    input,
  });

/** Without a Node as owner it is nobody's. */
const reservation = (subnet: Cidr): string =>
  JSON.stringify({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: leaseName(subnet) },
  });

const KINDS: Readonly<Record<string, Kind>> = {
  etcd: {
    options: { datastore: 'etcd' },
    reserve: (lab, subnet) => withOperator(lab, (operator) => operator.put(keyOf(subnet), '')),
    release: (lab, subnet) => withOperator(lab, (operator) => operator.delete(keyOf(subnet))),
    untilTold: (lab, node) => untilLogged(lab, node, /"reason":"NoSubnet","msg":"[^"]*no free/),
  },
  Leases: {
    options: { subnetSource: 'lease' },
    reserve: (lab, subnet) => kubectl(lab, ['create', '-f', '-'], reservation(subnet)),
    release: (lab, subnet) => kubectl(lab, ['delete', 'lease', leaseName(subnet)]),
    untilTold: async (lab, node) =>
      assert.match(await untilEvent(lab, node, 'NoSubnet'), SAYS_FULL),
  },
};

/** The nodes with a subnet, and the one without. */
const untilOneWaits = (lab: TestLab): Promise<{ having: string[]; waiting: string }> =>
  until(
    'all nodes but one have a subnet, and that one says why not',
    async () => {
      const statuses: Status[] = [];
      for (const { name } of lab.plan.nodes) {
        const isThere = (): boolean => true;
        statuses.push(await lab.untilStatus(name, 'answers', isThere));
      }
      const having = statuses.filter(({ ready }) => ready).map(({ node }) => node);
      const waiting = statuses.find(({ lease }) => SAYS_FULL.test(lease.reason));
      const isFull = waiting !== undefined && having.length === statuses.length - 1;
      return isFull && { having, waiting: waiting.node };
    },
    UNTIL_MS,
  );

/** In every place where somebody looks, and no pod is sent there. */
async function assertSaysFull(lab: TestLab, node: string): Promise<void> {
  await lab.untilStatus(
    node,
    'is not ready, and names the full network as a problem',
    ({ ready, problems, lease }) =>
      !ready && SAYS_FULL.test(lease.reason) && problems.includes(lease.reason),
  );
  const status = await cni(lab, { node, verb: 'STATUS' });
  assert.notEqual(status.exitCode, 0);
  assert.match(JSON.stringify(status.json), SAYS_FULL);
  assert.deepEqual(readdirSync(lab.directory.node(node).cniConfDir), []);
}

/** A reservation keeps a new node waiting, and its end serves that node. */
async function addWhileReserved(lab: TestLab, kind: Kind, subnet: Cidr): Promise<void> {
  const { name } = lab.plan.spec;
  await kind.reserve(lab, subnet);
  const adding = addNode({ name, executable: buildProgram().executable }, 'node9', effects);
  const came = await Promise.race([adding, untilFull(lab, 'node9')]);
  assert.equal(came, 'full', 'a reserved subnet is not given out');
  const { spec } = lab.directory.mustRecord(name);
  await assertSaysFull(lab.withPlan(planLab(spec)), 'node9');
  await kind.release(lab, subnet);
  const whole = lab.withPlan(await adding);
  assert.deepEqual((await whole.status('node9')).lease.subnets, [subnet]);
  await whole.attach('node9', 1);
  await whole.mustReach();
}

async function untilFull(lab: TestLab, node: string): Promise<'full'> {
  await lab.untilStatus(node, 'is full', ({ lease }) => SAYS_FULL.test(lease.reason));
  return 'full';
}

const subnetOf = async (lab: TestLab, node: string): Promise<Cidr> =>
  (await lab.status(node)).lease.subnets[0] ?? assert.fail(`${node} has no subnet`);

for (const [where, kind] of Object.entries(KINDS)) {
  test(`by ${where} a node without a free subnet says so, and gets the next`, async () => {
    const size = { nodeCount: 4, podsPerNode: 0, settles: false };
    await withLab({ ...kind.options, ...size, netConf }, async (lab) => {
      const { having, waiting } = await untilOneWaits(lab);
      const { pid } = lab.agent(waiting);
      await kind.untilTold(lab, waiting);
      await assertSaysFull(lab, waiting);
      const [first = '', second = '', third = ''] = having;
      for (const node of [first, second]) await lab.attach(node, 1);
      const freed = await subnetOf(lab, third);
      const work = async (): Promise<void> => {
        // Returns when everybody who is left has a subnet.
        const less = lab.withPlan(await removeNode(lab.plan.spec.name, third, effects));
        assert.equal(await subnetOf(less, waiting), freed);
        assert.equal(less.agent(waiting).pid, pid, 'without a restart');
        await less.attach(waiting, 1);
        await less.mustReach();
      };
      const pods = [lab.planPod(first, 1), lab.planPod(second, 1)];
      assertNothingLost(await whilePinging(lab, work, pods));
      const least = lab.withPlan(await removeNode(lab.plan.spec.name, waiting, effects));
      await addWhileReserved(least, kind, freed);
    });
  });
}
