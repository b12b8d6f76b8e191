// Changes a lab's configuration as an operator would: edits the ConfigMap and waits until every
// node works by it. The nodes move by themselves; nothing is told to them. What the schema or a
// node refuses does not stay: the text that was there before is put back.

import type { Status } from '../agent/status.ts';
import type { Config } from '../config/config.ts';
import { parseConfig } from '../config/parse.ts';
import { renderProblem } from '../config/problems.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { LabDatastore } from './datastore.ts';
import type { LabDirectory } from './lab-directory.ts';
import type { BackendChange } from './net-conf-change.ts';
import { changeNetConf } from './net-conf-change.ts';
import { nodeStatus, untilSettled } from './node-status.ts';
import type { LabPlan } from './plan.ts';

const TIMEOUT_MS = 120_000;
const BACK = 'the configuration is again what it was before';

export type Lab = {
  readonly plan: LabPlan;
  readonly directory: LabDirectory;
  readonly api: Pick<LabDatastore, 'netConfText' | 'putNetConf'>;
};

export type PreparedSwitch = {
  readonly before: { readonly text: string; readonly config: Config | undefined };
  readonly after: { readonly text: string; readonly config: Config };
  /** What nodes refused already, by name. */
  readonly complaints: ReadonlyMap<string, string>;
};

/** Throws CONFIG_INVALID for what the schema refuses; changes nothing. */
export async function prepareSwitch(lab: Lab, change: BackendChange): Promise<PreparedSwitch> {
  const { api } = lab;
  const before = await api.netConfText();
  const after = changeNetConf(before, change);
  const parsed = parseConfig(after);
  if (parsed.kind === 'invalid') {
    throw refused(parsed.problems.map(renderProblem), 'nothing was changed');
  }
  const current = parseConfig(before);
  return {
    before: { text: before, config: current.kind === 'ok' ? current.config : undefined },
    after: { text: after, config: parsed.config },
    complaints: await complaintsOf(lab),
  };
}

/**
 * Milliseconds until the last node had moved. Throws CONFIG_INVALID when a node refuses it, with
 * the text from before in place again, and LAB when some node had not moved in time.
 */
export async function switchBackend(
  lab: Lab,
  { before, after, complaints }: PreparedSwitch,
  { clock, timeoutMs = TIMEOUT_MS }: { readonly clock: Clock; readonly timeoutMs?: number },
): Promise<number> {
  const startedMs = clock.monotonicMs();
  await lab.api.putNetConf(after.text);
  const { config } = after;
  const accept = (status: Status): boolean => {
    const complaint = complaintOf(status);
    // One from before says nothing of the new text, which the node has not seen then.
    const isNew = complaint !== '' && complaint !== complaints.get(status.node);
    if (isNew) throw refused([complaint], `said by ${status.node}; ${BACK}`);
    return hasMoved(status, config);
  };
  try {
    await untilNodes(lab, { accept, config, timeoutMs, clock });
  } catch (error) {
    const refusal = await refusalOf(lab, error);
    if (refusal === undefined) throw error;
    await putBack(lab, before, clock);
    throw refusal;
  }
  return clock.monotonicMs() - startedMs;
}

/** Every peer is sent to as the configuration asks, or as near to it as the underlay allows. */
const hasMoved = ({ config, peers, reconcile }: Status, wanted: Config): boolean =>
  config.problems.length === 0 &&
  reconcile.config === wanted.hash &&
  peers.every(
    ({ configured, used, reason, waitsFor }) =>
      configured === wanted.backend.type &&
      waitsFor === undefined &&
      (used === configured || reason === '' || reason.includes('shared segment')),
  );

/** Why the nodes will not move, as opposed to not having moved yet. */
async function refusalOf(lab: Lab, error: unknown): Promise<AppError | undefined> {
  if (!(error instanceof AppError)) return undefined;
  if (error.code === 'CONFIG_INVALID') return error;
  // A node that refuses the new text in the words in which it refused the one before.
  const complaints = [...(await complaintsOf(lab))].filter(([, complaint]) => complaint !== '');
  return complaints.length === 0
    ? undefined
    : refused(
        complaints.map(([name, complaint]) => `${name}: ${complaint}`),
        'as before',
      );
}

async function putBack(lab: Lab, before: PreparedSwitch['before'], clock: Clock): Promise<void> {
  await lab.api.putNetConf(before.text);
  const { config } = before;
  if (config === undefined) return;
  const accept = (status: Status): boolean => hasMoved(status, config);
  await untilNodes(lab, { accept, config, timeoutMs: TIMEOUT_MS, clock });
}

type Wait = {
  readonly accept: (status: Status) => boolean;
  readonly config: Config;
  readonly timeoutMs: number;
  readonly clock: Clock;
};

const untilNodes = (
  { plan, directory }: Lab,
  { accept, config, timeoutMs, clock }: Wait,
): Promise<void> =>
  untilSettled(
    directory,
    {
      nodeNames: plan.nodes.map(({ name }) => name),
      familyCount: config.families.length,
      timeoutMs,
      accept,
    },
    clock,
  );

const complaintOf = ({ config }: Status): string => config.problems.map(renderProblem).join('; ');

async function complaintsOf({ plan, directory }: Lab): Promise<ReadonlyMap<string, string>> {
  const complaints = new Map<string, string>();
  for (const { name } of plan.nodes) {
    const status = await nodeStatus(directory.node(name));
    if (status !== undefined) complaints.set(name, complaintOf(status));
  }
  return complaints;
}

const refused = (problems: readonly string[], what: string): AppError =>
  new AppError('CONFIG_INVALID', 'switch the backend', `${problems.join('; ')} (${what})`);
