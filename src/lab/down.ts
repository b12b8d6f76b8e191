// Takes a lab down: its processes, its namespaces (and with them every link, route and rule), its
// directory, and its objects in a real cluster. Works on half a lab as well, since it goes by what
// is there and not by what was meant.

import type { Clock } from '../lib/clock.ts';
import { ClusterApi, labelsOf } from './cluster-api.ts';
import type { RunCommand } from './command.ts';
import { mustRun } from './command.ts';
import { LabDirectory } from './lab-directory.ts';
import { namespaceNames } from './netns.ts';
import { belongsToLab } from './plan.ts';
import type { LabProcess } from './processes.ts';
import { endProcess, processOf } from './processes.ts';

export type DownEffects = { readonly run: RunCommand; readonly clock: Clock };

const namespacesOf = (name: string): string[] =>
  namespaceNames().filter((netns) => belongsToLab(name, netns));

/** Whether there is anything to take down. */
export const leftoversOf = (name: string, directory: LabDirectory): boolean =>
  directory.exists() || namespacesOf(name).length > 0;

export async function takeDown(name: string, { run, clock }: DownEffects): Promise<void> {
  const directory = new LabDirectory(name);
  const namespaces = namespacesOf(name);
  const inside = await Promise.all(namespaces.map((netns) => processesIn(run, netns)));
  await Promise.all(
    [...directory.processes(), ...inside.flat()].map((process) => endProcess(process, clock)),
  );
  for (const netns of namespaces) await mustRun(run, ['ip', 'netns', 'del', netns]);
  const kubeconfig = directory.record()?.kubeconfig ?? '';
  directory.remove();
  // Last, since a cluster that is away must not keep anything on this machine.
  if (kubeconfig !== '') await (await ClusterApi.open(kubeconfig)).removeLabelled(labelsOf(name));
}

/** Agents whose start was not recorded any more, and what users left running by `lab exec`. */
export async function processesIn(run: RunCommand, netns: string): Promise<LabProcess[]> {
  const { stdout } = await run(['ip', 'netns', 'pids', netns]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((pid) => processOf(Number(pid)) ?? []);
}
