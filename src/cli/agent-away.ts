// What can be said of a node whose agent does not answer: it may be starting, ended or stuck, and
// pods go on meanwhile. What the disk remembers says whose subnets they are and how many.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { parseFileName } from '../cni/attachment-file.ts';

export type AgentAway = {
  readonly schema: 1;
  readonly ready: false;
  readonly problems: readonly string[];
  /** Absent where the disk says nothing, or cannot be read. */
  readonly remembered?: {
    readonly node: string;
    readonly subnets: readonly string[];
    /** Of those that have an address and have not been deleted since, as far as is known. */
    readonly pods: number;
  };
};

const holdingSchema = z.object({
  node: z.string(),
  holding: z.object({ subnets: z.array(z.string()) }),
});

export function agentAway(stateDir: string, problem: string): AgentAway {
  const away = { schema: 1, ready: false, problems: [problem] } as const;
  try {
    const text = readFileSync(join(stateDir, 'holding.json'), 'utf8');
    const { node, holding } = holdingSchema.parse(JSON.parse(text));
    return { ...away, remembered: { node, subnets: holding.subnets, pods: podsOf(stateDir) } };
  } catch {
    return away; // Never started, another machine's disk, or not for this user to read.
  }
}

export function renderAway({ problems, remembered }: AgentAway): string {
  const lines = problems.map((problem) => `poplin status: ${problem}`);
  if (remembered === undefined) return `${lines.join('\n')}\n`;
  const { node, subnets, pods } = remembered;
  const held = subnets.join(', ') || 'no subnet';
  return `${[
    ...lines,
    `remembered  ${node}: ${held}, ${pods} pods; they keep their network, new ones wait`,
  ].join('\n')}\n`;
}

const podsOf = (stateDir: string): number =>
  readdirSync(join(stateDir, 'attachments')).filter((name) => parseFileName(name) !== undefined)
    .length;
