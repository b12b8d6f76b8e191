// `poplin cleanup [--dry-run] [--force] [the agent's flags]`: puts the node back as it was before
// Poplin came. Refuses while the agent or its BIRD runs, and while pods are attached unless it is
// forced. Exit code 1: it refused, or something is left, which a second run finds.

import { existsSync } from 'node:fs';
import { readLastGood } from '../agent/config-keeper.ts';
import { readMachineId } from '../agent/machine-id.ts';
import type { AgentOptions } from '../agent/options.ts';
import { readOriginals } from '../agent/original-sysctls.ts';
import { RetiredFamilies } from '../agent/retired-families.ts';
import { attachedPods } from '../cleanup/attached-pods.ts';
import { cleanUp } from '../cleanup/cleanup.ts';
import { podsInTheWay, runningPrograms } from '../cleanup/obstacles.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { openKernel } from '../kernel/linux.ts';
import { NetnsRegistry } from '../kernel/netns.ts';
import { readBootId } from '../lib/boot-id.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import { OWN_PROTOCOL, PROBE_TABLE } from '../state/own.ts';
import { parseAgentOptions } from './agent-options.ts';
import type { CommandIo } from './io.ts';
import { EXIT_CHECK_FAILED, EXIT_OK } from './io.ts';
import { openWithdrawal } from './open-source.ts';

const LINKS_ONLY = {
  ...{ sysctls: [], routeProtocol: OWN_PROTOCOL, rulePriority: PROBE_TABLE, nft: false },
  ...{ linksOnly: true, aside: true, ownsLink: () => false },
};

export async function cleanupCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const isDryRun = args.includes('--dry-run');
  const isForced = args.includes('--force');
  const own = ['--dry-run', '--force'];
  const options = parseAgentOptions(
    args.filter((word) => !own.includes(word)),
    process.env,
  );
  const kernel = openKernel({
    ...{ procSysRoot: options.procSys, netnsRegistry: new NetnsRegistry(), log: silentLog },
  });
  try {
    return await clean(options, { kernel, isDryRun, isForced, io });
  } finally {
    kernel.close();
  }
}

type Context = {
  readonly kernel: Kernel;
  readonly isDryRun: boolean;
  readonly isForced: boolean;
  readonly io: CommandIo;
};

async function clean(options: AgentOptions, context: Context): Promise<number> {
  const { kernel, isDryRun, isForced, io } = context;
  const { stateDir } = options;
  const pods = attachedPods(stateDir, kernel.read(LINKS_ONLY).links.keys());
  const obstacles = [
    ...(await runningPrograms(options, systemClock)),
    ...(isForced ? [] : podsInTheWay(pods)),
  ];
  for (const obstacle of obstacles) io.err(`poplin cleanup: ${obstacle}\n`);
  if (obstacles.length > 0 && !isDryRun) return EXIT_CHECK_FAILED;
  for (const { what } of pods) io.out(`${isDryRun ? 'would cut' : 'cuts'} off pod ${what}\n`);

  const originals = readOriginals(stateDir, readBootId());
  let done = 0;
  const left = await cleanUp({
    kernel,
    places: options,
    networks: podNetworks(stateDir),
    originals: originals.kind === 'ok' ? originals.values : new Map(),
    originalsProblem: originals.kind === 'ok' ? '' : originals.problem,
    podAddresses: pods.flatMap(({ addresses }) => addresses),
    openWithdrawal: () => openWithdrawal(options, readMachineId(options.machineIdFile)),
    isDryRun,
    report: {
      did: (what) => {
        done += 1;
        io.out(`${isDryRun ? 'would ' : ''}${what}\n`);
      },
      left: (what, why) => io.err(`left: ${what}: ${why}\n`),
    },
    stop: new AbortController().signal,
  });
  if (done === 0 && left === 0) io.out('nothing of Poplin is here\n');
  // One that was started meanwhile has made all of it again, or half.
  const started = isDryRun ? [] : await runningPrograms(options, systemClock);
  for (const obstacle of started) io.err(`poplin cleanup: meanwhile ${obstacle}\n`);
  return left + obstacles.length + started.length > 0 ? EXIT_CHECK_FAILED : EXIT_OK;
}

/** In which an address on `lo` is taken for ours, where the kernel does not say whose it is. */
function podNetworks(stateDir: string): readonly Cidr[] {
  if (!existsSync(stateDir)) return [];
  const retired = new RetiredFamilies(stateDir, silentLog).all;
  const families = [...(readLastGood(stateDir)?.families ?? []), ...retired];
  return families.map(({ network }) => network);
}
