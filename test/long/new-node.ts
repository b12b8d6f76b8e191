// A node that is added to a lab on backend bgp: how long it takes until all others reach it, by
// whatever path, and how often the BIRDs were given something else for it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { addNode } from '../../src/lab/nodes.ts';
import { cidrAddress } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { TestLab } from '../lab/lab.ts';
import { buildProgram, effects, until } from '../lab/lab.ts';

const REACHED_TIMEOUT_MS = 120_000;
const KNOWN_TIMEOUT_MS = 60_000;
/** What users are promised. */
export const REACHED_MS = 3_000;

export type Added = {
  readonly lab: TestLab;
  /** From when the first node hears of it, until the last one has an answer from it. */
  readonly reachedMs: number;
  /** Of that time, until the new agent said its first word. */
  readonly startedMs: number;
};

export async function addReached(lab: TestLab, nodeName: string): Promise<Added> {
  const { name } = lab.plan.spec;
  const { executable } = buildProgram();
  const [plan, times] = await Promise.all([
    addNode({ name, executable }, nodeName, effects),
    reached(lab, nodeName),
  ]);
  return { lab: lab.withPlan(plan), ...times };
}

async function reached(
  lab: TestLab,
  nodeName: string,
): Promise<Pick<Added, 'reachedMs' | 'startedMs'>> {
  const addresses = await until(
    `${nodeName} is known`,
    () => subnetAddresses(lab, nodeName),
    KNOWN_TIMEOUT_MS,
  );
  const knownMs = performance.now();
  const knownAt = Date.now();
  await Promise.all(
    lab.plan.nodes.flatMap(({ netns }) => addresses.map((address) => answered(netns, address))),
  );
  const reachedMs = performance.now() - knownMs;
  return { reachedMs, startedMs: Math.max(0, firstWordAt(lab, nodeName) - knownAt) };
}

async function subnetAddresses(lab: TestLab, nodeName: string): Promise<Ip[] | undefined> {
  const { peers } = await lab.status('node1');
  const subnets = peers.filter(({ peer }) => peer === nodeName).flatMap((path) => path.subnets);
  return subnets.length < lab.plan.spec.families.length ? undefined : subnets.map(cidrAddress);
}

/** Until the first answer. With a bound of its own ping would end when there is no way yet. */
async function answered(netns: string, address: Ip): Promise<void> {
  const child = spawn('ip', ['netns', 'exec', netns, 'ping', '-n', '-i', '0.05', address]);
  const over = new AbortController();
  const answer = new Promise<true>((resolve) =>
    child.stdout.on('data', (said: Buffer) => said.includes(' bytes from ') && resolve(true)),
  );
  const late = effects.clock.sleep(REACHED_TIMEOUT_MS, over.signal);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const isAnswered = await Promise.race([answer, late, ended]);
    assert.ok(isAnswered === true, `${netns} has no answer of ${address}`);
  } finally {
    over.abort();
    child.kill('SIGKILL');
    await ended;
  }
}

function firstWordAt(lab: TestLab, nodeName: string): number {
  const [line = ''] = readFileSync(lab.directory.node(nodeName).logFile, 'utf8').split('\n');
  return Date.parse((JSON.parse(line) as { readonly time: string }).time);
}

/** By the name of the node: how many configurations its BIRD has taken since it runs. */
export function configurationCounts(lab: TestLab): ReadonlyMap<string, number> {
  return new Map(
    lab.plan.nodes.map(({ name }) => {
      const log = readFileSync(lab.directory.node(name).birdLogFile, 'utf8');
      return [name, log.match(/ Reconfiguring$/gm)?.length ?? 0];
    }),
  );
}
