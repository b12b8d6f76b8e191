// A lab for one test: real namespaces, real agents, the embedded API or real etcd. Each has a name
// of its own and is taken down whatever the test did; labs of test runs that were killed are taken
// down as well. The program is the bundle, as users run it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Status } from '../../src/agent/status.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { startAgent } from '../../src/lab/agents.ts';
import type { CheckResult, PairResult } from '../../src/lab/check.ts';
import { checkReachability } from '../../src/lab/check.ts';
import type { NetConf } from '../../src/lab/cluster-api.ts';
import { ClusterApi } from '../../src/lab/cluster-api.ts';
import { runCommand } from '../../src/lab/command.ts';
import { familyCountOf } from '../../src/lab/configured-families.ts';
import type { LabDatastore } from '../../src/lab/datastore.ts';
import { openDatastore } from '../../src/lab/datastore.ts';
import { takeDown } from '../../src/lab/down.ts';
import { endpointsOf } from '../../src/lab/endpoints.ts';
import { LabDirectory } from '../../src/lab/lab-directory.ts';
import { nodeStatus, untilSettled } from '../../src/lab/node-status.ts';
import type { LabNode, LabPlan, LabPod } from '../../src/lab/plan.ts';
import { planPod } from '../../src/lab/plan.ts';
import type { PodRecord } from '../../src/lab/pods.ts';
import { addressesOf, attachPod, podRecords } from '../../src/lab/pods.ts';
import type { LabProcess } from '../../src/lab/processes.ts';
import { isAlive, sendSignal } from '../../src/lab/processes.ts';
import type { LabEffects } from '../../src/lab/up.ts';
import { bringUp, createObjects, startApi } from '../../src/lab/up.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Family } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import { complaintsOf } from './complaints.ts';
import type { LabOptions } from './lab-spec.ts';
import { removeOrphans, specOf, upOptionsOf } from './lab-spec.ts';

const CHECK_TIMEOUT_MS = 3_000;
const FIRST_TRY_MS = 1_000;
/** Of each probe where all are to be answered: with many nodes, on a machine that is busy. */
const REACH_TIMEOUT_MS = 120_000;
/** Of what takes some seconds on a machine that is not busy. */
const UNTIL_TIMEOUT_MS = 120_000;
/** Who has tried for a minute waits half a one before the next try. */
const STATUS_TIMEOUT_MS = 120_000;
const POLL_MS = 20;

export const effects: LabEffects = { run: runCommand, clock: systemClock, say: () => undefined };

const rootFile = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The bundle and the CNI executable, built when they are missing or old. */
export function buildProgram(): { readonly program: string[]; readonly executable: string } {
  execFileSync('sh', [rootFile('scripts/build.sh'), 'if-needed']);
  execFileSync('make', ['-s', '-C', rootFile('cni')]);
  return {
    program: [process.execPath, '--max-semi-space-size=1', rootFile('dist/poplin.cjs')],
    executable: rootFile('cni/build/poplin'),
  };
}

export async function withLab(
  options: LabOptions,
  body: (lab: TestLab) => Promise<void>,
): Promise<void> {
  await removeOrphans(effects);
  const spec = specOf(options);
  const up = upOptionsOf(options, spec, buildProgram());
  try {
    const plan = await bringUp(up, effects);
    const directory = new LabDirectory(spec.name);
    const datastore = await openDatastore(directory, up);
    await body(new TestLab({ plan, directory, datastore }));
  } catch (error) {
    process.stderr.write(complaintsOf(new LabDirectory(spec.name), spec));
    throw error;
  } finally {
    await takeDown(spec.name, effects);
  }
}

/** Resolves with what `find` finds; rejects after the bound, naming `what`. */
export async function until<Found>(
  what: string,
  find: () => Found | undefined | false | Promise<Found | undefined | false>,
  timeoutMs = UNTIL_TIMEOUT_MS,
): Promise<Found> {
  const endMs = systemClock.monotonicMs() + timeoutMs;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    assert.ok(systemClock.monotonicMs() < endMs, `waited ${timeoutMs} ms in vain for: ${what}`);
    await systemClock.sleep(POLL_MS);
  }
}

type LabParts = {
  readonly plan: LabPlan;
  readonly directory: LabDirectory;
  readonly datastore: LabDatastore;
};

export class TestLab {
  readonly plan: LabPlan;
  readonly directory: LabDirectory;
  datastore: LabDatastore;

  constructor({ plan, directory, datastore }: LabParts) {
    this.plan = plan;
    this.directory = directory;
    this.datastore = datastore;
  }

  /** What only Kubernetes has. */
  get api(): ClusterApi {
    assert.ok(this.datastore instanceof ClusterApi, 'a lab on etcd has no Kubernetes API');
    return this.datastore;
  }

  /** The same lab after nodes came or went. */
  withPlan(plan: LabPlan): TestLab {
    return new TestLab({ plan, directory: this.directory, datastore: this.datastore });
  }

  /** The same lab, asked by another way into its datastore. */
  with(datastore: LabDatastore): TestLab {
    return new TestLab({ plan: this.plan, directory: this.directory, datastore });
  }

  node(name: string): LabNode {
    return this.plan.nodes.find((node) => node.name === name) ?? assert.fail(`no node ${name}`);
  }

  pod(name: string): PodRecord {
    return (
      podRecords(this.directory).find((pod) => pod.name === name) ?? assert.fail(`no pod ${name}`)
    );
  }

