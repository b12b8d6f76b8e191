// Starts the racks' routers of a routed lab on backend bgp: a BIRD for each, which is the lab's own
// and nothing that an agent configures, in the fabric's namespace. `down` finds them there.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../lib/errors.ts';
import type { RunCommand } from './command.ts';
import { mustRun } from './command.ts';
import type { LabDirectory, LabRecord } from './lab-directory.ts';
import type { LabPlan } from './plan.ts';
import { startProcess } from './processes.ts';
import { hasRouters, renderRouter, renderRouterRules } from './racks.ts';

type Routers = { readonly directory: LabDirectory } & Pick<LabRecord, 'bird'>;

export async function startRouters(
  run: RunCommand,
  plan: LabPlan,
  { directory, bird }: Routers,
): Promise<void> {
  if (bird === undefined || !hasRouters(plan.spec)) return;
  for (const words of renderRouterRules(plan)) {
    await mustRun(run, ['ip', '-n', plan.fabricNetns, ...words]);
  }
  for (const [index] of plan.segments.entries()) {
    const shared = writeConf(plan, directory, index);
    const argv = ['ip', 'netns', 'exec', plan.fabricNetns, 'sh', bird.script, shared];
    const environment = { ...process.env, ...bird.environment };
    const router = startProcess(argv, join(directory.path, `tor${index + 1}.log`), environment);
    directory.rememberProcess(`tor${index + 1}`, router);
  }
}

/** Nodes have come or gone: the routers' sessions with all others stay. */
export async function tellRouters(
  run: RunCommand,
  plan: LabPlan,
  { directory, bird }: Routers,
): Promise<void> {
  if (bird === undefined || !hasRouters(plan.spec)) return;
  const variables = Object.entries(bird.environment).map(([name, value]) => `${name}=${value}`);
  const client = ['env', ...variables, bird.environment.BIRDCL ?? 'birdcl'];
  for (const [index] of plan.segments.entries()) {
    const shared = writeConf(plan, directory, index);
    const said = await mustRun(run, [...client, '-s', join(shared, 'bird.ctl'), 'configure']);
    // The client ends with 0 whatever BIRD says.
    if (!/Reconfigur/.test(said)) throw new AppError('LAB', `configure tor${index + 1}`, said);
  }
}

function writeConf(plan: LabPlan, directory: LabDirectory, index: number): string {
  const shared = join(directory.path, `tor${index + 1}`);
  mkdirSync(shared, { recursive: true, mode: 0o700 });
  writeFileSync(join(shared, 'bird.conf'), renderRouter(plan, index), { mode: 0o600 });
  return shared;
}
