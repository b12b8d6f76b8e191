// Nodes that come and go while a lab runs. What is going to be there is written down before it is
// made, and what was is struck out after it is gone, so that `down` finds everything also after a
// crash. The other nodes are told nothing: they learn it from the datastore.

import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Status } from '../agent/status.ts';
import { assert } from '../lib/assert.ts';
import { AppError } from '../lib/errors.ts';
import { prepareNode, startAgent } from './agents.ts';
import { sidecarName, startSidecar } from './bird.ts';
import { labelsOf } from './cluster-api.ts';
import { mustRun } from './command.ts';
import { familyCountOf } from './configured-families.ts';
import { openDatastore } from './datastore.ts';
import { processesIn } from './down.ts';
import { LabDirectory } from './lab-directory.ts';
import { untilSettled } from './node-status.ts';
import type { LabNode, LabPlan, LabSpec } from './plan.ts';
import { nodeNumbersOf, numberOfNode, planLab } from './plan.ts';
import { attachPod, forgetPod, podRecords } from './pods.ts';
import { endProcess } from './processes.ts';
import { nodeLabels } from './racks.ts';
import { tellRouters } from './routers.ts';
import { addToUnderlay, removeFromUnderlay } from './underlay.ts';
import type { LabEffects } from './up.ts';

/** Bounds what hangs, also on a machine that is busy with many nodes. */
const SETTLE_TIMEOUT_MS = 120_000;

/** The plan with the new node, which is settled and has its pods. */
export async function addNode(
  lab: { readonly name: string; readonly executable: string },
  nodeName: string,
  effects: LabEffects,
): Promise<LabPlan> {
  const directory = new LabDirectory(lab.name);
  const record = directory.mustRecord(lab.name);
  const before = nodeNumbersOf(record.spec);
  const number = numberOfNode(nodeName);
  if (number === undefined || before.includes(number)) {
    const why = number === undefined ? 'a node is named node1, node2, …' : 'there is one already';
    throw new AppError('USAGE', `add node "${nodeName}"`, why);
  }
  const spec = withNodes(record.spec, [...before, number]);
  directory.update({ ...record, spec });
  const plan = planLab(spec);
  const node = mustFind(plan, nodeName);
  await addToUnderlay(effects.run, plan, node);
  const datastore = await openDatastore(directory, record);
  const metadata = { labels: { ...labelsOf(lab.name), ...nodeLabels(plan, node) } };
  await datastore.createNode(node.name, node.addresses, { metadata });
  await tellRouters(effects.run, plan, { directory, ...record });
  await prepareNode(directory, node, lab.executable);
  startSidecar(directory, node, record);
  startAgent(directory, node, record);
  await settled(directory, plan, effects);
  for (const pod of plan.pods.filter((candidate) => candidate.node === nodeName)) {
    await attachPod(effects.run, directory, { node, pod });
  }
  return plan;
}

/** The plan without the node; every other node has forgotten it. */
export async function removeNode(
  labName: string,
  nodeName: string,
  effects: LabEffects,
): Promise<LabPlan> {
  const { run, clock } = effects;
  const directory = new LabDirectory(labName);
  const record = directory.mustRecord(labName);
  const before = planLab(record.spec);
  const node = before.nodes.find(({ name }) => name === nodeName);
  if (node === undefined || before.nodes.length === 1) {
    const names = before.nodes.map(({ name }) => name).join(', ');
    const why = node === undefined ? `there are ${names}` : 'it is the last one';
    throw new AppError('USAGE', `remove node "${nodeName}"`, why);
  }
  const agent = directory.process(nodeName);
  const inside = await processesIn(run, node.netns);
  const processes = [...(agent === undefined ? [] : [agent]), ...inside];
  await Promise.all(processes.map((process) => endProcess(process, clock)));
  // Only now: a Node is deleted when its machine has stopped.
  await (await openDatastore(directory, record)).deleteNode(nodeName);
  for (const pod of podRecords(directory).filter((each) => each.node === nodeName)) {
    await mustRun(run, ['ip', 'netns', 'del', pod.netns]);
    forgetPod(directory, pod.name);
  }
  await removeFromUnderlay(run, before, node);
  directory.forgetProcess(nodeName);
  directory.forgetProcess(sidecarName(node));
  rmSync(dirname(directory.node(nodeName).logFile), { recursive: true, force: true });
  const left = nodeNumbersOf(record.spec).filter((number) => number !== numberOfNode(nodeName));
  const spec = withNodes(record.spec, left);
  directory.update({ ...record, spec });
  const plan = planLab(spec);
  await tellRouters(run, plan, { directory, ...record });
  await settled(directory, plan, effects);
  return plan;
}

const withNodes = (spec: LabSpec, nodeNumbers: readonly number[]): LabSpec => ({
  ...spec,
  nodeNumbers,
});

const mustFind = (plan: LabPlan, nodeName: string): LabNode => {
  const node = plan.nodes.find(({ name }) => name === nodeName);
  assert(node !== undefined, `${nodeName} is planned`);
  return node;
};

/** Every node of the plan knows every other, and none that is not there any more. */
async function settled(
  directory: LabDirectory,
  plan: LabPlan,
  { clock }: LabEffects,
): Promise<void> {
  const datastore = await openDatastore(directory, directory.mustRecord(plan.spec.name));
  const nodeNames = plan.nodes.map(({ name }) => name);
  const settling = {
    nodeNames,
    familyCount: familyCountOf(await datastore.netConfText(), plan),
    timeoutMs: SETTLE_TIMEOUT_MS,
    accept: ({ peers }: Status) =>
      peers.every(({ peer }) => nodeNames.includes(peer) || numberOfNode(peer) === undefined),
  };
  await untilSettled(directory, settling, clock);
}
