// Starts the agents of a lab's nodes: one `poplin agent` process each, inside the node's
// network namespace, with directories of its own.

import { join } from 'node:path';
import { installCni } from '../cni/install.ts';
import { etcdFlags } from './etcd.ts';
import type { LabDirectory, LabRecord } from './lab-directory.ts';
import type { LabNode } from './plan.ts';
import { planLab } from './plan.ts';
import type { LabProcess } from './processes.ts';
import { startProcess } from './processes.ts';

export async function prepareNode(
  directory: LabDirectory,
  node: LabNode,
  executable: string,
): Promise<void> {
  const paths = directory.createNode(node.name);
  await installCni({
    executable,
    binDir: paths.cniBinDir,
    paths: {
      socketPath: join(paths.runDir, 'cni.sock'),
      tombstoneDirectory: join(paths.stateDir, 'tombstones'),
    },
  });
}

export function startAgent(directory: LabDirectory, node: LabNode, record: LabRecord): LabProcess {
  const words = ['agent', ...agentFlags(directory, node, record)];
  const agent = startProcess(
    ['ip', 'netns', 'exec', node.netns, ...record.program, ...words],
    directory.node(node.name).logFile,
  );
  directory.rememberProcess(node.name, agent);
  return agent;
}

/** The same for `cleanup`. */
export function agentFlags(
  directory: LabDirectory,
  node: LabNode,
  { spec, datastore }: Pick<LabRecord, 'spec' | 'datastore'>,
): readonly string[] {
  const paths = directory.node(node.name);
  return [
    ...['--node-name', node.name],
    ...(datastore === 'etcd'
      ? etcdFlags(planLab(spec), node)
      : ['--kubeconfig', directory.nodeKubeconfig]),
    ...['--machine-id-file', paths.machineIdFile],
    ...['--state-dir', paths.stateDir, '--run-dir', paths.runDir],
    ...['--cni-conf-dir', paths.cniConfDir, '--cni-bin-dir', paths.cniBinDir],
    ...['--cni-cache-dir', paths.cniCacheDir, '--host-local-dir', paths.hostLocalDir],
    ...['--bird-dir', paths.birdDir],
    ...['--metrics-listen', '127.0.0.1:9113', '--page', 'on'],
  ];
}
