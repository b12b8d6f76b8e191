// Pods with one host port each: ADD and DEL by Poplin, which needs no other plugin for it, and by
// the chain bridge + host-local + portmap. One by one they take turns call by call, fifty at once
// round by round. A part of the suite `cni`, on the same hosts.

import type { Chain, Job } from './cni-chains.ts';
import { ChainRunner, withHostPort } from './cni-chains.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';

const AGAINST = 'bridge + host-local + portmap';
const AT_ONCE = 50;
const ROUNDS_AT_ONCE = 3;
const WARM_UP = 10;
const FIRST_PORT = 20_000;

/** Ours first, then the one that it is compared with. */
export async function withHostPorts(
  chains: readonly [Chain, Chain],
  { stage, note }: SuiteContext,
): Promise<Measure[]> {
  const runner = await ChainRunner.create(stage, chains.map(withHostPort));
  const pods: Job[][] = [];
  for (const [chain] of chains.entries()) {
    const labels = Array.from({ length: AT_ONCE }, (_, index) => `port${chain}-${index}`);
    const namespaces = await stage.namespaces(labels);
    pods.push(
      namespaces.map((namespace, index) => {
        return { chain, container: namespace, namespace, hostPort: FIRST_PORT + index };
      }),
    );
  }
  const inTurns = (count: number): Job[] =>
    Array.from({ length: count }, (_, index) => pods.map((jobs) => jobs[index] ?? [])).flat(2);
  await runner.run('ADD', 'one-by-one', inTurns(WARM_UP));
  await runner.run('DEL', 'one-by-one', inTurns(WARM_UP));

  note(`${AT_ONCE} with a host port, one by one`);
  const measures: Measure[] = [];
  for (const verb of ['ADD', 'DEL'] as const) {
    const [own = [], other = []] = (await runner.run(verb, 'one-by-one', inTurns(AT_ONCE))).jobsMs;
    measures.push(measureOf(`cni.${verb.toLowerCase()}.hostport`, own, other));
  }
  note(`${AT_ONCE} with a host port at once, ${ROUNDS_AT_ONCE} rounds`);
  const walls = { ADD: pods.map((): number[] => []), DEL: pods.map((): number[] => []) };
  for (let round = 0; round < ROUNDS_AT_ONCE; round += 1) {
    for (const [chain, jobs] of pods.entries()) {
      for (const verb of ['ADD', 'DEL'] as const) {
        walls[verb][chain]?.push((await runner.run(verb, 'at-once', jobs)).wallMs);
      }
    }
  }
  for (const verb of ['ADD', 'DEL'] as const) {
    const [own = [], other = []] = walls[verb];
    measures.push(measureOf(`cni.${verb.toLowerCase()}.parallel${AT_ONCE}.hostport`, own, other));
  }
  return measures;
}

function measureOf(name: string, own: readonly number[], other: readonly number[]): Measure {
  const [ours, theirs] = [summarise(own), summarise(other)];
  const [value, reference] = [ours.median, theirs.median];
  return { name, value, unit: 'ms', against: AGAINST, reference, spread: spreadText(ours, theirs) };
}
