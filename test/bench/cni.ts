// Suite `cni`: ADD and DEL by our executable and agent, and by Debian's plugins. One by one the
// three chains take turns call by call; fifty at once they take turns round by round.

import { Cluster, ipBatch } from './cluster.ts';
import type { CallTimes, Job } from './cni-chains.ts';
import { bridgeChain, ChainRunner, poplinChain, ptpChain } from './cni-chains.ts';
import type { FloorTimes } from './cni-floor.ts';
import { measureFloor, SOURCE } from './cni-floor.ts';
import { withHostPorts } from './cni-host-ports.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import type { Stage } from './stage.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';

const ONE_BY_ONE = 100;
const AT_ONCE = 50;
const ROUNDS_AT_ONCE = 5;
/** First calls find cold caches and an interpreter that has compiled nothing yet. */
const WARM_UP = 30;

/** Ours is the first of the chains; the others in this order. */
const REFERENCES = ['ptp + host-local', 'bridge + host-local + portmap'] as const;

type Verb = 'ADD' | 'DEL';

export async function cniSuite({ stage, note }: SuiteContext): Promise<Measure[]> {
  const cluster = await Cluster.create(stage, { nodeCount: 1, backend: 'vxlan' });
  await cluster.startAgents();
  const chains = [
    await poplinChain(stage, cluster.node(1)),
    await ptpChain(stage),
    await bridgeChain(stage),
  ];
  const runner = await ChainRunner.create(stage, chains);
  const pods = await makePods(stage, chains.length);
  const cold = await warmUp(runner, pods);

  note(`${ONE_BY_ONE} one by one`);
  const jobs = inTurns(pods, ONE_BY_ONE);
  const one = {
    ADD: await runner.run('ADD', 'one-by-one', jobs),
    DEL: await runner.run('DEL', 'one-by-one', jobs),
  };
  note('the same kernel operations with nothing around them');
  const floor = await floorOf(stage);
  note(`${AT_ONCE} at once, ${ROUNDS_AT_ONCE} rounds`);
  const walls = await wallsAtOnce(runner, pods);
  const [poplin, , bridge] = chains;
  const hostPorts =
    poplin === undefined || bridge === undefined
      ? []
      : await withHostPorts([poplin, bridge], { stage, note });
  return [
    ...oneByOne(one),
    ...aboveFloor(one, floor),
    ...coldCall(cold),
    ...atOnce(walls),
    ...hostPorts,
  ];
}

/** Namespaces for each chain. */
async function makePods(stage: Stage, chainCount: number): Promise<string[][]> {
  const pods: string[][] = [];
  for (let chain = 0; chain < chainCount; chain += 1) {
    const labels = Array.from({ length: ONE_BY_ONE }, (_, index) => `pod${chain}-${index}`);
    pods.push(await stage.namespaces(labels));
  }
  return pods;
}

const jobOf = (chain: number, namespace: string): Job => ({
  chain,
  container: namespace,
  namespace,
});

/** Job 1 of each chain, job 2 of each chain…, beginning with another chain each time. */
function inTurns(pods: readonly (readonly string[])[], count: number): Job[] {
  const jobs: Job[] = [];
  for (let index = 0; index < count; index += 1) {
    for (let turn = 0; turn < pods.length; turn += 1) {
      const chain = (index + turn) % pods.length;
      const namespace = pods[chain]?.[index];
      if (namespace !== undefined) jobs.push(jobOf(chain, namespace));
    }
  }
  return jobs;
}

async function warmUp(
  runner: ChainRunner,
  pods: readonly (readonly string[])[],
): Promise<CallTimes> {
  const jobs = inTurns(pods, WARM_UP);
  const added = await runner.run('ADD', 'one-by-one', jobs);
  await runner.run('DEL', 'one-by-one', jobs);
  return added;
}

type Walls = Readonly<Record<Verb, readonly number[][]>>;

async function wallsAtOnce(
  runner: ChainRunner,
  pods: readonly (readonly string[])[],
): Promise<Walls> {
  const walls = { ADD: pods.map((): number[] => []), DEL: pods.map((): number[] => []) };
  for (let round = 0; round < ROUNDS_AT_ONCE; round += 1) {
    for (let turn = 0; turn < pods.length; turn += 1) {
      const chain = (round + turn) % pods.length;
      const jobs = (pods[chain] ?? []).slice(0, AT_ONCE).map((pod) => jobOf(chain, pod));
      for (const verb of ['ADD', 'DEL'] as const) {
        const { wallMs } = await runner.run(verb, 'at-once', jobs);
        walls[verb][chain]?.push(wallMs);
      }
    }
  }
  return walls;
}

/** `.median` and `.p95` against the first reference, with `.bridge` against the second. */
function oneByOne(times: Readonly<Record<Verb, CallTimes>>): Measure[] {
  return (['ADD', 'DEL'] as const).flatMap((verb) => {
    const [own = [], ...others] = times[verb].jobsMs;
    return others.flatMap((other, index) => {
      const [ours, theirs] = [summarise(own), summarise(other)];
      const common = {
        unit: 'ms',
        against: REFERENCES[index] ?? '',
        spread: spreadText(ours, theirs),
      };
      const suffix = index === 0 ? '' : '.bridge';
      const name = `cni.${verb.toLowerCase()}`;
      return [
        {
          ...common,
          name: `${name}.median${suffix}`,
          value: ours.median,
          reference: theirs.median,
        },
        { ...common, name: `${name}.p95${suffix}`, value: ours.p95, reference: theirs.p95 },
      ];
    });
  });
}

async function floorOf(stage: Stage): Promise<FloorTimes> {
  const pods = Array.from({ length: ONE_BY_ONE }, (_, index) => `floor${index}`);
  const host = await stage.namespace('host-floor');
  await ipBatch(host, ['link set lo up', `address add ${SOURCE}/32 dev lo`]);
  return measureFloor(host, await stage.namespaces(pods));
}

function aboveFloor(times: Readonly<Record<Verb, CallTimes>>, floor: FloorTimes): Measure[] {
  const floors = { ADD: floor.addMs, DEL: floor.delMs };
  return (['ADD', 'DEL'] as const).map((verb) => {
    const [ours, theirs] = [summarise(times[verb].jobsMs[0] ?? []), summarise(floors[verb])];
    return {
      name: `cni.${verb.toLowerCase()}.median.floor`,
      value: ours.median,
      unit: 'ms',
      against: 'the same kernel operations with nothing around them',
      reference: theirs.median,
      spread: spreadText(ours, theirs),
    };
  });
}

/** The very first ADD after the agent's start. */
function coldCall({ jobsMs }: CallTimes): Measure[] {
  const [own = [], ptp = []] = jobsMs;
  return [
    {
      name: 'cni.add.first',
      value: own[0] ?? 0,
      unit: 'ms',
      against: REFERENCES[0],
      reference: ptp[0] ?? 0,
      spread: '',
    },
  ];
}

function atOnce(walls: Walls): Measure[] {
  return (['ADD', 'DEL'] as const).flatMap((verb) => {
    const [own = [], ...others] = walls[verb];
    return others.map((other, index) => {
      const [ours, theirs] = [summarise(own), summarise(other)];
      return {
        name: `cni.${verb.toLowerCase()}.parallel${AT_ONCE}${index === 0 ? '' : '.bridge'}`,
        value: ours.median,
        unit: 'ms',
        against: REFERENCES[index] ?? '',
        reference: theirs.median,
        spread: spreadText(ours, theirs),
      };
    });
  });
}
