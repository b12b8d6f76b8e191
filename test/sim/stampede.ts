// Many agents that start at the same virtual instant in an empty cluster, on a /16 with /24 subnets,
// by Leases: each must get a subnet, and no two the same. Nothing goes wrong but the race itself.

import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCidr } from '../../src/net/cidr.ts';
import { NO_MUTATIONS } from './mutations.ts';
import type { SimPlan } from './plan.ts';
import { planSim } from './plan.ts';
import { Random } from './random.ts';
import { World } from './world.ts';

export type StampedeResult = {
  readonly violation: string | undefined;
  /** Different subnets in use. */
  readonly subnetCount: number;
  /** When the last node had its subnet. */
  readonly lastAtMs: number;
  readonly realMs: number;
};

const LIMIT_MS = 120_000;
const LOOK_EVERY_MS = 100;

export async function stampede(agents: number, seed: number): Promise<StampedeResult> {
  const startMs = performance.now();
  const random = new Random(seed);
  const directory = join(tmpdir(), `poplin-sim-${process.pid}-stampede`);
  const world = new World({ plan: planOf(agents), random, directory, mutations: NO_MUTATIONS });
  try {
    for (let count = 0; count < agents; count += 1) world.addMachine();
    const machines = [...world.machines.values()];
    let holders = 0;
    while (holders < agents && world.violation === undefined && world.time.nowMs < LIMIT_MS) {
      await world.runUntil(world.time.nowMs + LOOK_EVERY_MS);
      holders = machines.filter((machine) => world.checks.usedBy(machine).size > 0).length;
    }
    const subnets = new Set(machines.flatMap((machine) => [...world.checks.usedBy(machine)]));
    return {
      violation: world.violation,
      subnetCount: subnets.size,
      lastAtMs: world.time.nowMs,
      realMs: performance.now() - startMs,
    };
  } finally {
    for (const machine of world.machines.values()) machine.process?.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

export function renderStampede(agents: number, result: StampedeResult): string {
  const { violation, subnetCount, lastAtMs, realMs } = result;
  return (
    `${agents} agents started at once: ${subnetCount} subnets in use, ` +
    `the last one after ${(lastAtMs / 1000).toFixed(1)} s of virtual time ` +
    `(${(realMs / 1000).toFixed(1)} s of real time)` +
    (violation === undefined ? '\n' : `; ${violation}\n`)
  );
}

function planOf(agents: number): SimPlan {
  const plan = planSim(new Random(0), {
    ...{ nodeCount: agents, subnetSource: 'lease', families: ['ipv4'] },
  });
  const network = parseCidr('10.244.0.0/16');
  if (network === undefined) throw new Error('not a network');
  return {
    ...plan,
    segmentCount: 1,
    looksAtPaths: false,
    allocatesPodCidrs: false,
    networks: { ...plan.networks, ipv4: network },
    subnetLengthBits: { ...plan.subnetLengthBits, ipv4: 24 },
    capacity: 255,
    podsPerNode: 0,
  };
}
