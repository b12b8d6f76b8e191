// `npm run bench [-- --only NAME] [--json FILE] [--write]`: runs the suites one after the other,
// prints each measure as it comes, and takes away all that it made, also when it is interrupted.

import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { bgpSuite } from './bgp.ts';
import { ROOT } from './checkout.ts';
import { cniSuite } from './cni.ts';
import { datapathSuite } from './datapath.ts';
import { driftSuite } from './drift.ts';
import { hostPortSuite } from './host-ports.ts';
import { latencySuite } from './latency.ts';
import { leasesSuite } from './leases.ts';
import type { Measure } from './measure.ts';
import { verdictOf } from './measure.ts';
import { memorySuite } from './memory.ts';
import { peersSuite } from './peers.ts';
import type { Machine } from './report.ts';
import { renderJson, renderLine, renderPage } from './report.ts';
import { removeLeftovers, Stage } from './stage.ts';
import type { Suite } from './suite.ts';
import { switchSuite } from './switch.ts';

const SUITES: Readonly<Record<string, Suite>> = {
  cni: cniSuite,
  peers: peersSuite,
  datapath: datapathSuite,
  hostport: hostPortSuite,
  memory: memorySuite,
  latency: latencySuite,
  leases: leasesSuite,
  switch: switchSuite,
  drift: driftSuite,
  bgp: bgpSuite,
};

const USAGE = `usage: npm run bench -- [--only ${Object.keys(SUITES).join('|')}] [--json FILE] [--write]\n`;

type Options = { readonly only?: string; readonly json?: string; readonly write?: boolean };

function parseOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        json: { type: 'string' },
        write: { type: 'boolean' },
      },
    });
    if (values.only !== undefined && SUITES[values.only] === undefined) return undefined;
    return values;
  } catch {
    return undefined;
  }
}

async function runSuite(name: string, suite: Suite, stage: Stage): Promise<Measure[]> {
  process.stdout.write(`== ${name}\n`);
  const note = (text: string): void => void process.stderr.write(`   ${name}: ${text}\n`);
  const measures = await suite({ stage, note });
  for (const measure of measures) process.stdout.write(`${renderLine(measure)}\n`);
  return measures;
}

/** An interrupted run leaves nothing: what the suite still waits for fails, and does not matter. */
function endOnSignal(stage: Stage): { cancel(): void } {
  const end = (signal: NodeJS.Signals): void => {
    process.stderr.write(`bench: ${signal}: tidying up\n`);
    void stage[Symbol.asyncDispose]().then(() => process.exit(130));
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  return {
    cancel: () => {
      process.off('SIGINT', end);
      process.off('SIGTERM', end);
    },
  };
}

async function describeMachine(): Promise<Machine> {
  const packages = ['containernetworking-plugins', 'iproute2', 'nftables', 'iperf3'];
  const found = await mustRun(runCommand, ['dpkg-query', '-W', ...packages]);
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown processor',
    kernel: release(),
    nodeVersion: process.version,
    date: new Date().toISOString().slice(0, 10),
    references: found.trim().replaceAll('\t', ' ').split('\n'),
  };
}

async function main(): Promise<number> {
  const options = parseOptions();
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  await removeLeftovers();
  const measures: Measure[] = [];
  for (const [name, suite] of Object.entries(SUITES)) {
    if (options.only !== undefined && options.only !== name) continue;
    await using stage = new Stage();
    const onSignal = endOnSignal(stage);
    measures.push(...(await runSuite(name, suite, stage)));
    onSignal.cancel();
  }
  if (options.json !== undefined) writeFileSync(options.json, renderJson(measures));
  if (options.write === true) {
    const page = renderPage(measures, await describeMachine());
    writeFileSync(join(ROOT, 'docs/benchmarks.md'), page);
  }
  const missed = measures.filter((measure) => verdictOf(measure) === 'missed');
  for (const { name } of missed) process.stdout.write(`missed its target: ${name}\n`);
  return missed.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
