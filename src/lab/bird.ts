// The sidecars of a lab's nodes: one BIRD each, in the node's network namespace, run by the same
// script as in a container. The lab does to them what a kubelet does: starts them, stops them with
// SIGTERM, and starts them again when somebody has killed them.

import { readFileSync } from 'node:fs';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { RunCommand } from './command.ts';
import { processesIn } from './down.ts';
import type { LabDirectory, LabRecord } from './lab-directory.ts';
import type { LabNode } from './plan.ts';
import type { LabProcess } from './processes.ts';
import { endProcess, isAlive, sendSignal, startProcess } from './processes.ts';

export type BirdEffects = { readonly run: RunCommand; readonly clock: Clock };

const START_TIMEOUT_MS = 60_000;
const KILL_TIMEOUT_MS = 10_000;
const POLL_MS = 10;

export const sidecarName = (node: LabNode): string => `${node.name}-bird`;

/** Nothing in a lab without BIRD. */
export function startSidecar(
  directory: LabDirectory,
  node: LabNode,
  { bird }: Pick<LabRecord, 'bird'>,
): LabProcess | undefined {
  if (bird === undefined) return undefined;
  const { birdDir, birdLogFile } = directory.node(node.name);
  const argv = ['ip', 'netns', 'exec', node.netns, 'sh', bird.script, birdDir];
  const sidecar = startProcess(argv, birdLogFile, { ...process.env, ...bird.environment });
  directory.rememberProcess(sidecarName(node), sidecar);
  return sidecar;
}

/** As a kubelet stops a container; the BIRD in it goes for a graceful restart. */
export async function stopSidecar(
  directory: LabDirectory,
  node: LabNode,
  { clock }: BirdEffects,
): Promise<void> {
  const sidecar = directory.process(sidecarName(node));
  if (sidecar !== undefined) await endProcess(sidecar, clock);
  directory.forgetProcess(sidecarName(node));
}

/** SIGKILL to BIRD and all that is around it, as when a container is killed. */
export async function killSidecar(
  directory: LabDirectory,
  node: LabNode,
  effects: BirdEffects,
): Promise<void> {
  const sidecar = directory.process(sidecarName(node));
  const bird = await birdOf(directory, node, effects.run);
  const processes = [sidecar, bird].filter((each) => each !== undefined);
  // The script first, or it would start the next one.
  for (const each of processes) sendSignal(each, 'SIGKILL');
  await until(
    { clock: effects.clock, timeoutMs: KILL_TIMEOUT_MS, what: `kill the BIRD of ${node.name}` },
    async () => processes.every((each) => !isAlive(each)),
  );
  directory.forgetProcess(sidecarName(node));
}

/** SIGKILL to BIRD alone: what starts it again is the sidecar's own script. */
export async function killBird(
  directory: LabDirectory,
  node: LabNode,
  { run }: BirdEffects,
): Promise<void> {
  const bird = await birdOf(directory, node, run);
  if (bird === undefined) throw new AppError('LAB', `kill BIRD of ${node.name}`, 'none runs there');
  sendSignal(bird, 'SIGKILL');
}

/** One node after the other, each when the BIRD of the one before runs again: a rolling update. */
export async function rollSidecars(
  lab: { readonly directory: LabDirectory; readonly record: Pick<LabRecord, 'bird'> },
  nodes: readonly LabNode[],
  effects: BirdEffects & { readonly isReady: (node: LabNode) => Promise<boolean> },
): Promise<void> {
  const { directory, record } = lab;
  for (const node of nodes) {
    await stopSidecar(directory, node, effects);
    startSidecar(directory, node, record);
    await until(
      { clock: effects.clock, timeoutMs: START_TIMEOUT_MS, what: `restart BIRD of ${node.name}` },
      () => effects.isReady(node),
    );
  }
}

/** undefined: none runs, or none yet. */
export async function birdOf(
  directory: LabDirectory,
  node: LabNode,
  run: RunCommand,
): Promise<LabProcess | undefined> {
  const control = `${directory.node(node.name).birdDir}/bird.ctl`;
  const processes = await processesIn(run, node.netns);
  return processes.find(({ pid }) => {
    const words = commandLineOf(pid);
    return words.includes('-f') && words.includes(control);
  });
}

function commandLineOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // It has ended.
  }
}

async function until(
  { clock, timeoutMs, what }: { clock: Clock; timeoutMs: number; what: string },
  holds: () => Promise<boolean>,
): Promise<void> {
  const endMs = clock.monotonicMs() + timeoutMs;
  while (!(await holds())) {
    if (clock.monotonicMs() > endMs) throw new AppError('LAB', what, `not within ${timeoutMs} ms`);
    await clock.sleep(POLL_MS);
  }
}
