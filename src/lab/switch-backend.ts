// Changes a lab's configuration as an operator would: edits the ConfigMap and waits until every
// node works by it. The nodes move by themselves; nothing is told to them.

import { renderProblem } from '../config/problems.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { LabDatastore } from './datastore.ts';
import type { LabDirectory } from './lab-directory.ts';
import { nodeStatus, untilSettled } from './node-status.ts';
import type { LabPlan } from './plan.ts';
import type { LabEffects } from './up.ts';

const TIMEOUT_MS = 30_000;
const POLL_MS = 20;

export type BackendChange = {
  readonly type: string;
  /** Further keys of `Backend`, as JSON values. */
  readonly settings: Readonly<Record<string, unknown>>;
};

export type Lab = {
  readonly plan: LabPlan;
  readonly directory: LabDirectory;
  readonly api: Pick<LabDatastore, 'netConfText' | 'putNetConf'>;
};

/** Milliseconds until the last node had moved. */
export async function switchBackend(
  lab: Lab,
  change: BackendChange,
  { clock }: LabEffects,
): Promise<number> {
  const { plan, directory, api } = lab;
  const netConf = parseObject(await api.netConfText());
  const changed = { ...netConf, Backend: { ...change.settings, Type: change.type } };
  const startedMs = clock.monotonicMs();
  await api.putNetConf(`${JSON.stringify(changed, null, 2)}\n`);
  const refusals = await untilSeen(lab, change.type, clock);
  if (refusals.length > 0) {
    throw new AppError('CONFIG_INVALID', 'switch the backend', refusals.join('; '));
  }
  await untilSettled(
    directory,
    {
      nodeNames: plan.nodes.map(({ name }) => name),
      familyCount: plan.spec.families.length,
      timeoutMs: TIMEOUT_MS,
      accept: ({ config, peers, reconcile }) =>
        reconcile.config === config.hash &&
        config.backend === change.type &&
        peers.every(({ configured }) => configured === change.type),
    },
    clock,
  );
  return clock.monotonicMs() - startedMs;
}

/** Why the nodes refuse the text; empty when the first of them works by it. */
async function untilSeen(lab: Lab, type: string, clock: Clock): Promise<readonly string[]> {
  const [node] = lab.plan.nodes;
  const endMs = clock.monotonicMs() + TIMEOUT_MS;
  while (node !== undefined && clock.monotonicMs() < endMs) {
    const status = await nodeStatus(lab.directory.node(node.name));
    const problems = status?.config.problems.map(renderProblem) ?? [];
    if (problems.length > 0 || status?.config.backend === type) return problems;
    await clock.sleep(POLL_MS);
  }
  return [];
}

function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null) return { ...value };
  throw new AppError('LAB', 'read the configuration', `it is no JSON object: ${text}`);
}
