// What can go wrong, and how often: each action does one thing to the world and, where that lasts,
// plans its end. Everything is drawn from the one generator that it is given.

import type { Op } from '../../src/state/op.ts';
import { ownsLink } from '../../src/state/own.ts';
import type { SimMachine } from './machine.ts';
import { PATH_ACTIONS } from './path-actions.ts';
import type { Random } from './random.ts';
import type { Weather } from './weather.ts';
import { fairWeather, isFair, isMisleading } from './weather.ts';
import type { World } from './world.ts';

export type Action = (world: World, random: Random) => void;

const anyMachine = (world: World, random: Random): SimMachine | undefined =>
  random.pick([...world.machines.values()].filter(({ isOn }) => isOn));

const stopAgent: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine?.process === undefined) return;
  world.trace.add(machine.id, 'agent is told to stop');
  machine.process.stop();
};

const crashAgent: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine?.process === undefined) return;
  world.trace.add(machine.id, 'agent is killed');
  machine.process.kill();
};

/** At one of the next ops, before or behind it. */
const crashInApply: Action = (world, random) => {
  const machine = anyMachine(world, random);
  const effect = random.chance(0.5) ? 'crash-before' : 'crash-after';
  machine?.process?.kernel.inject({ skip: random.int(0, 15), effect });
};

const refuseOps: Action = (world, random) => {
  const machine = anyMachine(world, random);
  const times = random.int(1, 5);
  if (machine !== undefined) machine.disturbedAtMs = world.time.nowMs;
  machine?.process?.kernel.inject({ skip: random.int(0, 5), times, effect: 'fail' });
};

const reboot: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine === undefined) return;
  world.switchOff(machine);
  world.later(random.next() * 20_000, () => {
    if (world.machines.has(machine.id) && !machine.isOn) world.switchOn(machine);
  });
};

const hasTwin = (world: World, machine: SimMachine): boolean =>
  [...world.machines.values()].some(
    (other) => other !== machine && other.nodeName === machine.nodeName,
  );

/** Off, its Node deleted some time later; then gone for ever, back as it was, or new inside. */
const removeNode: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine === undefined || world.machines.size <= 3 || hasTwin(world, machine)) return;
  const { nodeName } = machine;
  world.switchOff(machine);
  world.condemn(nodeName, true);
  world.later(random.next() * 10_000, () => world.deleteNode(nodeName));
  const next = random.pick(['scrap', 'return', 'reinstall'] as const);
  world.later(10_000 + random.next() * 20_000, () => {
    world.condemn(nodeName, false);
    if (next === 'scrap') {
      world.scrap(machine);
      return;
    }
    if (next === 'reinstall') machine.wipe();
    // By its disk it still has what others may have by now: it may only start where it can ask.
    machine.mustReachApi = true;
    Object.assign(machine.weather, fairWeather());
    world.switchOn(machine);
  });
};

/** Another machine takes over the name, after the old one is gone; the Node stays. */
const replaceMachine: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine === undefined) return;
  world.scrap(machine);
  world.later(random.next() * 10_000, () => {
    // One that was cut off may have its heir already.
    if (!isServed(world, machine.nodeName)) world.addMachine(machine.nodeName);
  });
};

const isServed = (world: World, nodeName: string): boolean =>
  [...world.machines.values()].some((other) => other.nodeName === nodeName && !other.isCutOff);

/**
 * Another machine with the name while the old one still runs, cut off. With podCIDRs both would use
 * the Node's subnet; Leases name the machine.
 */
const makeTwin: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine === undefined || world.plan.subnetSource !== 'lease') return;
  if (machine.mustReachApi || machine.isCutOff) return;
  setWeather(machine, { ...fairWeather(), reach: 'lost' });
  machine.isCutOff = true;
  world.trace.add(machine.id, 'is cut off, and gets a twin');
  world.addMachine(machine.nodeName);
};

const addNode: Action = (world) => {
  if (world.machines.size < world.plan.capacity + 2) world.addMachine();
};

const endPod: Action = (world, random) => {
  const machine = anyMachine(world, random);
  const pod = random.pick(
    [...(machine?.pods.values() ?? [])].filter(({ state }) => state === 'up'),
  );
  if (machine === undefined || pod === undefined) return;
  world.runtimeOf(machine)?.end(pod);
};

