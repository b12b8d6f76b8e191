// Everything that the agent programs on a node, as the usual tools print it, without counters: two
// texts are equal exactly when nothing was changed in between.

import type { TestLab } from './lab.ts';

const COMMANDS = [
  'ip -d -o link',
  'ip -o address',
  'ip route show table all',
  'ip -6 route show table all',
  'ip rule',
  'ip -6 rule',
  'ip nexthop',
  'ip neighbour show nud permanent',
  'ip -6 neighbour show nud permanent',
  'bridge fdb show',
  'nft --stateless list table inet poplin',
];

export const kernelText = (lab: TestLab, node: string): string =>
  COMMANDS.map((command) => `$ ${command}\n${sortedLines(command, lab.run(node, command))}`).join(
    '',
  );

/** Dumps come in the kernel's order, which may change when nothing else does. */
function sortedLines(command: string, text: string): string {
  return command.startsWith('nft') ? text : `${text.trimEnd().split('\n').sort().join('\n')}\n`;
}

/** Of all nodes. */
export const kernelTexts = (lab: TestLab): string[] =>
  lab.plan.nodes.map(({ name }) => kernelText(lab, name));
