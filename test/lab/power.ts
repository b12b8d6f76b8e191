// Machines of a lab that lose their power: everything of the kernel is gone, the agent and the pods
// with it; the disk stays.

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { prepareNode } from '../../src/lab/agents.ts';
import { runCommand } from '../../src/lab/command.ts';
import { forgetPod } from '../../src/lab/pods.ts';
import { addToUnderlay, removeFromUnderlay } from '../../src/lab/underlay.ts';
import type { TestLab } from './lab.ts';
import { buildProgram } from './lab.ts';

export async function powerOff(lab: TestLab, name: string): Promise<void> {
  const node = lab.node(name);
  await lab.endAgent(name, 'SIGKILL');
  for (const pod of lab.plan.pods.filter((candidate) => candidate.node === name)) {
    execFileSync('ip', ['netns', 'del', pod.netns]);
    forgetPod(lab.directory, pod.name);
  }
  await removeFromUnderlay(runCommand, lab.plan, node);
  rmSync(lab.directory.node(name).runDir, { recursive: true });
}

/** Its agent starts, and no pod. */
export async function powerOn(lab: TestLab, name: string): Promise<void> {
  const node = lab.node(name);
  await addToUnderlay(runCommand, lab.plan, node);
  await prepareNode(lab.directory, node, buildProgram().executable);
  lab.startAgent(name);
}

export async function reboot(lab: TestLab, name: string): Promise<void> {
  await powerOff(lab, name);
  await powerOn(lab, name);
}
