// A command of the program on a node of a lab, by the flags that its agent was started with.

import { agentFlags } from '../../src/lab/agents.ts';
import type { CommandResult } from '../../src/lab/command.ts';
import { runCommand } from '../../src/lab/command.ts';
import type { TestLab } from './lab.ts';

export function runProgram(
  lab: TestLab,
  node: string,
  words: readonly string[],
): Promise<CommandResult> {
  const record = lab.directory.mustRecord(lab.plan.spec.name);
  const [verb = '', ...rest] = words;
  const flags = agentFlags(lab.directory, lab.node(node), record);
  const enter = ['ip', 'netns', 'exec', lab.netns(node)];
  return runCommand([...enter, ...record.program, verb, ...flags, ...rest]);
}
