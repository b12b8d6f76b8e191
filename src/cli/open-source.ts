// Opens the datastore that the agent was told of, Kubernetes or etcd, with the real clock and the
// files that it was given. Each is imported only when it is asked for: neither pays for the other.

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import type { AgentOptions, EtcdOptions } from '../agent/options.ts';
import type { Clock } from '../lib/clock.ts';
import { systemClock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { parseIp } from '../net/ip.ts';
import type { EtcdConnection, EtcdCredentials } from '../source/etcd/connection.ts';
import type { KubernetesClient } from '../source/kubernetes/client.ts';
import type { Source } from '../source/source.ts';
import type { Withdrawal } from '../source/withdrawal.ts';

/** The ConfigMap's key, as Flannel has it. */
const CONFIG_KEY = 'net-conf.json';

export type OpenedSource = {
  readonly source: Source;
  /** The machine does not have these addresses any more: connections from them are dead. */
  addressesGone(gone: ReadonlySet<Ip>): void;
};

export async function openSource(options: AgentOptions, log: Log): Promise<OpenedSource> {
  const opened =
    options.etcd === undefined
      ? await openKubernetes(options, log)
      : await openEtcd(options, options.etcd, log);
  if (options.netConfFile === '') return opened;
  const { NetConfFile } = await import('../source/net-conf-file.ts');
  const { SourceWithFile } = await import('../source/with-net-conf-file.ts');
  const file = new NetConfFile({ path: options.netConfFile, clock: systemClock, log });
  return { ...opened, source: new SourceWithFile(opened.source, file) };
}

/** For `cleanup`; rejects with AppError when nobody can be asked by what it is told. */
export async function openWithdrawal(options: AgentOptions, machine: string): Promise<Withdrawal> {
  const { nodeName, namespace, etcd } = options;
  if (etcd === undefined) {
    const { KubernetesWithdrawal } = await import('../source/kubernetes/withdrawal.ts');
    const client = await kubernetesClient(options);
    return new KubernetesWithdrawal({ client, namespace, nodeName, machine });
  }
  const { EtcdWithdrawal } = await import('../source/etcd/withdrawal.ts');
  const api = await etcdConnection(etcd, systemClock);
  return new EtcdWithdrawal({ api, prefix: etcd.prefix, nodeName, machine });
}

/** Rejects with AppError when no credentials are there. */
export async function kubernetesClient(
  options: Pick<AgentOptions, 'kubeconfig'>,
): Promise<KubernetesClient> {
  const { KubernetesClient: Client } = await import('../source/kubernetes/client.ts');
  const { inClusterCredentials } = await import('../source/kubernetes/credentials.ts');
  const { kubeconfigCredentials } = await import('../source/kubernetes/kubeconfig.ts');
  const clock = systemClock;
  const credentials =
    options.kubeconfig === ''
      ? inClusterCredentials({ clock, environment: process.env })
      : await kubeconfigCredentials(options.kubeconfig, clock);
  return new Client({ credentials, clock });
}

async function openKubernetes(options: AgentOptions, log: Log): Promise<OpenedSource> {
  const client = await kubernetesClient(options);
  const { KubernetesSource } = await import('../source/kubernetes/source.ts');
  const { nodeName, namespace, configMap } = options;
  const isUnused = options.netConfFile !== '';
  const config = { namespace, name: configMap, key: CONFIG_KEY, isUnused };
  const effects = { client, clock: systemClock, log, random: Math.random };
  const keepsSummaries = options.servesPage;
  return {
    source: new KubernetesSource({ ...effects, nodeName, config, keepsSummaries }),
    addressesGone: (gone) => client.dropConnectionsFrom(gone),
  };
}

/** Rejects with AppError when a file of the credentials is not there. */
export async function etcdConnection(etcd: EtcdOptions, clock: Clock): Promise<EtcdConnection> {
  const { EtcdConnection: Connection } = await import('../source/etcd/connection.ts');
  const credentials = (): EtcdCredentials => readCredentials(etcd);
  // A file that is not there is found now, and not in a line of the log.
  credentials();
  return new Connection({ endpoints: etcd.endpoints, credentials, clock });
}

async function openEtcd(
  { nodeName, underlay, netConfFile, servesPage }: AgentOptions,
  etcd: EtcdOptions,
  log: Log,
): Promise<OpenedSource> {
  const { EtcdSource } = await import('../source/etcd/source.ts');
  const clock = systemClock;
  const { endpoints, prefix, leaseSeconds, renewMarginSeconds } = etcd;
  const api = await etcdConnection(etcd, clock);
  // What the holder is known by until it has published where it really is reached.
  const said = [...underlay.publicIps, ...(underlay.nodeIps ?? [])];
  const addresses = said.length > 0 ? said : await outwardAddresses();
  log.info({ addresses, endpoints }, 'etcd is the datastore');
  const source = new EtcdSource({
    ...{ clock, log, random: Math.random, nodeName, prefix, addresses, api },
    lease: { leaseSeconds, renewMarginSeconds },
    isConfigUnused: netConfFile !== '',
    keepsSummaries: servesPage,
  });
  return { source, addressesGone: () => api.reconnect() };
}

function readCredentials(etcd: EtcdOptions): EtcdCredentials {
  const { caFile, certFile, keyFile, username, passwordFile } = etcd;
  const isTls = etcd.endpoints.some((endpoint) => endpoint.startsWith('https:'));
  const tls = {
    ...(caFile === '' ? {} : { ca: read('--etcd-ca-file', caFile) }),
    ...(certFile === '' ? {} : { certificate: read('--etcd-cert-file', certFile) }),
    ...(keyFile === '' ? {} : { key: read('--etcd-key-file', keyFile) }),
  };
  const password = (): string =>
    read('--etcd-password-file', passwordFile)
      .toString('utf8')
      .replace(/\r?\n$/, '');
  return {
    ...(isTls ? { tls } : {}),
    ...(username === '' ? {} : { user: { name: username, password: password() } }),
  };
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new AppError('FILE', `read ${path}`, `the file of ${flag} is not readable`, error);
  }
}

/** Documentation addresses (RFC 5737, RFC 3849): nothing is sent, the kernel only looks up. */
const ELSEWHERE = { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } as const satisfies Record<
  Family,
  string
>;
const ANY_PORT = 9;

/** The addresses that the machine's default routes use, as Flannel chooses. */
async function outwardAddresses(): Promise<readonly Ip[]> {
  const found = await Promise.all(FAMILIES.map(outwardAddress));
  return found.flatMap((ip) => ip ?? []);
}

function outwardAddress(family: Family): Promise<Ip | undefined> {
  const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
  return new Promise<Ip | undefined>((resolve) => {
    socket.once('error', () => resolve(undefined));
    socket.connect(ANY_PORT, ELSEWHERE[family], () => resolve(parseIp(socket.address().address)));
  }).finally(() => socket.close());
}
