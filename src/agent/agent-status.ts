// Puts together what the parts of one agent say for the status document. Asking for it touches
// neither the kernel nor the datastore, so that it is right while those are away.

import type { AgentParts } from './agent.ts';
import type { DriftStatus } from './drift.ts';
import type { Status } from './status.ts';
import { buildStatus } from './status.ts';
import type { Seen } from './verdict.ts';
import { problemsOf } from './verdict.ts';

/** What only the agent itself knows. */
type OwnView = {
  readonly seen: Seen;
  readonly usage: Status['lease']['usage'];
  readonly passes: number;
  readonly clockJumps: readonly string[];
  readonly drift: DriftStatus;
  readonly startedAt: Date;
};

export function agentStatus(parts: AgentParts, own: OwnView): Status {
  const { reconciler, config, pods, foreignRules, leases, prober } = parts;
  const { seen, ...rest } = own;
  return buildStatus({
    ...rest,
    version: parts.version,
    node: parts.nodeName,
    problems: problemsOf(seen),
    // Of what is known since then the rest of the document does not tell yet.
    cluster: seen.outcome?.clusterKind ?? seen.cluster.current?.kind ?? 'unknown',
    lease: leases.view,
    families: seen.plan?.states ?? [],
    config,
    bird: seen.bird,
    flannel: parts.flannel?.view,
    bgp: parts.bgp,
    outcome: reconciler.last,
    tracks: prober.tracks,
    foreignDrops: foreignRules.findings,
    fights: reconciler.fights.descriptions,
    pods: { ...pods.view, mtu: parts.podMtus.problems },
    cni: parts.cniCalls?.view ?? { verbs: [] },
    events: parts.announcer.recent,
    source: seen.source,
  });
}
