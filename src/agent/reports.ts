// What the agent reports to operators after each look at things: everything that is wrong, by the
// reason under which an Event names it. An empty list under a reason means that all is well again.

import { BEING_CLAIMED } from '../cluster/holding.ts';
import { renderProblem } from '../config/problems.ts';
import type { FamilyPlan } from '../desired/families.ts';
import { familyProblems } from '../desired/families.ts';
import type { Announcer } from './announcer.ts';
import type { BgpSpeaker } from './bgp-speaker.ts';
import type { BirdKeeper } from './bird-keeper.ts';
import type { ConfigKeeper } from './config-keeper.ts';
import type { ForeignRules } from './foreign-rules.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { AgentMetrics } from './metrics.ts';
import type { PathProber } from './path-prober.ts';
import { describeSilent, describeSmall } from './path-words.ts';
import type { Pods } from './pods.ts';
import type { Reconciler } from './reconciler.ts';

export type ReportParts = {
  readonly nodeName: string;
  readonly announcer: Pick<Announcer, 'report'>;
  readonly config: Pick<ConfigKeeper, 'problems'>;
  readonly reconciler: Pick<Reconciler, 'last' | 'fights'>;
  readonly metrics: Pick<AgentMetrics, 'configInvalid' | 'fights'>;
  readonly foreignRules: Pick<ForeignRules, 'findings'>;
  readonly leases: Pick<LeaseKeeper, 'view'>;
  readonly pods: Pick<Pods, 'isolated'>;
  readonly prober: Pick<PathProber, 'tracks'>;
  readonly bird?: Pick<BirdKeeper, 'view'>;
  readonly bgp?: Pick<BgpSpeaker, 'problems'>;
};

type Seen = {
  readonly plan: FamilyPlan | undefined;
  /** See SubnetStock. */
  readonly scarce: readonly string[];
};

export function reportAll(parts: ReportParts, { plan, scarce }: Seen): void {
  const { announcer, config, reconciler, metrics, foreignRules, nodeName, prober } = parts;
  const outcome = reconciler.last;
  metrics.configInvalid(config.problems.length > 0);
  announcer.report('ConfigInvalid', config.problems.map(renderProblem));
  announcer.report('ForeignDrop', foreignRules.findings);
  announcer.report('RepairFight', reconciler.fights.names);
  metrics.fights(reconciler.fights.count);
  reportBird(parts);
  reportLease(parts);
  if (outcome === undefined) return;
  reportFamilies(parts, plan);
  announcer.report('AddressesScarce', scarce);
  announcer.report('NodeDataInvalid', outcome.desired.nodeProblems.get(nodeName) ?? []);
  announcer.report('UnderlayMissing', outcome.underlay.problems);
  announcer.report('PathSilent', describeSilent(prober.tracks));
  announcer.report('PathMtuSmall', describeSmall(outcome.desired.paths));
  announcer.report('UnderlayKept', outcome.underlay.kept);
}

/** That none is there is one thing, what it does not take another, what it is not told a third. */
export function reportBird({
  announcer,
  bird,
  bgp,
}: Pick<ReportParts, 'announcer' | 'bird' | 'bgp'>): void {
  const { isMissing = false, absence = '', problems = [] } = bird?.view ?? {};
  announcer.report('BirdMissing', isMissing ? [`BIRD does not run: ${absence}`] : []);
  announcer.report('BirdConfigRejected', problems);
  announcer.report('BgpLeftOut', bgp?.problems ?? []);
}

/** Not before the source has said it: at the start nothing is known, and nothing wrong. */
function reportLease({ announcer, leases, pods, reconciler }: ReportParts): void {
  const { reason, authority } = leases.view;
  const isDecided =
    authority !== undefined && reconciler.last !== undefined && reason !== BEING_CLAIMED;
  if (isDecided) announcer.report('NoSubnet', reason === '' ? [] : [reason]);
  announcer.report('PodsIsolated', pods.isolated);
}

/** Without any subnet that is what is wrong, and NoSubnet says it. */
function reportFamilies({ announcer, leases }: ReportParts, plan: FamilyPlan | undefined): void {
  if (plan === undefined || leases.view.subnets.length === 0) return;
  announcer.report('FamilyMissing', familyProblems(plan.states));
  const kept = plan.states.filter(({ state }) => state === 'kept');
  announcer.report(
    'FamilyKept',
    kept.map(({ reason }) => reason),
  );
}
