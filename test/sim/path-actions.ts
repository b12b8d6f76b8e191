// What can go wrong with paths, and what changes them: the backend and its parameters, addresses of
// nodes, firewalls between them, and a node whose subnet another gets. As in actions.ts, everything
// is drawn from the one generator that is given.

import { NODES } from '../../src/lab/api/kinds.ts';
import { valueAt } from '../../src/lab/api/object.ts';
import { createObject } from '../../src/lab/api/operations.ts';
import type { Action } from './actions.ts';
import { firewallOf } from './fabric.ts';
import type { SimMachine } from './machine.ts';
import type { BackendChoice } from './plan.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

const anyMachine = (world: World, random: Random): SimMachine | undefined =>
  random.pick([...world.machines.values()].filter(({ isOn }) => isOn));

/** GBP always goes with a port of its own: alone it cannot be changed. */
const PORTS = [{}, {}, {}, { Port: 4789 }, { Port: 4790, GBP: true }] as const;

function randomVxlan(random: Random): Readonly<Record<string, unknown>> {
  return {
    VNI: random.int(1, 3),
    ...random.pick(PORTS),
    ...(random.chance(0.2) ? { MTU: 1400 } : {}),
  };
}

export function randomBackend(random: Random): BackendChoice {
  return random.weighted<() => BackendChoice>([
    [3, () => ({ Type: 'host-gw' })],
    [2, () => ({ Type: 'auto', ...randomVxlan(random) })],
    [4, () => ({ Type: 'vxlan', ...randomVxlan(random) })],
    [1, () => ({ Type: 'vxlan', ...randomVxlan(random), DirectRouting: true })],
  ])();
}

const editConfig: Action = (world, random) =>
  world.config.configure({ backend: randomBackend(random), masquerades: random.chance(0.8) });

/** The next comes before all have moved, or while some have not even heard of the first. */
const editConfigTwice: Action = (world, random) => {
  editConfig(world, random);
  const next = randomBackend(random);
  world.later(random.exponential(3_000), () => world.config.configure({ backend: next }));
};

const breakConfig: Action = (world, random) => {
  world.config.misconfigure();
  world.later(random.next() * 15_000, () => world.config.configure());
};

const partNodes: Action = (world, random) => {
  const [a, b] = [anyMachine(world, random), anyMachine(world, random)];
  if (a === undefined || b === undefined || a === b) return;
  world.trace.add(a.id, `hears nothing from ${b.id}`);
  world.fabric.part(a, b);
  world.later(random.next() * 30_000, () => world.fabric.parted.clear());
};

/** A firewall lets no VXLAN pass: in one direction, or in both, or from and to everybody. */
const eatVxlan: Action = (world, random) => {
  const [a, b] = [anyMachine(world, random), anyMachine(world, random)];
  if (a === undefined || b === undefined || a === b) return;
  const peers = random.chance(0.5) ? [b] : [...world.machines.values()];
  const isBothWays = random.chance(0.5);
  const ways = peers.flatMap((peer) => [
    firewallOf(a, peer),
    ...(isBothWays ? [firewallOf(peer, a)] : []),
  ]);
  world.trace.add(a.id, `a firewall eats VXLAN: ${ways.join(', ')}`);
  for (const way of ways) world.fabric.firewalls.add(way);
  world.later(random.exponential(30_000), () => {
    for (const way of ways) world.fabric.firewalls.delete(way);
  });
};

const moveAddress: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine !== undefined) world.moveAddress(machine);
};

/**
 * A machine is gone, and another one has its subnet, by a Node of another name: the old Node is
 * deleted only afterwards. Where Leases give the subnets, the name of the Lease forbids it.
 */
const inherit: Action = (world, random) => {
  const machine = anyMachine(world, random);
  if (machine === undefined || !world.plan.allocatesPodCidrs || world.machines.size <= 3) return;
  const { nodeName } = machine;
  const old = world.server.store.get(NODES, nodeName)?.object;
  const podCIDRs = valueAt(old, 'spec.podCIDRs');
  const others = [...world.machines.values()].filter((other) => other.nodeName === nodeName);
  if (!Array.isArray(podCIDRs) || others.length > 1) return;
  world.scrap(machine);
  world.condemn(nodeName, true);
  world.later(random.next() * 5_000, () => {
    // Its Node is there before it, and before the old one is gone.
    const name = `${nodeName}-heir`;
    world.trace.add('operator', `creates Node ${name} with ${podCIDRs.join(' and ')}`);
    const spec = { podCIDR: podCIDRs[0], podCIDRs };
    createObject(world.server.store, { kind: NODES }, { metadata: { name }, spec });
    world.addMachine(name);
    world.later(random.next() * 10_000, () => world.deleteNode(nodeName));
  });
};

export const PATH_ACTIONS: readonly (readonly [weight: number, action: Action])[] = [
  [4, editConfig],
  [3, editConfigTwice],
  [1, breakConfig],
  [2, partNodes],
  [4, eatVxlan],
  [2, moveAddress],
  [2, inherit],
];
