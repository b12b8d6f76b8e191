// A peer that says of no address where it is: for a while it can still be reached where it was.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Route } from '../../../src/state/kernel-state.ts';
import { keyOfRoute } from '../../../src/state/kernel-state.ts';
import { advertOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { localOf, NETWORK, run } from '../../fake/desired.ts';

const OVER_VXLAN = { kind: 'nexthop', link: 'poplin4-1', gateway: '10.244.2.0' as Ip } as const;
const BY_HOST_GW = { kind: 'nexthop', link: 'eth0', gateway: '192.168.1.2' as Ip } as const;

const configOfType = (type: string) => configOf({ ...NETWORK, Backend: { Type: type } });

function routeBy(via: Route['via']): ReadonlyMap<string, Route> {
  const destination = '10.244.2.0/24' as Cidr;
  const route: Route = { destination, table: 254, metric: 16, protocol: 113, via };
  return new Map([[keyOfRoute(route), route]]);
}

const textOf = (values: Iterable<object>): string => JSON.stringify([...values]);

const NOWHERE = advertOf(2, {
  underlay: [],
  families: ['ipv4'],
  receives: { vxlan: [], 'host-gw': [] },
});

test('a peer that has no address now is still sent to where it was, by host-gw', () => {
  const nodes = [nodeOf(1), nodeOf(2, { advert: NOWHERE })];
  const { paths, state } = run(
    configOfType('host-gw'),
    nodes,
    localOf({ routes: routeBy(BY_HOST_GW) }),
  );
  assert.equal(paths[0]?.used, 'host-gw');
  assert.match(paths[0].reason, /has no ipv4 underlay address; .*kept until another path works/);
  const routes = [...state.routes.values()];
  assert.ok(routes.some(({ via }) => textOf([via]) === textOf([BY_HOST_GW])));
});

test('it is not when somebody else says that he is there, or nothing was sent', () => {
  const other = nodeOf(3, { internalIps: ['192.168.1.2' as Ip] });
  for (const [nodes, via] of [
    [[nodeOf(1), nodeOf(2, { advert: NOWHERE }), other], BY_HOST_GW],
    [[nodeOf(1), nodeOf(2, { advert: NOWHERE })], OVER_VXLAN],
  ] as const) {
    const { paths } = run(configOfType('host-gw'), nodes, localOf({ routes: routeBy(via) }));
    assert.equal(paths[0]?.used, 'none');
  }
});
