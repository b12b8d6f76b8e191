// What an agent is told at its start. Every path is an option, so that several nodes can live on
// one machine. Parsed from flags and the environment by src/cli/agent-options.ts.

import type { LogLevel } from '../lib/log.ts';
import type { UnderlayWish } from './underlay-wish.ts';

export type AgentOptions = {
  readonly nodeName: string;
  /** '' means: the service account of the pod that the agent runs in. */
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly configMap: string;
  /** net-conf.json on this node, instead of the datastore's; '' means the datastore's. */
  readonly netConfFile: string;
  /** Attachments, tombstones and what must survive a reboot. */
  readonly stateDir: string;
  /** Sockets and the subnet file. */
  readonly runDir: string;
  /** Shared with BIRD: its configuration and its control socket. */
  readonly birdDir: string;
  /** Passwords of BGP sessions, as SECRET/KEY. */
  readonly bgpPasswordsDir: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
  /** Where the runtime keeps what it has attached, by libcni. */
  readonly cniCacheDir: string;
  /** Where the plugin host-local keeps the addresses of pods that Flannel has attached. */
  readonly hostLocalDir: string;
  /** Where `/metrics`, `/healthz` and `/readyz` are served over TCP; undefined for nowhere. */
  readonly metricsListen: { readonly host: string; readonly port: number } | undefined;
  /** Whether the web page of the cluster is served too: there, and on the admin socket. */
  readonly servesPage: boolean;
  /** Where the sysctls of /proc/sys are found. */
  readonly procSys: string;
  /** File with the machine's identity. */
  readonly machineIdFile: string;
  /** How long a further subnet is empty before it is given back. */
  readonly subnetRestSeconds: number;
  /** How long an address is free before another pod should have it. */
  readonly addressRestSeconds: number;
  /** undefined: Kubernetes is the datastore. */
  readonly etcd: EtcdOptions | undefined;
  readonly underlay: UnderlayWish;
  readonly logLevel: LogLevel;
};

export type EtcdOptions = {
  /** `http://HOST:PORT` or `https://HOST:PORT`, all of one kind. */
  readonly endpoints: readonly string[];
  readonly prefix: string;
  /** '' for those that were not given. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly username: string;
  readonly passwordFile: string;
  readonly leaseSeconds: number;
  readonly renewMarginSeconds: number;
};
