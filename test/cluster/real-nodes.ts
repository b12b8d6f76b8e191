// A whole Kubernetes for one test: a control plane and two nodes, joined by the underlay of a lab,
// with a host outside of it. What is left of it when the test ends is nothing.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../src/lab/command.ts';
import { takeDown } from '../../src/lab/down.ts';
import type { LabPlan } from '../../src/lab/plan.ts';
import { planLab } from '../../src/lab/plan.ts';
import { makeUnderlay } from '../../src/lab/underlay.ts';
import { effects } from '../lab/lab.ts';
import { removeOrphans, specOf } from '../lab/lab-spec.ts';
import { ClusterNode } from './cluster-node.ts';
import { ControlPlane } from './control-plane.ts';

export type RealNodes = {
  readonly plan: LabPlan;
  readonly plane: ControlPlane;
  readonly nodes: readonly ClusterNode[];
};

export async function withRealNodes(body: (cluster: RealNodes) => Promise<void>): Promise<void> {
  await removeOrphans(effects);
  const plan = planLab(specOf({ nodeCount: 2, podsPerNode: 0 }));
  const directory = mkdtempSync(join(tmpdir(), 'poplin-real-'));
  await makeUnderlay(runCommand, plan);
  const plane = new ControlPlane({
    netns: plan.fabricNetns,
    address: plan.apiAddress,
    directory: join(directory, 'plane'),
    nodes: plan.nodes.map(({ name }) => name),
  });
  const nodes: ClusterNode[] = [];
  try {
    await plane.start();
    for (const { name, netns, addresses } of plan.nodes) {
      const [address = ''] = addresses;
      const place = { name, netns, address, directory: join(directory, name) };
      const node = new ClusterNode(place, plane);
      nodes.push(node);
      await node.start();
    }
    await body({ plan, plane, nodes });
  } catch (error) {
    process.stderr.write(complaintsOf(plane, nodes));
    throw error;
  } finally {
    await Promise.all(nodes.map((node) => node.end()));
    await plane.stop();
    await takeDown(plan.spec.name, effects);
    rmSync(directory, { recursive: true, force: true });
  }
}

const LOG_TAIL_LENGTH = 3_000;

function complaintsOf(plane: ControlPlane, nodes: readonly ClusterNode[]): string {
  const commands = [
    'get nodes -o wide',
    'get pods -A -o wide',
    'get events -A',
    'describe pods -A',
  ];
  const told = commands.map((command) => {
    try {
      return `$ kubectl ${command}\n${plane.kubectl(...command.split(' '))}`;
    } catch (error) {
      return `$ kubectl ${command}\n${String(error)}`;
    }
  });
  const logs = nodes.flatMap((node) =>
    ['containerd', 'kubelet', 'kube-proxy'].map(
      (program) => `${node.name} ${program}: ${node.log(program).slice(-LOG_TAIL_LENGTH)}`,
    ),
  );
  return [...told, ...logs].join('\n');
}
