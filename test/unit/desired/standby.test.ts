// The copies below BIRD's routes: one for each of its routes that carries a peer's packets, and
// none where a wider route of its own would take over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '../../../src/state/kernel-state.ts';
import { OWN_METRIC, STANDBY_METRIC } from '../../../src/state/own.ts';
import { printRoute } from '../../../src/state/print.ts';
import { birdRoute, birdRoutes, speakerOf } from '../../fake/bird-routes.ts';
import { configOf, nodeOf } from '../../fake/cluster.ts';
import { localOf, NETWORK, run } from '../../fake/desired.ts';

const SUBNET = '10.244.2.0/24';
const KEY = 'uid-2 ipv4 bgp via 192.168.1.254 dev eth0';

function copiesBelow(learned: readonly Route[], isTried = true): readonly string[] {
  const local = localOf({
    ...{ birdRoutes: birdRoutes(learned), bird: { isConfirmed: true }, routes: new Map() },
    verdicts: new Map(isTried ? [[KEY, 'answers']] : []),
  });
  const config = configOf({ ...NETWORK, Backend: { Type: 'bgp' } });
  const peer = speakerOf(2, {}, { subnets: [SUBNET, '10.244.9.0/24'] as never });
  const { state } = run(config, [nodeOf(1), peer], local);
  return [...state.routes.values()]
    .filter(({ metric }) => metric === STANDBY_METRIC)
    .map(printRoute);
}

test('each route of BIRD that is in use has a copy below it', () => {
  const learned = [birdRoute(SUBNET, undefined, { mtuBytes: 1400 })];
  assert.deepEqual(copiesBelow(learned), [
    `route ${SUBNET} via 192.168.1.254 dev eth0 proto 113 metric 48 src 10.244.1.0 mtu 1400`,
  ]);
});

test('where BIRD has a wider route, that one takes over', () => {
  assert.deepEqual(copiesBelow([birdRoute(SUBNET), birdRoute('10.244.0.0/20')]), []);
});

test('a path that is not in use has none', () => {
  assert.deepEqual(copiesBelow([]), []);
  assert.ok(STANDBY_METRIC > birdRoute(SUBNET).metric && OWN_METRIC < STANDBY_METRIC);
});
