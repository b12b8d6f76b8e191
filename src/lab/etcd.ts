// etcd as a lab's datastore: a real one, in the fabric's namespace, where the nodes reach it by the
// router's address as they would reach the API. The lab itself speaks to it by a socket in the
// lab's directory, since it lives in another namespace.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import { NO_LEASE } from '../source/etcd/api.ts';
import { EtcdConnection } from '../source/etcd/connection.ts';
import { keyLayout } from '../source/etcd/keys.ts';
import { keysOfNode } from '../source/etcd/table.ts';
import type { LabDatastore } from './datastore.ts';
import type { LabDirectory } from './lab-directory.ts';
import type { LabNode, LabPlan } from './plan.ts';
import { isAlive, startProcess } from './processes.ts';

const CLIENT_PORT = 2379;
const PEER_URL = 'http://127.0.0.1:2380';
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
/** What etcd says when it is there. */
const READY = 'serving client traffic';
const LAYOUT = keyLayout();

/** etcd insists on HOST:PORT also here, and makes a socket of this name where it was started. */
const SOCKET = 'lab:0';

/** By which this machine reaches it, from whatever namespace. */
export const labEtcdUrl = (directory: LabDirectory): string =>
  `unix://${join(directory.path, 'etcd', SOCKET)}`;

const clientUrl = ({ apiAddress }: LabPlan): string =>
  `http://${apiAddress.includes(':') ? `[${apiAddress}]` : apiAddress}:${CLIENT_PORT}`;

/** What an agent is told of it. */
export const etcdFlags = (plan: LabPlan, node: LabNode): string[] => [
  ...['--datastore', 'etcd', '--etcd-endpoints', clientUrl(plan)],
  ...['--node-ip', node.addresses.join(',')],
];

/** On the data that one before it has left, if there was one. */
export async function startEtcd(
  plan: LabPlan,
  directory: LabDirectory,
  clock: Clock,
): Promise<void> {
  const base = join(directory.path, 'etcd');
  mkdirSync(base, { recursive: true, mode: 0o700 });
  // One that was killed leaves it there.
  rmSync(join(base, SOCKET), { force: true });
  const logFile = directory.etcdLogFile;
  const saidBefore = existsSync(logFile) ? readFileSync(logFile, 'utf8').length : 0;
  const etcd = startProcess(
    [
      ...['ip', 'netns', 'exec', plan.fabricNetns, 'env', '-C', base],
      ...['etcd', '--name', 'lab', '--logger', 'zap'],
      ...['--data-dir', join(base, 'data'), '--unsafe-no-fsync'],
      ...['--listen-client-urls', `${clientUrl(plan)},unix://${SOCKET}`],
      ...['--advertise-client-urls', clientUrl(plan)],
      ...['--listen-peer-urls', PEER_URL, '--initial-advertise-peer-urls', PEER_URL],
      ...['--initial-cluster', `lab=${PEER_URL}`],
    ],
    logFile,
  );
  directory.rememberProcess('etcd', etcd);
  const endMs = clock.monotonicMs() + START_TIMEOUT_MS;
  while (!readFileSync(logFile, 'utf8').slice(saidBefore).includes(READY)) {
    if (!isAlive(etcd) || clock.monotonicMs() > endMs) {
      const why = `it did not start (Debian's package is etcd-server); see ${logFile}`;
      throw new AppError('LAB', 'start etcd', why);
    }
    await clock.sleep(POLL_MS);
  }
}

/** Each call by a connection of its own, so that a command ends when it is done. */
export class EtcdLabDatastore implements LabDatastore {
  readonly #directory: LabDirectory;
  readonly #clock: Clock;

  constructor(directory: LabDirectory, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  createNetConf(text: string): Promise<void> {
    return this.putNetConf(text);
  }

  netConfText(): Promise<string> {
    return this.#with(async (api, stop) => {
      const { items } = await api.list({ from: LAYOUT.config }, stop);
      return items[0]?.value ?? '';
    });
  }

  putNetConf(text: string): Promise<void> {
    return this.#with(async (api, stop) => {
      const put = { kind: 'put', key: LAYOUT.config, value: text, lease: NO_LEASE } as const;
      await api.transact({ conditions: [], writes: [put] }, stop);
    });
  }

  /** Nodes are known by what they claim. */
  async createNode(): Promise<void> {}

  deleteNode(name: string): Promise<void> {
    return this.#with(async (api, stop) => {
      const { items } = await api.list({ from: keysOfNode(LAYOUT, name).holder }, stop);
      const lease = items[0]?.lease ?? NO_LEASE;
      if (lease !== NO_LEASE) await api.revoke(lease, stop);
    });
  }

  async #with<Result>(
    work: (api: EtcdConnection, stop: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const endpoints = [labEtcdUrl(this.#directory)];
    const api = new EtcdConnection({ endpoints, credentials: () => ({}), clock: this.#clock });
    try {
      return await work(api, new AbortController().signal);
    } finally {
      api.close();
    }
  }
}
