// Reads the agent's options from flags, each of which may also be an environment variable
// (`--node-name` is `POPLIN_NODE_NAME`). A wrong value is an AppError USAGE that names the flag,
// the value and what would be right.

import { parseArgs } from 'node:util';
import type { AgentOptions } from '../agent/options.ts';
import type { LogLevel } from '../lib/log.ts';
import { ETCD_FLAGS, parseEtcdOptions } from './etcd-options.ts';
import { usage, wrong } from './flag-errors.ts';
import { parseSeconds } from './seconds.ts';
import { parseUnderlayWish, UNDERLAY_FLAGS } from './underlay-options.ts';

type Flag = { readonly fallback?: string; readonly help: string };

export const AGENT_FLAGS = {
  'node-name': { help: 'name of this Node in the cluster' },
  kubeconfig: { fallback: '', help: 'kubeconfig file; without it the service account is used' },
  namespace: { fallback: 'poplin', help: 'namespace of the ConfigMap' },
  'config-map': { fallback: 'poplin-config', help: 'ConfigMap with the key net-conf.json' },
  'net-conf-file': {
    fallback: '',
    help: 'net-conf.json on this node, instead of the ConfigMap or the key of etcd',
  },
  'state-dir': { fallback: '/var/lib/poplin', help: 'attachments, tombstones, last good state' },
  'run-dir': { fallback: '/run/poplin', help: 'sockets and subnet.env' },
  'bird-dir': {
    fallback: '/run/poplin/bird',
    help: 'shared with BIRD: its configuration and control socket',
  },
  'bgp-passwords-dir': {
    fallback: '/etc/poplin/bgp-passwords',
    help: 'where Secrets with passwords of BGP sessions are mounted, as SECRET/KEY',
  },
  'cni-conf-dir': { fallback: '/etc/cni/net.d', help: 'where the conflist is written' },
  'cni-bin-dir': { fallback: '/opt/cni/bin', help: 'where the CNI executable is installed' },
  'cni-cache-dir': {
    fallback: '/var/lib/cni/results',
    help: 'where the runtime keeps what it has attached',
  },
  'host-local-dir': {
    fallback: '/var/lib/cni/networks',
    help: "where the addresses of Flannel's pods are, on a node that comes from Flannel",
  },
  'metrics-listen': { fallback: '', help: 'HOST:PORT for /metrics, /healthz and /readyz' },
  page: {
    fallback: 'off',
    help: 'on: the web page of the cluster is served there too, and on the admin socket',
  },
  'proc-sys': { fallback: '/proc/sys/net', help: 'where the sysctls are found' },
  'machine-id-file': { fallback: '/etc/machine-id', help: "file with the machine's identity" },
  'subnet-rest-seconds': {
    fallback: '300',
    help: 'how long a further subnet of this node is empty before it is given back',
  },
  'address-rest-seconds': {
    fallback: '60',
    help: 'how long an address is free before another pod should have it',
  },
  datastore: { fallback: 'kubernetes', help: 'kubernetes or etcd' },
  ...UNDERLAY_FLAGS,
  ...ETCD_FLAGS,
  'log-level': { fallback: 'info', help: 'debug, info, warn, error or silent' },
} as const satisfies Record<string, Flag>;

export type AgentFlag = keyof typeof AGENT_FLAGS;

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

export function parseAgentOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): AgentOptions {
  const given = parseFlags(args);
  const value = (flag: AgentFlag): string => {
    const definition: Flag = AGENT_FLAGS[flag];
    const found = given[flag]?.at(-1) ?? environment[variableOf(flag)] ?? definition.fallback;
    if (found === undefined || (found === '' && definition.fallback === undefined)) {
      throw usage(`--${flag} (or ${variableOf(flag)}) is required: ${definition.help}`);
    }
    return found;
  };
  // No name of a link has a blank in it, and no address.
  const values = (flag: AgentFlag): readonly string[] =>
    given[flag] ?? environment[variableOf(flag)]?.split(/\s+/).filter((word) => word !== '') ?? [];
  const etcd = parseDatastore(value);
  return {
    nodeName: value('node-name'),
    kubeconfig: value('kubeconfig'),
    namespace: value('namespace'),
    configMap: value('config-map'),
    netConfFile: value('net-conf-file'),
    stateDir: value('state-dir'),
    runDir: value('run-dir'),
    birdDir: value('bird-dir'),
    bgpPasswordsDir: value('bgp-passwords-dir'),
    cniConfDir: value('cni-conf-dir'),
    cniBinDir: value('cni-bin-dir'),
    cniCacheDir: value('cni-cache-dir'),
    hostLocalDir: value('host-local-dir'),
    metricsListen: parseListen(value('metrics-listen')),
    servesPage: parsePage(value('page')),
    procSys: value('proc-sys'),
    machineIdFile: value('machine-id-file'),
    subnetRestSeconds: parseSeconds('subnet-rest-seconds', value, [1, 86_400]),
    addressRestSeconds: parseSeconds('address-rest-seconds', value, [0, 86_400]),
    etcd,
    underlay: parseUnderlayWish({ value, values, isEtcd: etcd !== undefined }),
    logLevel: parseLogLevel(value('log-level')),
  };
}

/** What is said of another datastore than the chosen one is a mistake, not a spare part. */
function parseDatastore(value: (flag: AgentFlag) => string): AgentOptions['etcd'] {
  const datastore = value('datastore');
  if (datastore === 'etcd') return parseEtcdOptions(value);
  if (datastore !== 'kubernetes') {
    throw wrong('datastore', datastore, 'one of kubernetes, etcd');
  }
  if (value('etcd-endpoints') !== '') {
    throw usage('--etcd-endpoints is given, but --datastore is kubernetes and not etcd');
  }
  return undefined;
}

const variableOf = (flag: AgentFlag): string => `POPLIN_${flag.toUpperCase().replaceAll('-', '_')}`;

/** All values that a flag is given, in their order. */
function parseFlags(args: readonly string[]): Partial<Record<string, readonly string[]>> {
  const options = Object.fromEntries(
    Object.keys(AGENT_FLAGS).map((flag) => [flag, { type: 'string' as const, multiple: true }]),
  );
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true });
    return Object.fromEntries(
      Object.entries(values).map(([flag, texts]) => [flag, [texts ?? []].flat().map(String)]),
    );
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function parseListen(text: string): AgentOptions['metricsListen'] {
  if (text === '') return undefined;
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.port ?? '-1');
  if (match === null || port < 0 || port > 65_535) {
    throw wrong('metrics-listen', text, 'HOST:PORT, as in 127.0.0.1:9113 or [::1]:9113');
  }
  return { host: match.groups?.v6 ?? match.groups?.host ?? '', port };
}

function parsePage(text: string): boolean {
  if (text !== 'on' && text !== 'off') throw wrong('page', text, 'on or off');
  return text === 'on';
}

function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((candidate) => candidate === text);
  if (level === undefined) throw wrong('log-level', text, `one of ${LOG_LEVELS.join(', ')}`);
  return level;
}
