// The table that `lab status` prints: every node with its agent, subnet and paths, every pod.

import type { LabDirectory } from './lab-directory.ts';
import { nodeStatus } from './node-status.ts';
import type { LabPlan } from './plan.ts';
import { addressesOf, podRecords } from './pods.ts';
import { isAlive } from './processes.ts';

export async function renderLabStatus(plan: LabPlan, directory: LabDirectory): Promise<string> {
  const rows: string[][] = [['NODE', 'AGENT', 'READY', 'BACKEND', 'SUBNETS', 'PEERS']];
  for (const { name } of plan.nodes) {
    const agent = directory.process(name);
    const running = agent !== undefined && isAlive(agent);
    const status = running ? await nodeStatus(directory.node(name)) : undefined;
    const counts = new Map<string, number>();
    for (const { used } of status?.peers ?? []) counts.set(used, (counts.get(used) ?? 0) + 1);
    rows.push([
      name,
      running ? `pid ${agent.pid}` : 'not running',
      status?.ready === true ? 'yes' : 'no',
      status?.config.backend ?? '-',
      status?.lease.subnets.join(',') ?? '-',
      [...counts].map(([used, count]) => `${count} ${used}`).join(', ') || '-',
    ]);
  }
  const pods = podRecords(directory).map((pod) => [pod.name, addressesOf(pod).join(',')]);
  return `${table(rows)}\n${table([['POD', 'ADDRESSES'], ...pods])}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
