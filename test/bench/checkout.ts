// Where things are in the checkout, and how the programs that a bench needs are built.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import type { Stage } from './stage.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const NODE_LAUNCHER = ['sh', join(ROOT, 'scripts/node.sh')] as const;
export const POPLIN_LAUNCHER = ['sh', join(ROOT, 'scripts/poplin')] as const;
/** Debian's containernetworking-plugins. */
export const REFERENCE_PLUGINS = '/usr/lib/cni';

/** Compiles a C program of this folder; returns the path of the executable. */
export async function compile(stage: Stage, name: string): Promise<string> {
  const output = join(stage.directory(), name);
  const source = join(ROOT, 'test/bench', `${name}.c`);
  await mustRun(runCommand, ['gcc', '-O2', '-static', '-o', output, source]);
  return output;
}

/** Builds the bundle if it is older than the sources, so that no measurement contains that. */
export async function buildBundle(): Promise<void> {
  await mustRun(runCommand, [...POPLIN_LAUNCHER, 'version'], { timeoutMs: 120_000 });
}
