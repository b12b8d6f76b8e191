// What keeps the node from working, in words: for CNI answers, `status`, /readyz and Events. Built
// from what the parts of the agent last saw; nothing here asks the kernel or the datastore.

import type { FamilyConfig } from '../config/config.ts';
import { renderProblem } from '../config/problems.ts';
import type { FamilyPlan } from '../desired/families.ts';
import { familyProblems } from '../desired/families.ts';
import { cidrFamily } from '../net/cidr.ts';
import { FAMILY_LABEL } from '../net/family.ts';
import type { SourceHealth } from '../source/source.ts';
import type { BirdView } from './bird-keeper.ts';
import { birdProblems } from './bird-status.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ConfigKeeper } from './config-keeper.ts';
import type { LeaseView } from './lease-keeper.ts';
import type { Tracks } from './path-track.ts';
import type { LastPass } from './reconciler.ts';
import type { PeerStatus } from './status.ts';
import { peerStatuses } from './status.ts';

export type Seen = {
  readonly nodeName: string;
  readonly cluster: Pick<ClusterView, 'current' | 'isOwnNodeMissing'>;
  readonly config: Pick<ConfigKeeper, 'config' | 'problems'>;
  readonly lease: LeaseView;
  readonly plan: FamilyPlan | undefined;
  readonly source: SourceHealth;
  readonly outcome: LastPass | undefined;
  readonly bird?: BirdView | undefined;
};

/** Why no pod can be started now; undefined when one can. */
export function blockerOf(seen: Seen): string | undefined {
  const { nodeName, cluster, config, lease, plan, source, outcome } = seen;
  if (config.config === undefined) {
    const [problem] = config.problems;
    if (problem !== undefined) return `the configuration is not valid: ${renderProblem(problem)}`;
  }
  if (cluster.isOwnNodeMissing) return `there is no Node named ${nodeName}`;
  if (cluster.current === undefined || config.config === undefined) {
    return source.problem ?? 'the cluster has not been listed yet';
  }
  if (outcome === undefined) return 'the agent is starting';
  if (lease.reason !== '') return lease.reason;
  const given = outcome.desired.ownSubnets.filter((subnet) => lease.subnets.includes(subnet));
  const isGiven = ({ network }: FamilyConfig): boolean =>
    given.some((subnet) => cidrFamily(subnet) === cidrFamily(network));
  if (config.config.families.some(isGiven)) return undefined;
  const [absent] = plan?.states.filter(({ state }) => state === 'absent') ?? [];
  if (given.length > 0 && absent !== undefined)
    return `${FAMILY_LABEL[absent.family]}: ${absent.reason}`;
  const own = outcome.desired.nodeProblems.get(nodeName) ?? [];
  return own.length > 0 ? own.join('; ') : 'the agent is starting';
}

/**
 * Why pods reach less than they should, where that is this node's trouble. A single peer that does
 * not answer may be dead, and no node may be taken out of service for that.
 */
export function limitOf({ failures, desired }: LastPass, tracks: Tracks): string | undefined {
  const [failure] = failures;
  if (failure !== undefined) return failure.error.message;
  const paths = peerStatuses(desired.paths, tracks);
  const isBroken = ({ used, probe }: PeerStatus): boolean => used === 'none' || probe === 'silent';
  const peers = new Set(paths.map(({ peer }) => peer));
  if (peers.size < 2 || !paths.every(isBroken)) return undefined;
  const [first] = paths;
  const why = first === undefined || first.used === 'none' ? first?.reason : 'no answer';
  return `no path to any of ${peers.size} peers works; to ${first?.peer}: ${why}`;
}

/** Everything that is wrong with this node's network; empty when it is ready. */
export function problemsOf(seen: Seen): string[] {
  const { outcome, plan, lease, bird } = seen;
  const blocker = blockerOf(seen);
  const unreachable = outcome?.desired.paths.filter(({ used }) => used === 'none') ?? [];
  return [
    ...(blocker === undefined ? [] : [blocker]),
    ...(lease.subnets.length === 0 ? [] : familyProblems(plan?.states ?? [])),
    ...(outcome?.underlay.problems ?? []),
    ...(outcome?.failures.map(({ error }) => error.message) ?? []),
    ...birdProblems(bird),
    ...unreachable.map(({ peer, family, reason }) => `${peer} (${family}): ${reason}`),
  ];
}
