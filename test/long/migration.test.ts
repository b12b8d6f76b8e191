// Moves from Flannel by its other backends, whose routes lead over the underlay.

import { test } from 'node:test';
import { migrates } from '../lab/migrating.ts';

const timeout = 290_000;

for (const backend of ['host-gw', 'direct'] as const) {
  test(`a cluster moves from Flannel: ${backend}`, { timeout }, (t) => migrates(t, backend));
}
