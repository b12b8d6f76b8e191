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
  let waiting: ReadonlyMap<string, string> = new Map(settling.nodeNames.map((name) => [name, '']));
  for (;;) {
    const left = new Map<string, string>();
    for (const name of waiting.keys()) {
      const lack = await lackOf(directory, settling, name);
      if (lack !== undefined) left.set(name, lack);
    }
    waiting = left;
    if (waiting.size === 0) return;
    if (clock.monotonicMs() > endMs) {
      const texts = [...waiting].map(([name, lack]) => `${name}: ${lack}`);
      throw new AppError('LAB', 'wait for the nodes', texts.join(' | '));
    }
    await clock.sleep(POLL_MS);
  }
}

/** What a node has not done yet, in words, with what it says of itself; undefined: nothing. */
async function lackOf(
  directory: LabDirectory,
  settling: Settling,
  name: string,
): Promise<string | undefined> {
  const agent = directory.process(name);
  const paths = directory.node(name);
  if (agent !== undefined && !isAlive(agent)) {
    throw new AppError('LAB', `wait for ${name}`, `its agent has ended; see ${paths.logFile}`);
  }
  const status = await nodeStatus(paths);
  if (status === undefined) return `no word from its agent; see ${paths.logFile}`;
  const lack = lackIn(status, settling, hasConflist(paths));
  return lack === undefined ? undefined : [lack, ...status.problems].join('; ');
}

export function lackIn(
  status: Status,
  { nodeNames, familyCount, accept }: Settling,
  servesCni: boolean,
): string | undefined {
  const subnetCount = status.lease.subnets.length;
  if (subnetCount < familyCount) return `it has ${subnetCount} subnets of ${familyCount}`;
  // A real cluster may have other nodes, which need not run any agent.
  const peers = status.peers.filter(({ peer }) => nodeNames.includes(peer));
  const peerCount = (nodeNames.length - 1) * familyCount;
  if (peers.length < peerCount) return `it knows ${peers.length} paths to peers of ${peerCount}`;
  if (!servesCni) return 'it has written no conflist';
  if (status.reconcile.failures.length > 0) return 'the kernel refused some of what it wanted';
  const open = peers.find((peer) => !isDecided(peer));
  if (open !== undefined) return `it has no path to ${open.peer}: ${open.reason}`;
  return (accept?.(status) ?? true) ? undefined : 'what is waited for is not so yet';
}

/** A peer that has no path because of where it is will not get one by waiting. */
const isDecided = ({ used, reason }: Status['peers'][number]): boolean =>
  used !== 'none' || reason.includes('shared segment');

const hasConflist = ({ cniConfDir }: NodePaths): boolean =>
  existsSync(cniConfDir) && readdirSync(cniConfDir).some((file) => file.endsWith('.conflist'));
