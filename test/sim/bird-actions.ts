// What goes wrong with BIRDs and what operators do to backend bgp, in worlds that have them. These
// come from a generator of their own, at a pace of their own, as changes.ts does it.

import type { Action } from './actions.ts';
import type { SimMachine } from './machine.ts';
import { randomBackend } from './path-actions.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

const anyMachine = (world: World, random: Random): SimMachine | undefined =>
  random.pick([...world.machines.values()].filter(({ isOn }) => isOn));

const toBgp: Action = (world, random) => {
  const VNI = random.int(1, 3);
  world.config.configure({ backend: { Type: 'bgp', VNI } });
};

const toAnother: Action = (world, random) =>
  world.config.configure({ backend: randomBackend(random) });

/** Back before all have moved. */
const thereAndBack: Action = (world, random) => {
  const { backend } = world.config.choices;
  toBgp(world, random);
  world.later(random.exponential(4_000), () => world.config.configure({ backend }));
};

/** Its supervisor starts it again: at once, or too late for graceful restart. */
const killBird: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine === undefined) return;
  world.birds?.kill(machine);
  const pauseMs = random.chance(0.7) ? 1_000 : 40_000;
  world.later(random.exponential(pauseMs), () => world.birds?.start(machine));
};

/** A rolling update of all of them. */
const killAllBirds: Action = (world, random) => {
  for (const machine of world.machines.values()) {
    if (!machine.isOn) continue;
    world.later(random.next() * 10_000, () => {
      world.birds?.kill(machine);
      world.later(random.next() * 2_000, () => world.birds?.start(machine));
    });
  }
};

const ACTIONS: readonly (readonly [weight: number, action: Action])[] = [
  [6, toBgp],
  [2, toAnother],
  [2, thereAndBack],
  [4, killBird],
  [1, killAllBirds],
];

const MEAN_PAUSE_MS = 6_000;

/** From now on, until all plans are cancelled. */
export function keepTroublingBirds(world: World, random: Random): void {
  if (world.birds === undefined) return;
  world.later(random.exponential(MEAN_PAUSE_MS), () => {
    random.weighted(ACTIONS)(world, random);
    keepTroublingBirds(world, random);
  });
}
