// What no agent can be blamed for: a path that fails between machines which have just gone through
// something of which one of them, or its peers about it, cannot know yet. Each excuse is as narrow
// as it can be said: an agent that was killed, an API that is away or silent or refuses, a
// configuration that comes late, and a firewall are none.

import { NODES } from '../../src/lab/api/kinds.ts';
import { valueAt } from '../../src/lab/api/object.ts';
import type { SimMachine } from './machine.ts';
import { isFair } from './weather.ts';
import type { World } from './world.ts';

/** Everything that is told has been heard after that, when nothing goes wrong. */
const UNDISTURBED_MS = 15_000;
/** Peers may hear only now that the Node before this one is gone. */
const NEW_NODE_MS = 15_000;

type Known = Pick<World, 'time' | 'server' | 'nodeExists'>;

/** Nothing has gone wrong with it for so long that it knows all that is to be known. */
export function isUndisturbed({ time }: Known, machine: SimMachine): boolean {
  const { isOn, process, weather, disturbedAtMs } = machine;
  if (!isOn || process?.hearsCluster !== true || !isFair(weather)) return false;
  return time.nowMs - disturbedAtMs > UNDISTURBED_MS;
}

export function excuseOf(world: Known, from: SimMachine, to: SimMachine): string | undefined {
  for (const machine of [from, to]) {
    const excuse = excuseOfOne(world, machine);
    if (excuse !== undefined) return `${machine.id} ${excuse}`;
  }
  return undefined;
}

/** Peers must have heard that one of them takes less than before. */
export function excuseOfSize(world: Known, from: SimMachine, to: SimMachine): string | undefined {
  for (const machine of [from, to]) {
    const { mtuLoweredAtMs } = machine;
    if (mtuLoweredAtMs === Number.NEGATIVE_INFINITY) continue;
    const isKnown = isUndisturbed(world, from) && isUndisturbed(world, to);
    if (isKnown && world.time.nowMs - mtuLoweredAtMs > UNDISTURBED_MS) continue;
    return `${machine.id} takes less than before`;
  }
  return undefined;
}

function excuseOfOne(world: Known, machine: SimMachine): string | undefined {
  const { nowMs } = world.time;
  if (machine.isCutOff || machine.mustReachApi) return 'has lost its Node';
  if (!world.nodeExists(machine)) return 'has no Node';
  if (nowMs - machine.registeredAtMs < NEW_NODE_MS) return 'has a new Node';
  if (machine.misledUntilMs > nowMs) return 'was misled, or its peers about it';
  return isRegistered(world, machine) ? undefined : 'has another address than its Node says';
}

export function isRegistered({ server }: Known, machine: SimMachine): boolean {
  const known = server.store.get(NODES, machine.nodeName)?.object;
  const addresses = valueAt(known, 'status.addresses');
  return JSON.stringify(addresses) === JSON.stringify(internalIps(machine));
}

export const internalIps = ({ addresses }: SimMachine) =>
  addresses.map(({ address }) => ({ type: 'InternalIP', address }));
