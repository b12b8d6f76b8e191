// Runs one seed from its plan to its verdict. Everything that happens follows from the seed and the
// options, so that a failing seed fails again.

import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { ACTIONS } from './actions.ts';
import { keepTroublingBirds } from './bird-actions.ts';
import { repair, untilWhole } from './calm.ts';
import { keepChanging } from './changes.ts';
import type { Mutations } from './mutations.ts';
import { NO_MUTATIONS } from './mutations.ts';
import type { PlanOverrides, SimPlan } from './plan.ts';
import { planSim } from './plan.ts';
import { Random } from './random.ts';
import { World } from './world.ts';

export type SimOptions = {
  readonly seed: number;
  readonly overrides?: PlanOverrides;
  readonly mutations?: Partial<Mutations>;
  readonly echo?: (line: string) => void;
  /** Told of each event. */
  readonly onEvent?: () => void;
};

export type Verdict = {
  readonly seed: number;
  readonly plan: SimPlan;
  /** What was wrong; `undefined` when all was well. */
  readonly violation: string | undefined;
  /** From the last fault until everybody reached everybody. */
  readonly wholeAfterMs: number | undefined;
  readonly virtualMs: number;
  readonly events: number;
  readonly walks: number;
  /** The last lines of what happened. */
  readonly trace: (lines: number) => string[];
};

/** What is said of a seed, and can be sent from one thread to another. */
export type SeedReport = Omit<Verdict, 'plan' | 'trace'> & {
  /** For whoever has to find out why it fails; '' when it does not. */
  readonly failure: string;
};

let runCount = 0;

export async function runSeed(options: SimOptions): Promise<Verdict> {
  const { seed, overrides = {}, mutations = {}, echo, onEvent } = options;
  runCount += 1;
  const directory = join(tmpdir(), `poplin-sim-${process.pid}-${threadId}-${runCount}`);
  const random = new Random(seed);
  const plan = planSim(random.split('plan'), overrides);
  const world = new World({
    ...{ plan, random, directory, mutations: { ...NO_MUTATIONS, ...mutations } },
    ...(echo === undefined ? {} : { echo }),
    ...(onEvent === undefined ? {} : { onEvent }),
  });
  try {
    for (let count = 0; count < plan.nodeCount; count += 1) world.addMachine();
    keepTroublingBirds(world, new Random(`${seed} birds`));
    keepChanging(world, new Random(`${seed} changes`));
    await disturb(world, random.split('faults'));
    if (world.violation === undefined) repair(world);
    const wholeAfterMs = await untilWhole(world);
    return {
      ...{ seed, plan, wholeAfterMs, violation: world.violation, events: world.events },
      virtualMs: world.time.nowMs,
      walks: world.checks.walks,
      trace: (lines) => world.trace.last(lines),
    };
  } finally {
    for (const machine of world.machines.values()) machine.process?.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One thing after another goes wrong, until the time of faults is over. */
async function disturb(world: World, random: Random): Promise<void> {
  const { faultsMs, faultEveryMs } = world.plan;
  while (world.violation === undefined && world.time.nowMs < faultsMs) {
    const nextMs = world.time.nowMs + random.exponential(faultEveryMs);
    await world.runUntil(Math.min(nextMs, faultsMs));
    if (world.time.nowMs >= faultsMs || world.violation !== undefined) return;
    random.weighted(ACTIONS)(world, random.split('action'));
    world.checks.afterEvent();
  }
}
