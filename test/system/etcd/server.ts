// A real etcd for tests: on ports of loopback that were free, with its data in a directory of its
// own, ended by its process id. It can be stopped, frozen, killed and started again on the same
// data, as the machine under it would do.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { systemClock } from '../../../src/lib/clock.ts';

/** Debian's, which scripts/setup.sh installs. */
export const ETCD_BINARY = 'etcd';

/** A newer one, where scripts/test-long.sh has found it. */
const ETCD_35_BINARY = join(import.meta.dirname, '../../../.cache/etcd35/usr/bin/etcd');
export const newerEtcd = (): string | undefined =>
  existsSync(ETCD_35_BINARY) ? ETCD_35_BINARY : undefined;

export type EtcdServerOptions = {
  readonly binary?: string;
  readonly name?: string;
  /** Further flags. */
  readonly flags?: readonly string[];
  readonly tls?: boolean;
  /** Of a cluster of several: `NAME=PEER-URL,…`, which holds this one as well. */
  readonly cluster?: string;
  readonly ports?: { readonly client: number; readonly peer: number };
};

const START_TIMEOUT_MS = 60_000;
const START_TRIES_MAX = 3;

export class EtcdServer {
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly #options: EtcdServerOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), 'pe-etcd-'));
  #process: ChildProcess | undefined;
  /** Where this start's messages begin. */
  #logOffset = 0;
  #exited: Promise<void> = Promise.resolve();

  constructor(options: EtcdServerOptions & Required<Pick<EtcdServerOptions, 'ports'>>) {
    const { ports, tls = false } = options;
    this.#options = options;
    this.clientUrl = `${tls ? 'https' : 'http'}://127.0.0.1:${ports.client}`;
    this.peerUrl = `http://127.0.0.1:${ports.peer}`;
  }

  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    for (let tries = 1; ; tries += 1) {
      const server = new EtcdServer({ ...options, ports: options.ports ?? (await freePorts()) });
      try {
        await server.start();
        return server;
      } catch (error) {
        await server.dispose();
        // Somebody else may have been given a port that was free a moment ago.
        const isTaken = /address already in use/.test(String(error));
        if (!isTaken || options.ports !== undefined || tries === START_TRIES_MAX) throw error;
      }
    }
  }

  get port(): number {
    return Number(new URL(this.clientUrl).port);
  }

  /** On the data that it had. */
  async start(): Promise<void> {
    this.spawn();
    await this.ready();
  }

  spawn(): void {
    const { binary = ETCD_BINARY, name = 'one', flags = [], cluster } = this.#options;
    const log = openSync(join(this.#directory, 'log'), 'a');
    this.#logOffset = this.log().length;
    const child = spawn(
      binary,
      [
        ...['--name', name, '--data-dir', join(this.#directory, 'data')],
        ...['--listen-client-urls', this.clientUrl, '--advertise-client-urls', this.clientUrl],
        ...['--listen-peer-urls', this.peerUrl, '--initial-advertise-peer-urls', this.peerUrl],
        ...['--initial-cluster', cluster ?? `${name}=${this.peerUrl}`],
        ...['--unsafe-no-fsync', '--logger', 'zap', ...flags],
      ],
      { stdio: ['ignore', log, log] },
    );
    this.#process = child;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Its log says so: a client would need certificates or a user. */
  async ready(): Promise<void> {
    const endMs = performance.now() + START_TIMEOUT_MS;
    while (!this.log().slice(this.#logOffset).includes('serving client traffic')) {
      const log = (): string => this.log().slice(-2_000);
      if (this.#process?.exitCode !== null) assert.fail(`etcd has ended: ${log()}`);
      assert.ok(performance.now() < endMs, `etcd is not ready in time: ${log()}`);
      await systemClock.sleep(10);
    }
  }

  log(): string {
    return readFileSync(join(this.#directory, 'log'), 'utf8');
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#exited;
  }

  /** Loses everything that it knew. */
  wipe(): void {
    rmSync(join(this.#directory, 'data'), { recursive: true, force: true });
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** For what an operator does; without our own connection in between. */
  operator(): Etcd3 {
    return new Etcd3({ hosts: this.clientUrl });
  }
}

export async function freePorts(): Promise<{ client: number; peer: number }> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  const [client = 0, peer = 0] = ports;
  return { client, peer };
}
