// The demo, step by step, by the same library that `poplin lab` uses. Whatever happens, the lab is
// taken down at the end; what a killed run left behind is removed by the next.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkReachability } from '../src/lab/check.ts';
import { ClusterApi } from '../src/lab/cluster-api.ts';
import { runCommand } from '../src/lab/command.ts';
import { takeDown } from '../src/lab/down.ts';
import { endpointsOf } from '../src/lab/endpoints.ts';
import { interruptible } from '../src/lab/interruptible.ts';
import { LabDirectory } from '../src/lab/lab-directory.ts';
import { renderLabStatus } from '../src/lab/lab-status.ts';
import { renderMatrix } from '../src/lab/matrix.ts';
import { measuredSwitch } from '../src/lab/measured-switch.ts';
import type { LabPlan, LabSpec } from '../src/lab/plan.ts';
import { DEFAULT_POD_NETWORK } from '../src/lab/plan.ts';
import { renderReport } from '../src/lab/switch-report.ts';
import { bringUp } from '../src/lab/up.ts';
import { systemClock } from '../src/lib/clock.ts';
import { describeError } from '../src/lib/errors.ts';
import { parseCidr } from '../src/net/cidr.ts';

const PROBE_TIMEOUT_MS = 2_000;
const EXIT_FAILED = 1;
/** 128 and the number of SIGINT, as a shell says it. */
const EXIT_INTERRUPTED = 130;

const startedMs = performance.now();

/** A line with the time since the start. */
function say(line: string): void {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`${seconds} s  ${line}\n`);
}

const print = (text: string): void => {
  process.stdout.write(`\n${text.replace(/^(?=.)/gm, '         ')}\n`);
};

const fileOf = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

const specOf = (name: string): LabSpec => ({
  ...{ name, nodeCount: 3, podsPerNode: 2, backend: 'vxlan' },
  ...{ underlay: 'flat', segmentCount: 1, families: ['ipv4'], mtuBytes: 1500 },
  podNetworks: [DEFAULT_POD_NETWORK.ipv4].flatMap((text) => parseCidr(text) ?? []),
});

/** Whether every pair reached each other. */
async function checkAndPrint(
  plan: LabPlan,
  directory: LabDirectory,
  stop: AbortSignal,
): Promise<boolean> {
  const endpoints = endpointsOf(plan, directory);
  const result = await checkReachability(endpoints, { timeoutMs: PROBE_TIMEOUT_MS, stop });
  print(renderMatrix(result, endpoints));
  return result.ok && result.pairs.length > 0;
}

async function demo(name: string, stop: AbortSignal): Promise<boolean> {
  const effects = interruptible({ run: runCommand, clock: systemClock, say }, stop);
  const program = [process.execPath, '--max-semi-space-size=1', fileOf('dist/poplin.cjs')];
  const executable = fileOf('cni/build/poplin');
  say('three nodes on this machine, each a network namespace with an agent of its own');
  const plan = await bringUp({ spec: specOf(name), kubeconfig: '', program, executable }, effects);
  const directory = new LabDirectory(name);
  say('each node has its subnet; each pod came by the CNI executable, and has its address:');
  print(await renderLabStatus(plan, directory));

  say('every pod to every pod, every node to every pod and back, over VXLAN:');
  const overVxlan = await checkAndPrint(plan, directory, stop);

  say('the ConfigMap now says host-gw; the nodes move by themselves');
  const api = await ClusterApi.open(directory.kubeconfig);
  const change = { type: 'host-gw', settings: new Map() };
  const parts = { ...effects, random: Math.random, program, delayMs: 0 };
  const report = await measuredSwitch({ plan, directory, api }, change, parts);
  say(`meanwhile, between pods on all pairs of nodes: ${report.lost} packets lost`);
  print(renderReport(report));
  say('every pair again, over plain routes:');
  const overHostGw = await checkAndPrint(plan, directory, stop);
  return overVxlan && report.ok && overHostGw;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { name: { type: 'string', default: 'demo' } } });
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort());
  }
  let code = 0;
  try {
    const isFine = await demo(values.name, stop.signal);
    if (!isFine) say('something was lost, or some pairs do not reach each other: see above');
    code = isFine ? 0 : EXIT_FAILED;
  } catch (error) {
    say(stop.signal.aborted ? 'interrupted' : describeError(error));
    code = stop.signal.aborted ? EXIT_INTERRUPTED : EXIT_FAILED;
  }
  say('taking everything down');
  await takeDown(values.name, { run: runCommand, clock: systemClock });
  say(code === 0 ? 'done: nothing is left' : 'nothing is left');
  return code;
}

process.exitCode = await main();
