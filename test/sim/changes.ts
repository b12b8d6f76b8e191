// What operators change while everything else goes wrong: address families and MTUs. These come
// from a generator of their own, at a pace of their own, so that a seed of before goes on to mean
// the faults that it meant.

import type { Action } from './actions.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** To another family, to both, or back, also before all have seen or done the last change. */
const changeFamilies: Action = (world, random) => {
  const { families } = world.plan;
  if (families.length < 2) return;
  const next = random.pick([families, ...families.map((family) => [family])]) ?? families;
  world.config.configure({ families: next });
};

const MTUS_BYTES = [1400, 1450, 1500, 1500, 9000] as const;

/** Of one machine's underlay, or of all, as when a network is made anew. */
const changeMtu: Action = (world, random) => {
  const all = [...world.machines.values()];
  const one = random.pick(all);
  const mtuBytes = random.pick(MTUS_BYTES) ?? 1500;
  for (const machine of random.chance(0.3) ? all : one === undefined ? [] : [one]) {
    world.trace.add(machine.id, `has an underlay with MTU ${mtuBytes}`);
    machine.setMtu(mtuBytes, world.time.nowMs);
  }
};

const CHANGES: readonly (readonly [weight: number, action: Action])[] = [
  [1, changeFamilies],
  [1, changeMtu],
];

const MEAN_PAUSE_MS = 15_000;

/** From now on, until all plans are cancelled. */
export function keepChanging(world: World, random: Random): void {
  world.later(random.exponential(MEAN_PAUSE_MS), () => {
    random.weighted(CHANGES)(world, random);
    keepChanging(world, random);
  });
}
