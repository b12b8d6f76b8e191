// A cluster moves from Flannel by its default backend; the others are in test/long.

import { test } from 'node:test';
import { migrates } from './migrating.ts';

const timeout = 290_000;

test('a cluster moves from Flannel while its pods run', { timeout }, (t) => migrates(t, 'vxlan'));
