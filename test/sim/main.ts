// `npm run sim`: one seed, or many from one on. Prints failing seeds first of all, each with the
// command that replays it; the exit code is 1 when there was one. docs/simulation.md describes it.

import { parseArgs } from 'node:util';
import type { PlanOverrides, SubnetSourceName } from './plan.ts';
import { CROWDED, WITH_BIRDS } from './plan.ts';
import { runSeeds } from './pool.ts';
import { renderFailure, renderSummary, reportOf } from './report.ts';
import type { SeedReport } from './run.ts';
import { runSeed } from './run.ts';
import { renderStampede, stampede } from './stampede.ts';

const USAGE = `usage: npm run sim -- [--seed N] [--seeds COUNT] [--nodes N] [--threads N]
       [--subnet-source podCIDR|lease|auto] [--crowded] [--birds] [--stampede AGENTS] [--verbose]
`;

const SOURCES: readonly string[] = ['podCIDR', 'lease', 'auto'] satisfies SubnetSourceName[];

const out = (text: string): void => void process.stdout.write(text);

function readArguments() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      nodes: { type: 'string' },
      threads: { type: 'string' },
      'subnet-source': { type: 'string' },
      crowded: { type: 'boolean', default: false },
      birds: { type: 'boolean', default: false },
      stampede: { type: 'string' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const seed = wholeNumber(values.seed) ?? Math.floor(Math.random() * 1e9);
  const count = wholeNumber(values.seeds) ?? (values.seed === undefined ? 100 : 1);
  const nodeCount = wholeNumber(values.nodes);
  const source = values['subnet-source'];
  if (source !== undefined && !SOURCES.includes(source)) throw new TypeError(`${source}?`);
  const overrides: PlanOverrides = {
    ...(nodeCount === undefined ? {} : { nodeCount }),
    ...(source === undefined ? {} : { subnetSource: source as SubnetSourceName }),
    ...(values.crowded ? { ...CROWDED } : {}),
    ...(values.birds ? { ...WITH_BIRDS } : {}),
  };
  const agents = wholeNumber(values.stampede);
  const threadCount = wholeNumber(values.threads);
  return { seed, count, overrides, agents, threadCount, verbose: values.verbose };
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new TypeError(`${text} is not a whole number`);
  return Number(text);
}

async function runAll(options: ReturnType<typeof readArguments>): Promise<boolean> {
  const { seed: first, count, overrides, threadCount, verbose } = options;
  const startMs = performance.now();
  out(`seeds from ${first} on: ${count}\n`);
  const seeds = Array.from({ length: count }, (_, index) => first + index);
  const onReport = ({ failure }: SeedReport): void => out(failure);
  const reports = verbose
    ? await runAloud(seeds, overrides)
    : await runSeeds({
        ...{ seeds, overrides, onReport },
        ...(threadCount === undefined ? {} : { threadCount }),
      });
  out(renderSummary(reports, performance.now() - startMs));
  return reports.every(({ violation }) => violation === undefined);
}

/** In this thread, so that everything is told as it happens. */
async function runAloud(seeds: readonly number[], overrides: PlanOverrides): Promise<SeedReport[]> {
  const reports: SeedReport[] = [];
  const echo = (line: string): void => out(`${line}\n`);
  for (const seed of seeds) {
    const verdict = await runSeed({ seed, overrides, echo });
    const failure = verdict.violation === undefined ? '' : renderFailure(verdict, overrides);
    out(failure);
    reports.push(reportOf(verdict, failure));
  }
  return reports;
}

async function runStampede(agents: number, seed: number): Promise<boolean> {
  const result = await stampede(agents, seed);
  out(renderStampede(agents, result));
  return result.violation === undefined && result.subnetCount === agents;
}

let options: ReturnType<typeof readArguments>;
try {
  options = readArguments();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  process.exit(2);
}
const isFine = await (options.agents === undefined
  ? runAll(options)
  : runStampede(options.agents, options.seed));
process.exitCode = isFine ? 0 : 1;
