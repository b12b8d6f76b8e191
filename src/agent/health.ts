// What /healthz and /readyz say. Healthy is false only when a restart would help: kubelet starts
// the agent again by it, which heals nothing that lies in the datastore, the configuration or the
// kernel. Ready is true only when pods of this node can really reach the others: it is what a
// rolling update waits for before it goes to the next node. Pure.

import type { NodeReadiness } from '../cni/node-network.ts';
import type { PathVerdict } from '../desired/paths.ts';
import type { Family } from '../net/family.ts';
import { FAMILY_LABEL } from '../net/family.ts';
import type { PathTrack, Tracks } from './path-track.ts';

/** No pass takes so long, not one of 10,000 peers on a machine that is ten times as slow. */
export const STUCK_PASS_MS = 300_000;

/** So many paths are waited for, so that a node of thousands of peers is not waited for in vain. */
const TRIED_PATHS = 32;

export type Pulse = {
  /** Since when the pass in flight is at work; undefined between two. */
  readonly passSinceMs: number | undefined;
  readonly nowMs: number;
  /** Whether the CNI socket is where the executable looks for it. */
  readonly hasSocket: boolean;
};

/** Why a restart would help; undefined when it would not. */
export function unhealthyBecause({ passSinceMs, nowMs, hasSocket }: Pulse): string | undefined {
  const passMs = passSinceMs === undefined ? 0 : nowMs - passSinceMs;
  if (passMs > STUCK_PASS_MS) return `a pass has not ended for ${Math.floor(passMs / 1000)} s`;
  if (!hasSocket) return 'the socket for CNI calls is gone: somebody has deleted it';
  return undefined;
}

/** Why pods of this node may not reach the others; undefined when they do. */
export function unreadyBecause(readiness: NodeReadiness, tracks: Tracks): string | undefined {
  if (readiness.kind !== 'ready') return readiness.reason;
  const inUse = [...tracks.values()].filter(({ probe }) => !probe.isMarked);
  for (const family of new Set(inUse.map(({ probe }) => probe.family))) {
    const problem = familyProblem(
      family,
      inUse.filter(({ probe }) => probe.family === family),
    );
    if (problem !== undefined) return problem;
  }
  return undefined;
}

type Path = Readonly<Pick<PathTrack, 'probe' | 'verdict'>>;

/** A peer that does not answer may be dead, and with it the only one of a cluster of two. */
function familyProblem(family: Family, paths: readonly Path[]): string | undefined {
  const count = (verdict: PathVerdict): number =>
    paths.filter((path) => path.verdict === verdict).length;
  const label = FAMILY_LABEL[family];
  const [answering, silent] = [count('answers'), count('silent')];
  const tried = answering + silent;
  if (tried < Math.min(paths.length, TRIED_PATHS)) {
    return `${label}: ${tried} of ${paths.length} paths have been tried so far`;
  }
  const peers = new Set(paths.map(({ probe }) => probe.peer));
  if (answering > 0 || peers.size < 2) return undefined;
  return `${label}: none of ${peers.size} peers answers`;
}
