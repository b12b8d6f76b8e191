// What an agent is told at its start. Every path is an option, so that several nodes can live on
// one machine. Parsed from flags and the environment by src/cli/agent-options.ts.

import type { LogLevel } from '../lib/log.ts';

export type AgentOptions = {
  readonly nodeName: string;
  /** '' means: the service account of the pod that the agent runs in. */
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly configMap: string;
  /** Attachments, tombstones and what must survive a reboot. */
  readonly stateDir: string;
  /** Sockets and the subnet file. */
  readonly runDir: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
  /** Where `/metrics`, `/healthz` and `/readyz` are served over TCP; undefined for nowhere. */
  readonly metricsListen: { readonly host: string; readonly port: number } | undefined;
  /** Where the sysctls of /proc/sys are found. */
  readonly procSys: string;
  /** File with the machine's identity. */
  readonly machineIdFile: string;
  readonly logLevel: LogLevel;
};
