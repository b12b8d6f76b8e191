// Asks the agents of a lab's nodes how they are, over their admin sockets, and waits until they
// have all done what there is to do.

import { existsSync, readdirSync } from 'node:fs';
import { fetchStatus } from '../agent/admin-client.ts';
import type { Status } from '../agent/status.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { LabDirectory, NodePaths } from './lab-directory.ts';
import { isAlive } from './processes.ts';

const POLL_MS = 25;
const REQUEST_TIMEOUT_MS = 2_000;

/** `undefined` when the agent does not answer. */
export async function nodeStatus({ runDir }: NodePaths): Promise<Status | undefined> {
  try {
    return await fetchStatus(runDir, REQUEST_TIMEOUT_MS);
  } catch {
    return undefined; // Not started yet, or away: what the caller wants to know.
  }
}

export type Settling = {
  readonly nodeNames: readonly string[];
  readonly familyCount: number;
  readonly timeoutMs: number;
  /** Further conditions on each node's status. */
  readonly accept?: (status: Status) => boolean;
};

/** Resolves when every node has a subnet, serves CNI and has decided about every peer. */
export async function untilSettled(
  directory: LabDirectory,
  settling: Settling,
  clock: Clock,
): Promise<void> {
  const endMs = clock.monotonicMs() + settling.timeoutMs;
  let waiting = [...settling.nodeNames];
  for (;;) {
    const left: string[] = [];
    for (const name of waiting) {
      if (!(await isSettled(directory, settling, name))) left.push(name);
    }
    waiting = left;
    if (waiting.length === 0) return;
    if (clock.monotonicMs() > endMs) throw await lateError(directory, waiting);
    await clock.sleep(POLL_MS);
  }
}

async function isSettled(
  directory: LabDirectory,
  { nodeNames, familyCount, accept }: Settling,
  name: string,
): Promise<boolean> {
  const agent = directory.process(name);
  const paths = directory.node(name);
  if (agent !== undefined && !isAlive(agent)) {
    throw new AppError('LAB', `wait for ${name}`, `its agent has ended; see ${paths.logFile}`);
  }
  const status = await nodeStatus(paths);
  if (status === undefined || status.lease.subnets.length < familyCount) return false;
  // A real cluster may have other nodes, which need not run any agent.
  const peers = status.peers.filter(({ peer }) => nodeNames.includes(peer));
  if (peers.length < (nodeNames.length - 1) * familyCount) return false;
  if (!hasConflist(paths) || status.reconcile.failures.length > 0) return false;
  return peers.every(isDecided) && (accept?.(status) ?? true);
}

/** A peer that has no path because of where it is will not get one by waiting. */
const isDecided = ({ used, reason }: Status['peers'][number]): boolean =>
  used !== 'none' || reason.includes('shared segment');

const hasConflist = ({ cniConfDir }: NodePaths): boolean =>
  existsSync(cniConfDir) && readdirSync(cniConfDir).some((file) => file.endsWith('.conflist'));

async function lateError(directory: LabDirectory, waiting: readonly string[]): Promise<AppError> {
  const texts = await Promise.all(
    waiting.map(async (name) => {
      const paths = directory.node(name);
      const status = await nodeStatus(paths);
      const why = status?.problems.join('; ') || `no word from its agent; see ${paths.logFile}`;
      return `${name}: ${why}`;
    }),
  );
  return new AppError('LAB', 'wait for the nodes', texts.join(' | '));
}
