// What an agent was told at its start, left in its run directory for `poplin doctor`: so that this
// looks at the same paths and asks the API as the agent does, also while the agent is away. Paths
// and names only: no token, key or password is in it, nor in what it names by value.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { writeWhole } from '../lib/whole-file.ts';
import type { AgentOptions, EtcdOptions } from './options.ts';

const FILE_NAME = 'agent.json';

const traceSchema = z.object({
  version: z.literal(1),
  pid: z.int(),
  nodeName: z.string(),
  datastore: z.enum(['kubernetes', 'etcd']),
  kubeconfig: z.string(),
  namespace: z.string(),
  configMap: z.string(),
  netConfFile: z.string(),
  stateDir: z.string(),
  birdDir: z.string(),
  cniConfDir: z.string(),
  procSys: z.string(),
  /** Absent where the Kubernetes API is the datastore. */
  etcd: z
    .object({
      endpoints: z.array(z.string()),
      caFile: z.string(),
      certFile: z.string(),
      keyFile: z.string(),
    })
    .optional(),
  /** Files and directories with secrets, so that these can be kept out of what leaves the node. */
  secretPlaces: z.array(z.string()),
});

export type AgentTrace = z.infer<typeof traceSchema>;

export const traceOf = (options: AgentOptions, pid: number): AgentTrace => ({
  version: 1,
  pid,
  nodeName: options.nodeName,
  datastore: options.etcd === undefined ? 'kubernetes' : 'etcd',
  kubeconfig: options.kubeconfig,
  namespace: options.namespace,
  configMap: options.configMap,
  netConfFile: options.netConfFile,
  stateDir: options.stateDir,
  birdDir: options.birdDir,
  cniConfDir: options.cniConfDir,
  procSys: options.procSys,
  ...(options.etcd === undefined ? {} : { etcd: etcdOf(options.etcd) }),
  secretPlaces: [
    options.bgpPasswordsDir,
    ...(options.etcd === undefined ? [] : [options.etcd.keyFile, options.etcd.passwordFile]),
  ].filter((path) => path !== ''),
});

const etcdOf = ({ endpoints, caFile, certFile, keyFile }: EtcdOptions): AgentTrace['etcd'] => ({
  ...{ endpoints: [...endpoints], caFile, certFile, keyFile },
});

/** Throws what the disk says. */
export function writeTrace(runDir: string, trace: AgentTrace): void {
  writeWhole(join(runDir, FILE_NAME), `${JSON.stringify(trace, null, 2)}\n`);
}

/** undefined where no agent has left one that is understood. */
export function readTrace(runDir: string): AgentTrace | undefined {
  try {
    return traceSchema.parse(JSON.parse(readFileSync(join(runDir, FILE_NAME), 'utf8')));
  } catch {
    return undefined;
  }
}