  podAddress(name: string, family: Family = 'ipv4'): Ip {
    const addresses = addressesOf(this.pod(name));
    return addresses.find((ip) => familyOf(ip) === family) ?? assert.fail(`${name}: no ${family}`);
  }

  /** Name of the namespace of a node, a pod, or `outside`. */
  netns(place: string): string {
    if (place === 'outside') return this.plan.outside.netns;
    const node = this.plan.nodes.find(({ name }) => name === place);
    return node?.netns ?? this.pod(place).netns;
  }

  /** Runs a command line in a namespace and returns what it prints. */
  run(place: string, commandLine: string): string {
    return this.runArgv(place, commandLine.split(' '));
  }

  runArgv(place: string, argv: readonly string[]): string {
    return this.runIn(this.netns(place), argv);
  }

  /** In a namespace by its own name. */
  runIn(netns: string, argv: readonly string[]): string {
    const words = ['netns', 'exec', netns, ...argv];
    return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** A further pod, by the real executable. */
  async attach(nodeName: string, number: number): Promise<PodRecord> {
    const node = this.node(nodeName);
    return attachPod(runCommand, this.directory, { node, pod: planPod(node, number) });
  }

  planPod(nodeName: string, number: number): LabPod {
    return planPod(this.node(nodeName), number);
  }

  /** Of a node whose agent runs: on a busy machine it may not answer at once. */
  status(nodeName: string): Promise<Status> {
    const answer = (): Promise<Status | undefined> => nodeStatus(this.directory.node(nodeName));
    return until(`the agent of ${nodeName} answers`, answer);
  }

  /** Until the status of a node is as asked for; a node that does not answer is waited for. */
  async untilStatus(
    nodeName: string,
    what: string,
    accept: (status: Status) => boolean,
  ): Promise<Status> {
    let last: Status | undefined;
    const find = async (): Promise<Status | false> => {
      last = await nodeStatus(this.directory.node(nodeName));
      return last !== undefined && accept(last) && last;
    };
    try {
      return await until(`${nodeName}: ${what}`, find, STATUS_TIMEOUT_MS);
    } catch (error) {
      assert.fail(`${String(error)}; the last status: ${JSON.stringify(last, null, 1)}`);
    }
  }

  async settled(
    accept: (status: Status) => boolean = () => true,
    timeoutMs = UNTIL_TIMEOUT_MS,
  ): Promise<void> {
    const settling = {
      nodeNames: this.plan.nodes.map(({ name }) => name),
      familyCount: familyCountOf(await this.datastore.netConfText(), this.plan),
      timeoutMs,
      accept,
    };
    await untilSettled(this.directory, settling, systemClock);
  }

  /** Edits the configuration, and waits until every node has made a pass by the new text. */
  async edit(change: NetConf): Promise<void> {
    const now = JSON.parse(await this.datastore.netConfText()) as NetConf;
    const text = JSON.stringify({ ...now, ...change });
    const parsed = parseConfig(text);
    assert.ok(parsed.kind === 'ok', JSON.stringify(parsed));
    await this.datastore.putNetConf(text);
    await this.settled(({ reconcile }) => reconcile.config === parsed.config.hash);
  }

  async check(timeoutMs = CHECK_TIMEOUT_MS): Promise<CheckResult> {
    const endpoints = endpointsOf(this.plan, this.directory);
    const stop = new AbortController().signal;
    const result = await checkReachability(endpoints, { timeoutMs, stop });
    assert.ok(result.pairs.length > 0, 'a check that checks nothing');
    return result;
  }

  /** Every pair reaches each other. */
  async mustReach(): Promise<void> {
    const { pairs } = await this.check(REACH_TIMEOUT_MS);
    assert.deepEqual(
      pairs.filter(({ ok }) => !ok),
      [],
    );
  }

  /** Every pair that counts; what the others wait for in vain is waited for ever longer. */
  async mustReachWhere(counts: (pair: PairResult) => boolean): Promise<void> {
    let bad: readonly PairResult[] = [];
    for (let timeoutMs = FIRST_TRY_MS; timeoutMs < REACH_TIMEOUT_MS; timeoutMs *= 2) {
      const pairs = (await this.check(timeoutMs)).pairs.filter(counts);
      assert.ok(pairs.length > 0, 'no pair counts');
      bad = pairs.filter(({ ok }) => !ok);
      if (bad.length === 0) return;
    }
    assert.deepEqual(bad, []);
  }

  agent(nodeName: string): LabProcess {
    return this.directory.process(nodeName) ?? assert.fail(`no agent of ${nodeName}`);
  }

  /** Returns when the process is gone. */
  async endAgent(nodeName: string, signal: NodeJS.Signals): Promise<void> {
    const agent = this.agent(nodeName);
    sendSignal(agent, signal);
    await until(`the agent of ${nodeName} ends`, () => !isAlive(agent));
  }

  /** A new API process, with the objects that a lab begins with. */
  async restartApi(): Promise<void> {
    const record = this.directory.mustRecord(this.plan.spec.name);
    await startApi(this.plan, this.directory, { record, effects });
    this.datastore = await openDatastore(this.directory, record);
    await createObjects(this.datastore, this.plan, {});
  }

  startAgent(nodeName: string): void {
    startAgent(this.directory, this.node(nodeName), this.directory.mustRecord(nodeName));
  }
}