/** Somebody deletes one of our objects, or all of one kind. */
const foreignHand: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine === undefined) return;
  const { links, routes, neighbours, fdb, nexthops, addresses } = machine.host;
  const own = <T extends { link: string }>(values: Iterable<T>): T[] =>
    [...values].filter(({ link }) => ownsLink(link) || link === 'lo');
  const ownLinks = [...links.values()].filter(({ name }) => ownsLink(name));
  const objects: Op[] = [
    ...ownLinks.map((value) => ({ verb: 'remove', object: 'link', value }) as const),
    ...[...routes.values()].map((value) => ({ verb: 'remove', object: 'route', value }) as const),
    ...[...nexthops.values()].map(
      (value) => ({ verb: 'remove', object: 'nexthop', value }) as const,
    ),
    ...own(neighbours.values()).map(
      (value) => ({ verb: 'remove', object: 'neighbour', value }) as const,
    ),
    ...own(fdb.values()).map((value) => ({ verb: 'remove', object: 'fdb', value }) as const),
    ...own(addresses.values()).map(
      (value) => ({ verb: 'remove', object: 'address', value }) as const,
    ),
  ].filter((op) => !(op.object === 'route' && op.value.protocol !== 113));
  const first = random.pick(objects);
  if (first === undefined) return;
  const all = random.chance(0.3)
    ? objects.filter(({ object }) => object === first.object)
    : [first];
  world.trace.add(machine.id, `somebody deletes ${all.length} ${first.object}(s)`);
  machine.disturbedAtMs = world.time.nowMs;
  for (const op of all) machine.touch(op);
  world.checks.changed(machine);
};

/** Somebody takes the annotations off a Node. */
const stripNode: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine === undefined || !world.nodeExists(machine)) return;
  world.trace.add('operator', `strips ${machine.nodeName} of its advert`);
  const annotations = { 'poplin.dev/advert': null };
  world.patchNode(machine.nodeName, { metadata: { annotations } });
  world.setRight(machine);
};

const compact: Action = (world) => {
  world.trace.add('api', 'history is compacted');
  world.server.store.compact();
  for (const { process } of world.machines.values()) process?.client.expireAll();
};

function badWeather(random: Random): Partial<Weather> {
  return random.weighted<() => Partial<Weather>>([
    [3, () => ({ reach: 'refused' })],
    [3, () => ({ reach: 'lost' })],
    [2, () => ({ isUnauthorized: true })],
    [3, () => ({ lagMs: random.int(100, 20_000) })],
    [3, () => ({ refusalRate: 0.2 + random.next() * 0.6 })],
    [3, () => ({ lossRate: 0.1 + random.next() * 0.5 })],
    [2, () => ({ latencyMs: random.int(100, 5_000) })],
    [2, () => ({ skipRate: random.next() * 0.5 })],
    [2, () => ({ repeatRate: random.next() * 0.7 })],
    [2, () => ({ cutRate: random.next() * 0.5 })],
    [2, () => ({ eventDelayMs: random.int(100, 10_000) })],
  ])();
}

/** For one machine, for some, or for all, as when the API is away. */
const spoilWeather: Action = (world, random) => {
  const all = [...world.machines.values()];
  const one = random.pick(all);
  const hit = random.weighted([
    [5, one === undefined ? [] : [one]],
    [2, all.filter(() => random.chance(0.5))],
    [1, all],
  ] as const);
  const bad = badWeather(random);
  const who = hit.length === all.length ? 'everybody' : hit.map(({ id }) => id).join(' ');
  world.trace.add('weather', `${JSON.stringify(bad)} for ${who}`);
  for (const machine of hit) setWeather(machine, bad);
  world.later(random.exponential(15_000), () => {
    for (const machine of hit) clearWeather(world, machine);
  });
};

function setWeather(machine: SimMachine, change: Partial<Weather>): void {
  if (machine.mustReachApi || machine.isCutOff) return;
  Object.assign(machine.weather, change);
  if (isMisleading(machine.weather)) machine.misledUntilMs = Number.POSITIVE_INFINITY;
  machine.process?.client.weatherChanged();
}

export function clearWeather(world: World, machine: SimMachine): void {
  if (isFair(machine.weather)) return;
  world.trace.add('weather', `fair for ${machine.id}`);
  setWeather(machine, fairWeather());
  machine.disturbedAtMs = world.time.nowMs;
  if (machine.misledUntilMs > world.time.nowMs) world.setRight(machine);
  machine.process?.client.expireTainted();
}

export const ACTIONS: readonly (readonly [weight: number, action: Action])[] = [
  [3, stopAgent],
  [4, crashAgent],
  [4, crashInApply],
  [3, refuseOps],
  [3, reboot],
  [3, removeNode],
  [2, replaceMachine],
  [2, makeTwin],
  [3, addNode],
  [5, endPod],
  [4, foreignHand],
  [2, stripNode],
  [1, compact],
  [10, spoilWeather],
  ...PATH_ACTIONS,
];
