// What a run says: of a failing seed first its number and the command that shows it again, then the
// last that happened; of many seeds how long clusters took to become whole.

import type { PlanOverrides } from './plan.ts';
import type { SeedReport, Verdict } from './run.ts';

const TRACE_LINES = 60;

/** The one command that replays a seed. */
export function replayCommand(seed: number, overrides: PlanOverrides): string {
  const { nodeCount, subnetSource, isCrowded, hasBirds } = overrides;
  const crowd = isCrowded === true ? ' --crowded' : '';
  const birds = hasBirds === true ? ' --birds' : '';
  const nodes = nodeCount === undefined ? '' : ` --nodes ${nodeCount}`;
  const source = subnetSource === undefined ? '' : ` --subnet-source ${subnetSource}`;
  return `npm run sim -- --seed ${seed}${nodes}${source}${crowd}${birds} --verbose`;
}

export function renderFailure(verdict: Verdict, overrides: PlanOverrides = {}): string {
  const { seed, violation, plan } = verdict;
  return [
    `seed ${seed} fails: ${violation}`,
    `replay: ${replayCommand(seed, overrides)}`,
    `${plan.nodeCount} nodes, ${plan.subnetSource}, ${plan.families.join(' and ')}:`,
    ...verdict.trace(TRACE_LINES),
    '',
  ].join('\n');
}

export function reportOf({ plan: _, trace: __, ...verdict }: Verdict, failure: string): SeedReport {
  return { ...verdict, failure };
}

export function renderSummary(verdicts: readonly SeedReport[], realMs: number): string {
  const whole = verdicts.flatMap(({ wholeAfterMs }) => wholeAfterMs ?? []).sort((a, b) => a - b);
  const sum = (of: (verdict: SeedReport) => number): number =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0);
  const at = (share: number): string =>
    `${(whole[Math.min(whole.length - 1, Math.floor(whole.length * share))] ?? 0) / 1000} s`;
  const perMinute = Math.round((verdicts.length * 60_000) / realMs);
  return [
    `${verdicts.length} seeds, ${verdicts.filter(({ violation }) => violation).length} failing`,
    `whole after the last fault: ${at(0.5)} half of them, ${at(0.9)} nine in ten, ${at(1)} all`,
    `${Math.round(sum(({ virtualMs }) => virtualMs) / 1000)} s of virtual time, ` +
      `${sum(({ events }) => events)} events, ${sum(({ walks }) => walks)} packets walked`,
    `${(realMs / 1000).toFixed(1)} s of real time: ${perMinute} seeds a minute`,
    '',
  ].join('\n');
}
