// What bgp promises and offers: a promise while BIRD works by a confirmed configuration, an offer
// where the kernel has a route of BIRD's that leads somewhere.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LocalNode } from '../../../src/backend/backend.ts';
import { bgp } from '../../../src/backend/bgp.ts';
import { birdRouteTo } from '../../../src/backend/bird-routes.ts';
import { parseAdvert, renderAdvert } from '../../../src/cluster/advert.ts';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import { reachOf, receivedBy } from '../../../src/cluster/reach.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { RouteVia } from '../../../src/state/kernel-state.ts';
import { BY_ROUTER, birdRoute, birdRoutes, speakerOf } from '../../fake/bird-routes.ts';
import { nodeOf } from '../../fake/cluster.ts';
import { localOf, V4 } from '../../fake/desired.ts';

const settings = { type: 'bgp' } as const;
const CONFIRMED = { isConfirmed: true } as const;
const V6 = { ...V4, family: 'ipv6', address: 'fd01::1' as Ip } as const;

const receivesOf = (changes: Partial<LocalNode>) =>
  bgp.receive({ settings, local: localOf(changes) }).receives.bgp;

describe('bgp is promised', () => {
  test('in each family of the underlay, once the configuration holds', () => {
    const underlays = [V4, V6];
    assert.deepEqual(receivesOf({ bird: CONFIRMED, underlays }), [
      { family: 'ipv4' },
      { family: 'ipv6' },
    ]);
    const withAs = { isConfirmed: true, as: 64_512 } as const;
    assert.deepEqual(receivesOf({ bird: withAs }), [{ family: 'ipv4', as: 64_512 }]);
  });

  test('by nobody without BIRD, without its word, or behind a translation', () => {
    const publicAddress = '203.0.113.7' as Ip;
    assert.equal(receivesOf({}), undefined);
    assert.equal(receivesOf({ bird: { isConfirmed: false } }), undefined);
    assert.equal(receivesOf({ bird: CONFIRMED, underlays: [{ ...V4, publicAddress }] }), undefined);
  });

  test('in the advert, which older nodes read as well', () => {
    const { advert } = speakerOf(2);
    assert.ok(advert !== undefined);
    const parsed = parseAdvert(renderAdvert({ ...advert, sends: ['bgp', 'vxlan'] }));
    assert.equal(parsed.kind, 'ok');
    if (parsed.kind !== 'ok') return;
    assert.deepEqual(parsed.advert.receives.bgp, [{ family: 'ipv4' }]);
    assert.deepEqual(parsed.advert.sends, ['bgp', 'vxlan']);
    assert.deepEqual(receivedBy(reachOf(speakerOf(2)), 'ipv4'), ['vxlan', 'host-gw', 'bgp']);
    const without = nodeOf(2).advert;
    assert.ok(without !== undefined && !renderAdvert(without).includes('bgp'));
  });
});

const TWO_HOPS: RouteVia = {
  kind: 'multipath',
  hops: ['192.168.1.253', '192.168.1.254'].map((gateway) => ({
    ...{ link: 'eth0', gateway: gateway as Ip, onlink: false, weight: 1 },
  })),
};

type Case = {
  readonly name: string;
  readonly via?: RouteVia;
  readonly destination?: string;
  readonly peer?: ClusterNode;
  /** Undefined: it is usable. */
  readonly reason?: RegExp;
};

const cases: readonly Case[] = [
  { name: 'by a router', via: BY_ROUTER },
  { name: 'by two routers', via: TWO_HOPS },
  { name: 'by the link itself', via: { kind: 'link', link: 'eth1' } },
  { name: 'by a route to several subnets', destination: '10.244.0.0/20' },
  {
    ...{ name: 'by nothing', destination: '10.244.7.0/24' },
    reason: /BIRD has no route to 10\.244\.2\.0\/24 of node-2/,
  },
  {
    ...{ name: 'by an unreachable route', via: { kind: 'unreachable' } },
    reason: /BIRD's route to 10\.244\.2\.0\/24 of node-2 leads nowhere/,
  },
  {
    ...{ name: 'by a blackhole', via: { kind: 'link', link: '' } },
    reason: /leads nowhere/,
  },
  { name: 'by a default route', destination: '0.0.0.0/0', reason: /no BIRD of this node/ },
  { name: 'without its promise', peer: nodeOf(2), reason: /node-2 does not receive bgp over ipv4/ },
];

describe('a peer is offered', () => {
  for (const { name, via, destination = '10.244.2.0/24', peer = speakerOf(2), reason } of cases) {
    test(name, () => {
      const local = localOf({ birdRoutes: birdRoutes([birdRoute(destination, via)]) });
      const { subnets } = peer;
      const target = { peer, reach: reachOf(peer), family: 'ipv4', subnets } as const;
      const offer = bgp.offer({ settings, local }, { ...target, underlayAddress: undefined });
      assert.equal(offer.kind, reason === undefined ? 'usable' : 'unusable');
      if (offer.kind === 'unusable') assert.match(offer.reason, reason ?? /$^/);
    });
  }
});

test('of several routes the longest prefix counts, an IPv6 one as well', () => {
  const exact = birdRoute('fd00:10:244:2::/64', { kind: 'unreachable' });
  const wide = birdRoute('fd00:10:244::/56');
  const wider = birdRoute('fd00:10:244::/48');
  const routes = birdRoutes([wider, exact, wide]);
  const to = (subnet: string) => birdRouteTo(routes, subnet as Cidr)?.destination;
  assert.equal(to('fd00:10:244:2::/64'), exact.destination);
  assert.equal(to('fd00:10:244:3::/64'), wide.destination);
  assert.equal(to('fd00:10:244:1000::/64'), wider.destination);
  assert.equal(to('fd00:10:245::/64'), undefined);
  assert.deepEqual(routes.links, ['eth0']);
});
