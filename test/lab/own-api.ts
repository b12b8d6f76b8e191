// An embedded API in the test's own process, for labs that are told of it by a kubeconfig as of any
// cluster: so that a test can change whom it lets in, make it forget its history, and cut watches.

import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '../../src/lab/api/server.ts';
import { startApiServer } from '../../src/lab/api/server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';

export class OwnApi {
  readonly server: ApiServer;
  readonly kubeconfig: string;
  readonly #directory: string;
  readonly #tokens: Set<string>;

  private constructor(server: ApiServer, tokens: Set<string>, firstToken: string) {
    this.server = server;
    this.#tokens = tokens;
    this.#directory = mkdtempSync(join(tmpdir(), 'poplin-own-api-'));
    this.kubeconfig = join(this.#directory, 'kubeconfig');
    const url = `http://127.0.0.1:${server.ports[0]}`;
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'own' },
      clusters: [{ name: 'own', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
      contexts: [{ name: 'own', context: { cluster: 'own', user: 'own' } }],
      users: [{ name: 'own', user: { token: firstToken } }],
    };
    writeFileSync(this.kubeconfig, JSON.stringify(config));
  }

  /** Nodes get no podCIDRs. */
  static async start(token: string): Promise<OwnApi> {
    const tokens = new Set([token]);
    const listeners = [{ host: '127.0.0.1', port: 0 }];
    const rest = { clock: systemClock, log: silentLog, tokens };
    return new OwnApi(await startApiServer({ listeners, ...rest }), tokens, token);
  }

  /** From now on this token alone is taken; who is connected has to come again. */
  letIn(token: string): void {
    this.#tokens.clear();
    this.#tokens.add(token);
    this.server.hub.drop({ midLine: false });
  }

  /** All changes of before are forgotten, and watches have to begin somewhere. */
  compact(): void {
    this.server.store.compact();
    this.server.hub.expireAll();
  }

  async stop(): Promise<void> {
    await this.server.stop();
    rmSync(this.#directory, { recursive: true });
  }
}

/** As whoever renews it does: at once. */
export function replaceToken(kubeconfig: string, token: string): void {
  const text = readFileSync(kubeconfig, 'utf8');
  writeFileSync(`${kubeconfig}.new`, text.replace(/("?token"?: ?)"?[^"\s]+"?/, `$1"${token}"`));
  renameSync(`${kubeconfig}.new`, kubeconfig);
}
