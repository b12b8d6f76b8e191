// `poplin lab …`: several nodes on this machine. Parses the words of each subcommand and calls
// src/lab; exit code 1 when a check failed, 2 when the words are wrong.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runApiProcess } from '../lab/api-process.ts';
import type { BirdProgram } from '../lab/bird-program.ts';
import { findBird } from '../lab/bird-program.ts';
import { checkReachability } from '../lab/check.ts';
import { runCommand } from '../lab/command.ts';
import { openDatastore } from '../lab/datastore.ts';
import { leftoversOf, takeDown } from '../lab/down.ts';
import { endpointsOf } from '../lab/endpoints.ts';
import { interruptible } from '../lab/interruptible.ts';
import { LabDirectory } from '../lab/lab-directory.ts';
import { renderLabStatus } from '../lab/lab-status.ts';
import { renderMatrix } from '../lab/matrix.ts';
import { measuredSwitch } from '../lab/measured-switch.ts';
import { addNode, removeNode } from '../lab/nodes.ts';
import type { LabPlan, LabSpec } from '../lab/plan.ts';
import { planLab } from '../lab/plan.ts';
import { runProberProcess } from '../lab/prober-process.ts';
import { renderReport } from '../lab/switch-report.ts';
import type { LabEffects } from '../lab/up.ts';
import { bringUp } from '../lab/up.ts';
import { systemClock } from '../lib/clock.ts';
import { AppError, describeError } from '../lib/errors.ts';
import { createLog } from '../lib/log.ts';
import type { CommandIo } from './io.ts';
import { EXIT_CHECK_FAILED, EXIT_OK, EXIT_USAGE } from './io.ts';
import {
  LAB_OPTIONS,
  parseDelay,
  parseLabDatastore,
  parseLabName,
  parseLabSpec,
  parseSettings,
} from './lab-options.ts';
import { labPage } from './lab-page.ts';

const CHECK_TIMEOUT_MS = 3_000;
/** 128 and the number of SIGINT, as a shell says it. */
const EXIT_INTERRUPTED = 130;

const USAGE = `usage: poplin lab COMMAND [--name NAME]
  up      [--nodes N] [--backend vxlan|host-gw] [--underlay flat|routed]
          [--family ipv4|ipv6|dual] [--pods P] [--mtu BYTES] [--kubeconfig FILE]
          [--subnet-source auto|podCIDR|lease] [--datastore kubernetes|etcd]
          [--reflectors N]     on backend bgp, instead of a full mesh
          [--bird auto|FILE]   a BIRD on each node, also while the backend needs none
  node    add|remove NODE      a node comes or goes while the lab runs
  check   [--json]             every pod and node to every other
  switch  TYPE [--set KEY=VALUE]… [--delay-ms N] [--json]
                               edit the ConfigMap, wait for the nodes, and measure what is
                               lost meanwhile; KEY: VNI, Backend.VNI, Masquerade, …; with
                               --delay-ms the nodes see the change up to N ms apart
  exec    NODE|POD -- COMMAND  run a command there
  status                       what runs where
  page    [NODE] [--port N]    the web page of the cluster, on this machine's loopback
  down                         remove everything
`;

type LabCommand = (input: LabInput, io: CommandIo) => Promise<number>;

type LabInput = {
  readonly name: string;
  readonly values: ReturnType<typeof parse>['values'];
  readonly words: readonly string[];
};

export async function labCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const [verb = '', ...rest] = args;
  const command = COMMANDS.get(verb);
  if (command === undefined) {
    io.err(verb === '' ? USAGE : `poplin lab: no command "${verb}"\n${USAGE}`);
    return EXIT_USAGE;
  }
  if (process.getuid?.() !== 0) {
    io.err('poplin lab: network namespaces need root: run it as root, or by sudo\n');
    return EXIT_USAGE;
  }
  const { values, positionals } = parse(rest);
  if (positionals.length > 0 && !TAKES_WORDS.has(verb)) {
    io.err(`poplin lab ${verb}: "${positionals[0]}" is one word too many\n${USAGE}`);
    return EXIT_USAGE;
  }
  return command({ name: parseLabName(values.name), values, words: positionals }, io);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: LAB_OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new AppError('USAGE', 'poplin lab', describeError(error));
  }
}

