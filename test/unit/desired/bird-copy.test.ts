// When BIRD's route to a peer is gone and the copy of it leads on: it is the path in use, and left
// for another one that answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Local } from '../../../src/desired/desired.ts';
import type { PathVerdict } from '../../../src/desired/paths.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Route } from '../../../src/state/kernel-state.ts';
import { keyOfRoute } from '../../../src/state/kernel-state.ts';
import { MAIN_TABLE, OWN_METRIC, PROBE_TABLE, STANDBY_METRIC } from '../../../src/state/own.ts';
import { birdRoute, birdRoutes, speakerOf } from '../../fake/bird-routes.ts';
import { configOf, nodeOf } from '../../fake/cluster.ts';
import { localOf, NETWORK, run } from '../../fake/desired.ts';

const SUBNET = '10.244.2.0/24';
const OVER_VXLAN = 'uid-2 ipv4 poplin4-1 10.244.2.0';
const GATEWAY = { kind: 'gateway', link: 'eth0', onlink: true } as const;
const COPY: Route = {
  ...birdRoute(SUBNET, { ...GATEWAY, gateway: '192.168.1.254' as Ip }),
  ...{ metric: STANDBY_METRIC, protocol: 113 },
};

type Given = Partial<Local> & {
  readonly type?: string;
  readonly learned?: readonly Route[];
  readonly vxlan?: PathVerdict;
};

/** Of a node whose kernel has the copy. */
function decide({ type = 'bgp', learned = [], vxlan, ...rest }: Given) {
  const local = localOf({
    ...{ birdRoutes: birdRoutes(learned), bird: { isConfirmed: true } },
    routes: new Map([[keyOfRoute(COPY), COPY]]),
    verdicts: new Map(vxlan === undefined ? [] : [[OVER_VXLAN, vxlan]]),
    ...rest,
  });
  const config = configOf({ ...NETWORK, Backend: { Type: type } });
  const { paths, state } = run(config, [nodeOf(1), speakerOf(2)], local);
  const [path] = paths;
  assert.ok(path !== undefined);
  const routes = [...state.routes.values()].filter(({ via }) => via.kind !== 'unreachable');
  const to = (table: number, metric: number): string[] =>
    routes.flatMap((route) =>
      route.table === table && route.metric === metric ? [route.destination] : [],
    );
  return {
    ...{ used: path.used, reason: path.reason },
    copies: to(MAIN_TABLE, STANDBY_METRIC),
    own: to(MAIN_TABLE, OWN_METRIC),
    tested: to(PROBE_TABLE, OWN_METRIC),
  };
}

for (const type of ['bgp', 'vxlan', 'auto']) {
  test(`with Type ${type} the copy leads on until VXLAN has answered`, () => {
    const { reason, ...before } = decide({ type });
    const tested = ['10.244.2.0/32'];
    assert.deepEqual(before, { used: 'bgp', copies: [SUBNET], own: [], tested });
    assert.match(reason, /BIRD's route to 10\.244\.2\.0\/24 is gone/);
    const silent = decide({ type, vxlan: 'silent' });
    assert.deepEqual([silent.used, silent.copies, silent.own], ['bgp', [SUBNET], []]);
    const after = decide({ type, vxlan: 'answers' });
    assert.deepEqual([after.used, after.copies, after.own], ['vxlan', [], [SUBNET]]);
  });
}

test("a copy of what led to another node of before is nobody's path", () => {
  const { used, copies } = decide({ birdPeers: new Set(['node-3 ipv4']) });
  assert.deepEqual([used, copies], ['vxlan', []]);
});

test('a route of BIRD that leads nowhere is above the copy', () => {
  assert.equal(decide({ learned: [birdRoute(SUBNET, { kind: 'unreachable' })] }).used, 'vxlan');
});

test('a route of BIRD that is back counts, as ever', () => {
  const { used, reason, copies } = decide({ learned: [birdRoute(SUBNET)] });
  assert.deepEqual([used, reason, copies], ['bgp', '', [SUBNET]]);
});
