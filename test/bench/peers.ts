// Suite `peers`: programming many peers, doing nothing about them, and removing them, by the
// agent's own reconciler and by the batch modes of the usual tools, in turns and in fresh
// namespaces.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import type { Op } from '../../src/state/op.ts';
import { batchFiles, NexthopNumbers } from './batch-tools.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import type { TimedPass } from './peers-side.ts';
import { PeersSide } from './peers-side.ts';
import type { Stage } from './stage.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';
import { writingCalls } from './written-calls.ts';

const ROUNDS: readonly (readonly [peers: number, rounds: number])[] = [
  [100, 9],
  [1000, 7],
  [5000, 5],
];
const BIGGEST = 5000;
const EMPTY_PASSES = 5;
const BATCH_TOOLS = 'ip -batch, bridge -batch, nft -f';

type Samples = { own: number[]; other: number[] };
const noSamples = (): Samples => ({ own: [], other: [] });

type PeersSamples = {
  readonly add: Samples;
  readonly apply: Samples;
  readonly remove: Samples;
  /** Passes that find nothing to do: those that time alone asks for, and whole ones. */
  readonly empty: Samples;
  readonly whole: Samples;
};

export async function peersSuite({ stage, note }: SuiteContext): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const [peers, rounds] of ROUNDS) {
    note(`${peers} peers, ${rounds} rounds`);
    const samples: PeersSamples = {
      add: noSamples(),
      apply: noSamples(),
      remove: noSamples(),
      empty: noSamples(),
      whole: noSamples(),
    };
    for (let round = 0; round < rounds; round += 1) await oneRound(stage, peers, samples);
    measures.push(...measuresOf(peers, samples));
  }
  note('an empty pass under strace');
  measures.push(...(await countWrites(stage)));
  return measures;
}

/** Both sides once, each in a namespace that nothing was done in before. */
async function oneRound(whole: Stage, peers: number, samples: PeersSamples): Promise<void> {
  await using stage = whole.inner();
  const own = await PeersSide.create(stage, 'own');
  const other = await PeersSide.create(stage, 'other');
  const added = await own.pass(peers);
  samples.add.own.push(added.totalMs);
  samples.apply.own.push(added.applyMs);
  const numbers = new NexthopNumbers();
  const runTools = (ops: readonly Op[]): Promise<number> =>
    timeTools(stage, other.namespace, { ops, numbers });
  const toolsMs = await runTools(added.outcome.ops);
  samples.add.other.push(toolsMs);
  samples.apply.other.push(toolsMs);
  await checkSame(own.namespace, other.namespace);
  if (peers === BIGGEST) await emptyPasses(own, samples);
  const removed = await own.pass(0);
  samples.remove.own.push(removed.totalMs);
  samples.remove.other.push(await runTools(removed.outcome.ops));
  await checkSame(own.namespace, other.namespace);
}

/** The shell's start counts for the tools: they are three programs, started four times. */
async function timeTools(
  stage: Stage,
  namespace: string,
  { ops, numbers }: { readonly ops: readonly Op[]; readonly numbers: NexthopNumbers },
): Promise<number> {
  const directory = stage.directory();
  const commands = batchFiles(ops, numbers).map(({ tool, text }, index) => {
    const path = join(directory, String(index));
    writeFileSync(path, text);
    if (tool === 'nft') return `ip netns exec ${namespace} nft -f ${path}`;
    return `${tool} -n ${namespace} -batch ${path}`;
  });
  const startedMs = performance.now();
  await mustRun(runCommand, ['sh', '-ec', commands.join('\n')]);
  return performance.now() - startedMs;
}

/** A comparison of things that are not the same would be worth nothing. */
async function checkSame(own: string, other: string): Promise<void> {
  const script = (namespace: string): string =>
    `ip -n ${namespace} route show proto 113; ip -n ${namespace} neigh show nud permanent;
     bridge -n ${namespace} fdb show dev poplin4-1; ip -n ${namespace} nexthop show;
     ip netns exec ${namespace} nft list set inet poplin nodes4`;
  const show = async (namespace: string): Promise<string> => {
    const text = await mustRun(runCommand, ['sh', '-ec', script(namespace)]);
    const lines = text.replaceAll(/(nh)?id \d+ /g, '').split('\n');
    return lines.sort().join('\n');
  };
  const [ours, theirs] = [await show(own), await show(other)];
  if (ours !== theirs) throw new Error('the tools did not program the same as the agent');
}

/** The tools' side reads the same objects and does nothing with them. */
async function emptyPasses(side: PeersSide, { empty, whole }: PeersSamples): Promise<void> {
  const reading = `for what in 'link' 'address' 'nexthop' 'rule' 'route show table all' 'neigh'; do
      ip -n ${side.namespace} $what
    done
    bridge -n ${side.namespace} fdb show
    ip netns exec ${side.namespace} nft list table inet poplin`;
  for (let index = 0; index < EMPTY_PASSES; index += 1) {
    const pass = await side.pass(BIGGEST);
    mustBeEmpty(pass);
    whole.own.push(pass.totalMs);
    // The first after a change looks at all of it.
    await side.routine(BIGGEST);
    empty.own.push(await side.routine(BIGGEST));
    const startedMs = performance.now();
    await mustRun(runCommand, ['sh', '-ec', `{ ${reading}\n} >/dev/null`]);
    const toolsMs = performance.now() - startedMs;
    for (const { other } of [empty, whole]) other.push(toolsMs);
  }
}

function mustBeEmpty({ outcome }: TimedPass): void {
  if (outcome.ops.length > 0) throw new Error('a pass that should find nothing found something');
}

async function countWrites(whole: Stage): Promise<Measure[]> {
  if (!existsSync('/usr/bin/strace')) throw new Error('strace is not installed');
  await using stage = whole.inner();
  const side = await PeersSide.create(stage, 'strace');
  await side.pass(BIGGEST);
  const lines = await writingCalls(stage, async () => {
    mustBeEmpty(await side.pass(BIGGEST));
    for (let index = 0; index < 2; index += 1) await side.routine(BIGGEST);
  });
  return [
    {
      name: 'reconcile.5000.empty.writes',
      value: lines.length,
      unit: 'calls',
      against: 'none allowed',
      reference: 0,
      spread: lines.slice(0, 3).join('; '),
    },
  ];
}

function measuresOf(peers: number, samples: PeersSamples): Measure[] {
  const named: [name: string, against: string, samples: Samples][] = [
    [`peers.${peers}.add`, BATCH_TOOLS, samples.add],
    [`peers.${peers}.apply`, BATCH_TOOLS, samples.apply],
    [`peers.${peers}.remove`, BATCH_TOOLS, samples.remove],
  ];
  if (samples.empty.own.length > 0) {
    const tools = 'the tools reading the same';
    named.push([`reconcile.${peers}.empty`, tools, samples.empty]);
    named.push([`reconcile.${peers}.whole`, tools, samples.whole]);
  }
  return named.map(([name, against, { own, other }]) => {
    const [ours, theirs] = [summarise(own), summarise(other)];
    const spread = spreadText(ours, theirs);
    return { name, value: ours.median, unit: 'ms', against, reference: theirs.median, spread };
  });
}
