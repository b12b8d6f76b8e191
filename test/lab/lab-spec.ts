// What a test asks of its lab, as a specification: names that no other test run has, defaults, and
// where the cluster is kept. It also removes what test runs that were killed have left behind.

import { takeDown } from '../../src/lab/down.ts';
import { namespaceNames } from '../../src/lab/netns.ts';
import type { LabSpec } from '../../src/lab/plan.ts';
import { DEFAULT_POD_NETWORK } from '../../src/lab/plan.ts';
import { processOf } from '../../src/lab/processes.ts';
import type { LabEffects, UpOptions } from '../../src/lab/up.ts';
import { parseCidr } from '../../src/net/cidr.ts';

const NAME = /^ps(\d+)-/;

export type LabOptions = Partial<Omit<LabSpec, 'name' | 'podNetworks'>> &
  Partial<
    Pick<
      UpOptions,
      'netConf' | 'withoutPodCidrs' | 'settles' | 'timeoutMs' | 'datastore' | 'kubeconfig' | 'bird'
    >
  > & {
    /** Stands before the words of the program: `env` with what it shall find there. */
    readonly environment?: Readonly<Record<string, string>>;
  };

/** Unlike those of all other runs on this machine, and of all other labs of this process. */
function* labNames(): Generator<string, never> {
  for (let number = 1; ; number += 1) yield `ps${process.pid}-${number}`;
}

const names = labNames();

export function specOf(options: LabOptions): LabSpec {
  const underlay = options.underlay ?? 'flat';
  const families = options.families ?? ['ipv4'];
  const { subnetSource } = options;
  return {
    name: names.next().value,
    nodeCount: options.nodeCount ?? 3,
    podsPerNode: options.podsPerNode ?? 1,
    backend: options.backend ?? 'vxlan',
    underlay,
    segmentCount: underlay === 'flat' ? 1 : (options.segmentCount ?? 2),
    families,
    mtuBytes: options.mtuBytes ?? 1500,
    podNetworks: families.flatMap((family) => parseCidr(DEFAULT_POD_NETWORK[family]) ?? []),
    ...(subnetSource === undefined ? {} : { subnetSource }),
    ...(options.reflectorCount === undefined ? {} : { reflectorCount: options.reflectorCount }),
  };
}

export function upOptionsOf(
  options: LabOptions,
  spec: LabSpec,
  built: Pick<UpOptions, 'program' | 'executable'>,
): UpOptions {
  const { netConf = {}, withoutPodCidrs = false, settles = true, kubeconfig = '' } = options;
  const { datastore, timeoutMs, bird, environment = {} } = options;
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const program = variables.length === 0 ? [] : ['env', ...variables];
  return {
    ...{ spec, kubeconfig, netConf, withoutPodCidrs, settles },
    ...(datastore === undefined ? {} : { datastore }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(bird === undefined ? {} : { bird }),
    program: [...program, ...built.program],
    executable: built.executable,
  };
}

/** Labs of test processes that are gone. */
export async function removeOrphans(effects: LabEffects): Promise<void> {
  const orphans = new Set<string>();
  for (const netns of namespaceNames()) {
    const [pid] = NAME.exec(netns)?.slice(1) ?? [];
    const [name] = /^ps\d+-\d+(?=-)/.exec(netns) ?? [];
    if (name !== undefined && processOf(Number(pid)) === undefined) orphans.add(name);
  }
  // A cluster that such a run had started for its lab is gone with it.
  for (const name of orphans) await takeDown(name, effects).catch(() => undefined);
}
