// Where the API server is and how to be let in. Tokens, certificates and CAs are files that others
// replace while the agent runs (a service account's token each hour), so whatever was loaded counts
// for a minute, and no longer once the server has answered 401. A file that cannot be read for a
// while changes nothing: the last good access goes on.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { AppError } from '../../lib/errors.ts';

/** The part of `tls.connect` options that decides whom we trust and who we are. */
export type TlsAccess = {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
};

export type Access = {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsAccess;
};

export type CredentialsOptions = {
  readonly server: URL;
  readonly clock: Clock;
  readonly load: () => Promise<Access>;
};

/** How long what was loaded counts, as client-go has it for tokens. */
const RELOAD_AFTER_MS = 60_000;

export class Credentials {
  readonly server: URL;
  readonly #clock: Clock;
  readonly #load: () => Promise<Access>;
  #access: Access | undefined;
  #loadedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ server, clock, load }: CredentialsOptions) {
    this.server = server;
    this.#clock = clock;
    this.#load = load;
  }

  /** `tls` is the same value while nothing of it has changed, so that connections are kept. */
  async current(): Promise<Access> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#access !== undefined && nowMs - this.#loadedAtMs < RELOAD_AFTER_MS) {
      return this.#access;
    }
    try {
      const loaded = await this.#load();
      const isSameTls = JSON.stringify(loaded.tls) === JSON.stringify(this.#access?.tls);
      this.#access = isSameTls ? { ...loaded, tls: this.#access?.tls ?? loaded.tls } : loaded;
      this.#loadedAtMs = nowMs;
    } catch (error) {
      if (this.#access === undefined) throw error;
    }
    return this.#access ?? { headers: {}, tls: {} };
  }

  /** The server refused what it was shown: the next request loads it again. */
  forget(): void {
    this.#loadedAtMs = Number.NEGATIVE_INFINITY;
  }
}

const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

export type InClusterOptions = {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory?: string;
};

/** The service account that every pod has. */
export function inClusterCredentials(options: InClusterOptions): Credentials {
  const { clock, environment, directory = SERVICE_ACCOUNT_DIRECTORY } = options;
  const host = environment.KUBERNETES_SERVICE_HOST;
  const port = environment.KUBERNETES_SERVICE_PORT ?? '443';
  if (host === undefined || host === '') {
    throw new AppError(
      'KUBECONFIG',
      'find the API server',
      'KUBERNETES_SERVICE_HOST is not set: run in a pod, or give a kubeconfig by --kubeconfig',
    );
  }
  const server = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
  const load = async (): Promise<Access> => {
    const token = (await readText(join(directory, 'token'))).trim();
    const ca = await readText(join(directory, 'ca.crt'));
    return { headers: { authorization: `Bearer ${token}` }, tls: { ca } };
  };
  return new Credentials({ server, clock, load });
}

export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('KUBECONFIG', `read ${path}`, 'needed to reach the API server', error);
  }
}
