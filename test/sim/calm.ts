// The end of a seed: what was broken is repaired, as operators would, and the cluster has a bounded
// time to become whole: every node with a subnet, ready, and every pod reachable from every other.

import { NODES } from '../../src/lab/api/kinds.ts';
import { cidrFamily } from '../../src/net/cidr.ts';
import { clearWeather } from './actions.ts';
import type { SimMachine } from './machine.ts';
import type { World } from './world.ts';

/**
 * How long it may take: a watch that broke in silence is noticed after 150 s, twice before the
 * reflector lists again, and what failed last is tried again after at most 45 s.
 */
export const CALM_BOUND_MS = 400_000;
const LOOK_EVERY_MS = 1_000;
/** Devices that nobody needs any more go after 5 s; then it must still be so. */
const STAYS_MS = 10_000;

export function repair(world: World): void {
  world.trace.add('operator', 'repairs everything');
  world.cancelPlans();
  world.fabric.parted.clear();
  world.fabric.firewalls.clear();
  for (const machine of world.machines.values()) if (machine.isCutOff) world.scrap(machine);
  const machines = [...world.machines.values()];
  for (const machine of machines) {
    clearWeather(world, machine);
    if (!machine.isOn) world.switchOn(machine);
    world.birds?.start(machine);
    world.condemn(machine.nodeName, false);
  }
  for (const machine of machines.slice(world.plan.capacity)) world.scrap(machine);
  // Nodes that no machine has any more, or will have.
  const names = new Set([...world.machines.values()].map(({ nodeName }) => nodeName));
  for (const { key } of world.server.entries(NODES)) if (!names.has(key)) world.deleteNode(key);
  world.config.configure();
}

/** Virtual time until all was well; `undefined`, and a violation, when it never was. */
export async function untilWhole(world: World): Promise<number | undefined> {
  const startMs = world.time.nowMs;
  let wholeSinceMs: number | undefined;
  let said: string | undefined;
  for (;;) {
    await world.runUntil(world.time.nowMs + LOOK_EVERY_MS);
    if (world.violation !== undefined) return undefined;
    const nowMs = world.time.nowMs;
    restartIsolated(world);
    deleteReplaced(world);
    const missing = whatIsMissing(world);
    if (missing !== said) world.trace.add('operator', missing ?? 'all is whole');
    said = missing;
    if (missing !== undefined) wholeSinceMs = undefined;
    else wholeSinceMs ??= nowMs;
    if (wholeSinceMs !== undefined && nowMs - wholeSinceMs >= STAYS_MS) {
      return wholeSinceMs - startMs;
    }
    if (nowMs - startMs > CALM_BOUND_MS) {
      world.violate(`not whole ${CALM_BOUND_MS / 1000} s after the last fault: ${missing}`);
      return undefined;
    }
  }
}

/** Pods whose node has lost their subnet are restarted by who reads `status`. */
function restartIsolated(world: World): void {
  for (const machine of world.machines.values()) {
    const isolated = machine.process?.agent.status().pods.isolated ?? [];
    for (const pod of machine.pods.values()) {
      const isNamed = isolated.some((text) => text.startsWith(`container ${pod.containerId} `));
      if (isNamed && pod.state === 'up') world.runtimeOf(machine)?.end(pod);
    }
  }
}

/** A machine that took over a name has nothing until its operator says that the old one is gone. */
function deleteReplaced(world: World): void {
  for (const machine of world.machines.values()) {
    const problems = machine.process?.agent.status().problems ?? [];
    if (problems.some((text) => text.includes(`delete Node ${machine.nodeName}`))) {
      world.deleteNode(machine.nodeName);
    }
  }
}

function whatIsMissing(world: World): string | undefined {
  for (const machine of world.machines.values()) {
    const missing = whatIsMissingOn(world, machine);
    if (missing !== undefined) return `${machine.id}: ${missing}`;
  }
  return world.checks.everybodyReaches();
}

function whatIsMissingOn(world: World, machine: SimMachine): string | undefined {
  const { plan } = world;
  if (!machine.isOn) return 'is off';
  const status = machine.process?.agent.status();
  if (status === undefined) return 'has no agent';
  const [problem] = status.problems;
  if (!status.ready || problem !== undefined) return `is not ready: ${problem}`;
  for (const family of world.config.choices.families) {
    const isHeld = status.lease.subnets.some((subnet) => cidrFamily(subnet) === family);
    if (!isHeld) return `has no subnet of ${family}`;
  }
  const used = [...world.checks.usedBy(machine)].sort().join();
  const held = [...status.lease.subnets].sort().join();
  if (used !== held) return `uses ${used || 'nothing'} and holds ${held}`;
  if (status.config.problems.length > 0) return 'has problems with the configuration';
  if (status.config.backend !== world.config.choices.backend.Type)
    return 'works by an old configuration';
  const pods = [...machine.pods.values()];
  if (pods.some(({ state }) => state !== 'up')) return 'a pod is not up';
  return pods.length < plan.podsPerNode ? 'a pod is missing' : undefined;
}
