// Clients of a real API server, as tests of the source want them.

import assert from 'node:assert/strict';
import { systemClock } from '../../src/lib/clock.ts';
import { KubernetesClient } from '../../src/source/kubernetes/client.ts';
import { Credentials } from '../../src/source/kubernetes/credentials.ts';
import type { RealCluster } from './cluster.ts';

/** As the administrator. */
export function clientOf({ address }: RealCluster, port = Number(new URL(address.url).port)) {
  assert.ok(address.tls !== undefined);
  const { tls } = address;
  const credentials = new Credentials({
    server: new URL(`https://127.0.0.1:${port}`),
    clock: systemClock,
    load: async () => ({ headers: {}, tls }),
  });
  return new KubernetesClient({ credentials, clock: systemClock });
}
