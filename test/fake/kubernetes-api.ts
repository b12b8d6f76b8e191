// The embedded API on a free port of the loopback, and Credentials for it: what tests of the source
// start from. Every test stops what it started.

import type { ApiServer, ApiServerOptions } from '../../src/lab/api/server.ts';
import { startApiServer } from '../../src/lab/api/server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { KubernetesClient } from '../../src/source/kubernetes/client.ts';
import { Credentials } from '../../src/source/kubernetes/credentials.ts';

export const startTestApi = (
  options: Partial<ApiServerOptions> = {},
  port = 0,
): Promise<ApiServer> =>
  startApiServer({
    listeners: [{ port, host: '127.0.0.1' }],
    clock: systemClock,
    log: silentLog,
    namespaces: ['poplin'],
    ...options,
  });

export const portOf = (api: ApiServer): number => api.ports[0] ?? 0;

/** Credentials without TLS; `token` is asked at each request. */
export const plainCredentials = (port: number, token?: () => string): Credentials =>
  new Credentials({
    server: new URL(`http://127.0.0.1:${port}`),
    clock: systemClock,
    load: async () => ({
      headers: token === undefined ? {} : { authorization: `Bearer ${token()}` },
      tls: {},
    }),
  });

export const plainClient = (port: number): KubernetesClient =>
  new KubernetesClient({ credentials: plainCredentials(port), clock: systemClock });

/** Waits until `holds`, at most `timeoutMs`; fails with `what`. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await systemClock.sleep(5);
  }
}
