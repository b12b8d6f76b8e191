// What operators change while everything else goes wrong: address families and MTUs. These come from
// a generator of their own, at a pace of their own, so that a seed of before goes on to mean the
// faults that it meant.

import type { Action } from './actions.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** To another family, to both, or back, also before all have seen or done the last change. */
const changeFamilies: Action = (world, random) => {
  const { families } = world.plan;
  if (families.length < 2) return;
  const next = random.pick([families, ...families.map((family) => [family])]) ?? families;
  world.configure({ families: next });
};

const CHANGES: readonly (readonly [weight: number, action: Action])[] = [[1, changeFamilies]];

const MEAN_PAUSE_MS = 15_000;

/** From now on, until all plans are cancelled. */
export function keepChanging(world: World, random: Random): void {
  world.later(random.exponential(MEAN_PAUSE_MS), () => {
    random.weighted(CHANGES)(world, random);
    keepChanging(world, random);
  });
}