const TAKES_WORDS: ReadonlySet<string> = new Set(['switch', 'exec', 'node', 'page']);

const COMMANDS: ReadonlyMap<string, LabCommand> = new Map<string, LabCommand>([
  ['up', up],
  ['check', check],
  ['switch', switchTo],
  ['exec', exec],
  ['node', changeNodes],
  ['status', status],
  ['page', page],
  ['down', down],
  // The lab's own API process; not for people.
  ['api-server', apiServer],
  // What `switch` measures with; not for people either.
  ['prober', prober],
]);

const effectsOf = (io: CommandIo): LabEffects => ({
  run: runCommand,
  clock: systemClock,
  say: (line) => io.out(`${line}\n`),
});

async function up({ values }: LabInput, io: CommandIo): Promise<number> {
  const spec = parseLabSpec(values);
  const kubeconfig = values.kubeconfig === undefined ? '' : resolve(values.kubeconfig);
  const datastore = parseLabDatastore(values);
  const bird = labBird(spec, values.bird);
  const which = {
    ...(datastore === undefined ? {} : { datastore }),
    ...(bird === undefined ? {} : { bird }),
  };
  const startedMs = systemClock.monotonicMs();
  await bringUp(
    { spec, kubeconfig, ...which, program: ownProgram(), executable: cniExecutable() },
    effectsOf(io),
  );
  const seconds = ((systemClock.monotonicMs() - startedMs) / 1000).toFixed(1);
  io.out(`lab "${spec.name}" is up after ${seconds} s\n`);
  if (datastore === 'etcd') return EXIT_OK;
  io.out(`kubectl --kubeconfig ${new LabDirectory(spec.name).kubeconfig} get nodes\n`);
  return EXIT_OK;
}

async function check({ name, values }: LabInput, io: CommandIo): Promise<number> {
  const { plan, directory } = openLab(name);
  const endpoints = endpointsOf(plan, directory);
  const stop = new AbortController().signal;
  const result = await checkReachability(endpoints, { timeoutMs: CHECK_TIMEOUT_MS, stop });
  io.out(values.json ? `${JSON.stringify(result)}\n` : renderMatrix(result, endpoints));
  return result.ok ? EXIT_OK : EXIT_CHECK_FAILED;
}

async function switchTo({ name, values, words }: LabInput, io: CommandIo): Promise<number> {
  const [type, ...rest] = words;
  if (type === undefined || rest.length > 0) {
    io.err(USAGE);
    return EXIT_USAGE;
  }
  const change = { type, settings: parseSettings(values.set ?? []) };
  const delayMs = parseDelay(values['delay-ms']);
  const { plan, directory } = openLab(name);
  const record = directory.mustRecord(name);
  const lab = { plan, directory, api: await openDatastore(directory, record) };
  return untilInterrupted(effectsOf(io), async (effects) => {
    const parts = { ...effects, random: Math.random, program: record.program, delayMs };
    const report = await measuredSwitch(lab, change, parts);
    io.out(values.json ? `${JSON.stringify(report)}\n` : renderReport(report));
    return report.ok ? EXIT_OK : EXIT_CHECK_FAILED;
  });
}

/** A signal ends what waits, so that nothing which has to be undone stays. */
async function untilInterrupted(
  effects: LabEffects,
  work: (effects: LabEffects) => Promise<number>,
): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop.abort());
  }
  try {
    return await work(interruptible(effects, stop.signal));
  } catch (error) {
    if (stop.signal.aborted) return EXIT_INTERRUPTED;
    throw error;
  }
}

async function prober(_input: LabInput, io: CommandIo): Promise<number> {
  const { stdin: input } = process;
  await runProberProcess({ input, say: io.out, clock: systemClock, random: Math.random });
  return EXIT_OK;
}

