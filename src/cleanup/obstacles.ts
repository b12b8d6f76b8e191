// What keeps a node from being cleaned up: an agent or a BIRD that would put back what goes, and
// pods that would lose their network. In words that say what to do.

import { connect } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import type { AttachedPod } from './attached-pods.ts';

export type ObstaclePlaces = { readonly runDir: string; readonly birdDir: string };

/** Pods that are named; of more the number is enough. */
const NAMED_MAX = 5;
const TIMEOUT_MS = 5_000;

export async function runningPrograms(
  { runDir, birdDir }: ObstaclePlaces,
  clock: Clock,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of ['admin.sock', 'cni.sock']) {
    const path = join(runDir, name);
    if (!(await answers(path, clock))) continue;
    const how = 'delete the DaemonSet, or `systemctl stop poplin`';
    found.push(`the agent of this node runs (it listens on ${path}): stop it first (${how})`);
    break;
  }
  const control = join(birdDir, 'bird.ctl');
  if (await answers(control, clock)) {
    const how = 'delete the DaemonSet, or `systemctl stop poplin-bird`';
    found.push(`the BIRD of this node runs (it listens on ${control}): stop it first (${how})`);
  }
  return found;
}

export function podsInTheWay(pods: readonly AttachedPod[]): readonly string[] {
  if (pods.length === 0) return [];
  const named = pods.slice(0, NAMED_MAX).map(({ what }) => what);
  const more = pods.length > named.length ? ` and ${pods.length - named.length} more` : '';
  const words = `${pods.length === 1 ? 'a pod is' : `${pods.length} pods are`} attached`;
  const how = 'drain the node first, or give --force: they lose their network then';
  return [`${words}: ${named.join('; ')}${more}. ${how}`];
}

/** Whether somebody listens; a socket that a process has left behind refuses. */
async function answers(path: string, clock: Clock): Promise<boolean> {
  try {
    return await withDeadline({ clock, timeoutMs: TIMEOUT_MS }, (signal) => tryOut(path, signal));
  } catch {
    return true; // Whoever takes so long is there.
  }
}

function tryOut(path: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const end = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', end, { once: true });
    const settle = (isThere: boolean): void => {
      signal.removeEventListener('abort', end);
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