async function changeNodes({ name, words }: LabInput, io: CommandIo): Promise<number> {
  const [change = '', nodeName, ...rest] = words;
  if (!['add', 'remove'].includes(change) || nodeName === undefined || rest.length > 0) {
    io.err(USAGE);
    return EXIT_USAGE;
  }
  const plan =
    change === 'add'
      ? await addNode({ name, executable: cniExecutable() }, nodeName, effectsOf(io))
      : await removeNode(name, nodeName, effectsOf(io));
  io.out(`lab "${name}" has ${plan.nodes.map((node) => node.name).join(', ')}\n`);
  return EXIT_OK;
}

async function exec({ name, words }: LabInput, io: CommandIo): Promise<number> {
  const [place, ...argv] = words;
  if (place === undefined || argv.length === 0) {
    io.err(USAGE);
    return EXIT_USAGE;
  }
  const { plan, directory } = openLab(name);
  const node = plan.nodes.find((candidate) => candidate.name === place);
  const pod = plan.pods.find((candidate) => candidate.name === place);
  const netns = node?.netns ?? pod?.netns ?? (place === 'outside' ? plan.outside.netns : undefined);
  if (netns === undefined) {
    const names = [...plan.nodes, ...plan.pods].map((candidate) => candidate.name);
    throw new AppError('USAGE', `find "${place}"`, `there are ${names.join(', ')} and outside`);
  }
  const { runDir, stateDir } = directory.node(node?.name ?? pod?.node ?? '');
  const { status: code } = spawnSync('ip', ['netns', 'exec', netns, ...argv], {
    stdio: 'inherit',
    env: {
      ...process.env,
      POPLIN_RUN_DIR: runDir,
      POPLIN_STATE_DIR: stateDir,
      PATH: `${directory.binDir}:${process.env.PATH ?? ''}`,
    },
  });
  return code ?? EXIT_CHECK_FAILED;
}

async function status({ name }: LabInput, io: CommandIo): Promise<number> {
  const { plan, directory } = openLab(name);
  io.out(await renderLabStatus(plan, directory));
  return EXIT_OK;
}

async function page({ name, values, words }: LabInput, io: CommandIo): Promise<number> {
  return labPage(openLab(name), { words, port: values.port }, io);
}

async function down({ name }: LabInput, io: CommandIo): Promise<number> {
  if (!leftoversOf(name, new LabDirectory(name))) {
    io.out(`there is no lab "${name}"\n`);
    return EXIT_OK;
  }
  await takeDown(name, effectsOf(io));
  io.out(`lab "${name}" is gone\n`);
  return EXIT_OK;
}

async function apiServer({ name }: LabInput): Promise<number> {
  const { plan, directory } = openLab(name);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const log = createLog('info', { lab: name });
  await runApiProcess(plan, directory, { clock: systemClock, log, stop: stop.signal });
  return EXIT_OK;
}

function openLab(name: string): { plan: LabPlan; directory: LabDirectory } {
  const directory = new LabDirectory(name);
  return { plan: planLab(directory.mustRecord(name).spec), directory };
}

/** This very program, for the processes that the lab starts. */
const ownProgram = (): string[] => [
  process.execPath,
  '--max-semi-space-size=1',
  resolve(process.argv[1] ?? ''),
];

/** Beside every agent where the backend is bgp, and where somebody asks for it. */
function labBird(spec: LabSpec, given: string | undefined): BirdProgram | undefined {
  const isNeeded: boolean = given !== undefined || String(spec.backend) === 'bgp';
  if (!isNeeded) return undefined;
  const file = given === undefined || given === 'auto' ? undefined : resolve(given);
  const bird = findBird(file, join(dirname(resolve(process.argv[1] ?? '')), '..'));
  if (bird !== undefined) return bird;
  const why = file ?? 'run "sh scripts/setup.sh lab", or name one by --bird FILE';
  throw new AppError('LAB', 'find BIRD', `it is not there: ${why}`);
}

function cniExecutable(): string {
  const path = join(dirname(resolve(process.argv[1] ?? '')), '..', 'cni', 'build', 'poplin');
  if (existsSync(path)) return path;
  throw new AppError('LAB', 'find the CNI executable', `${path} is not there: run "make -C cni"`);
}
