// Whether packets to a peer go by BIRD's route: begun only after a probe, seen where it is so in
// the kernel, left for another path where it cannot work.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import type { Local } from '../../../src/desired/desired.ts';
import type { PathVerdict } from '../../../src/desired/paths.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Route } from '../../../src/state/kernel-state.ts';
import { keyOfRoute } from '../../../src/state/kernel-state.ts';
import { STANDBY_METRIC } from '../../../src/state/own.ts';
import { BY_ROUTER, birdRoute, birdRoutes, speakerOf } from '../../fake/bird-routes.ts';
import { configOf, nodeOf } from '../../fake/cluster.ts';
import { localOf, NETWORK, run } from '../../fake/desired.ts';

const OVER_VXLAN = { kind: 'nexthop', link: 'poplin4-1', gateway: '10.244.2.0' as Ip } as const;
const KEYS = {
  vxlan: 'uid-2 ipv4 poplin4-1 10.244.2.0',
  bgp: 'uid-2 ipv4 bgp via 192.168.1.254 dev eth0',
};
const FURTHER = '10.244.9.0/24';

const configOfType = (Type: string, rest = {}) =>
  configOf({ ...NETWORK, Backend: { Type, ...rest } });

const routesTo = (subnets: readonly string[]): ReadonlyMap<string, Route> =>
  new Map(
    subnets.map((destination) => {
      const rest = { table: 254, metric: 16, protocol: 113, via: OVER_VXLAN };
      const route: Route = { destination: destination as Cidr, ...rest };
      return [keyOfRoute(route), route];
    }),
  );

type Given = Partial<Local> & {
  readonly type?: string;
  readonly peer?: ClusterNode;
  /** BIRD's. */
  readonly learned?: readonly Route[];
  /** Subnets to which a route of ours leads over VXLAN. */
  readonly own?: readonly string[];
  readonly said?: Readonly<Record<string, PathVerdict>>;
};

function decide(given: Given) {
  const { type = 'bgp', peer = speakerOf(2), learned, own = [], said = {}, ...rest } = given;
  const local = localOf({
    birdRoutes: birdRoutes(learned ?? [birdRoute('10.244.2.0/24')]),
    bird: { isConfirmed: true },
    routes: routesTo(own),
    verdicts: new Map(Object.entries(said)),
    ...rest,
  });
  const computed = run(configOfType(type), [nodeOf(1), peer], local);
  const { paths, probes, state, advert, smallPlainMtus } = computed;
  const [path] = paths;
  assert.ok(path !== undefined);
  const isPath = ({ via, metric }: Route) =>
    via.kind !== 'unreachable' && metric !== STANDBY_METRIC;
  const routes = [...state.routes.values()].filter(isPath);
  const to = (table: number): string[] =>
    routes.flatMap((route) => (route.table === table ? [route.destination] : []));
  const small = Object.fromEntries(smallPlainMtus);
  return { path, probes, routes, advert, state, small, main: to(254), tested: to(113) };
}

const WHOLE = ['10.244.2.0/24'];

describe('with Type bgp', () => {
  test('a probe over a copy of its route comes first, and then ours goes', () => {
    const before = decide({ own: WHOLE });
    assert.equal(before.path.used, 'vxlan');
    assert.equal(before.path.waitsFor, 'bgp');
    assert.deepEqual(before.main, WHOLE);
    const [probe] = before.routes.filter(({ table }) => table === 113);
    assert.deepEqual(probe?.via, BY_ROUTER);
    assert.deepEqual(
      before.probes.map(({ key, isMarked, fullBytes }) => [key, isMarked, fullBytes]),
      [
        [KEYS.vxlan, false, 1450],
        [KEYS.bgp, true, 1500],
      ],
    );

    const after = decide({ own: WHOLE, said: { [KEYS.bgp]: 'answers' } });
    assert.equal(after.path.used, 'bgp');
    assert.equal(after.path.reason, '');
    assert.deepEqual([after.main, after.tested], [[], []]);
    assert.deepEqual(after.advert.sends, ['bgp']);
    assert.deepEqual(after.advert.sendsVxlan, []);
    assert.equal(after.state.fdb.size, 0);
  });

  test('where no route of ours is, packets go by BIRD, whatever its peer says now', () => {
    for (const peer of [speakerOf(2), nodeOf(2)]) {
      const { path, main, probes } = decide({ peer });
      assert.equal(path.used, 'bgp');
      assert.deepEqual(main, []);
      assert.deepEqual(
        probes.map(({ path: by, isMarked }) => [by, isMarked]),
        [['bgp', false]],
      );
    }
  });

  test('a route that BIRD has just learned is tried before it is used', () => {
    const { path, main, tested } = decide({ birdPeers: new Set(['node-3 ipv4']) });
    assert.equal(path.used, 'vxlan');
    assert.equal(path.waitsFor, 'bgp');
    assert.deepEqual([main, tested], [WHOLE, ['10.244.2.0/32']]);
    assert.equal(decide({ birdPeers: new Set(['node-2 ipv4']) }).path.used, 'bgp');
  });

  test('when its route goes, VXLAN comes in the same pass, with all that it needs', () => {
    const { path, main, state } = decide({ learned: [] });
    assert.equal(path.used, 'vxlan');
    assert.match(path.reason, /BIRD has no route to 10\.244\.2\.0\/24 of node-2/);
    assert.deepEqual(main, WHOLE);
    assert.deepEqual([state.fdb.size, state.neighbours.size, state.nexthops.size], [1, 1, 1]);
  });

  test('a route that leads nowhere counts for none', () => {
    const learned = [birdRoute('10.244.2.0/24', { kind: 'unreachable' })];
    const { path, main } = decide({ learned });
    assert.equal(path.used, 'vxlan');
    assert.match(path.reason, /leads nowhere/);
    assert.deepEqual(main, WHOLE);
  });

  test('a route to many subnets says nothing of a peer that has promised nothing', () => {
    const learned = [birdRoute('10.244.0.0/20')];
    assert.equal(decide({ learned, peer: nodeOf(2) }).path.used, 'vxlan');
    assert.equal(decide({ learned }).path.used, 'bgp');
  });

  test('without a BIRD it is VXLAN, and says so', () => {
    const { path } = decide({ bird: undefined, learned: [], own: WHOLE });
    assert.equal(path.used, 'vxlan');
    assert.match(path.reason, /no BIRD of this node works by a confirmed configuration/);
  });

  test('a path that falls silent is left for one that answers, and taken again', () => {
    const silent = { [KEYS.bgp]: 'silent' } as const;
    const asking = decide({ said: silent });
    assert.equal(asking.path.used, 'bgp');
    assert.deepEqual(asking.tested, ['10.244.2.0/32']);
    const left = decide({ said: { ...silent, [KEYS.vxlan]: 'answers' } });
    assert.equal(left.path.used, 'vxlan');
    assert.equal(decide({ own: WHOLE, said: silent }).path.waitsFor, 'bgp');
    const said = { [KEYS.bgp]: 'answers', [KEYS.vxlan]: 'answers' } as const;
    assert.equal(decide({ own: WHOLE, said }).path.used, 'bgp');
  });

  test('where no probe has ever come back over any path, each is used in turn', () => {
    const silent = new Map(Object.values(KEYS).map((key) => [key, 'silent' as const]));
    const verdicts = { get: (key: string) => silent.get(key), has: () => true };
    const stuck = { ...verdicts, isHopeless: () => true };
    const peerByTwo = speakerOf(2, {
      receives: { vxlan: nodeOf(2).advert?.receives.vxlan ?? [], 'host-gw': [] },
    });
    const given = { peer: peerByTwo, said: {} };
    assert.equal(decide({ ...given, verdicts }).path.used, 'bgp');
    assert.equal(decide({ ...given, verdicts: stuck }).path.used, 'vxlan');
    assert.equal(decide({ ...given, own: WHOLE, verdicts: stuck }).path.used, 'bgp');
    assert.equal(decide({ ...given, type: 'vxlan', verdicts: stuck }).path.used, 'vxlan');
    assert.equal(
      decide({ ...given, type: 'vxlan', own: WHOLE, verdicts: stuck }).path.used,
      'vxlan',
    );
  });

  test('another way of BIRD is another path: what was said of the first does not count', () => {
    const learned = [
      birdRoute('10.244.2.0/24', {
        ...BY_ROUTER,
        kind: 'gateway',
        link: 'eth1',
        gateway: '192.168.9.1' as Ip,
        onlink: false,
      }),
    ];
    const { path } = decide({ learned, own: WHOLE, said: { [KEYS.bgp]: 'answers' } });
    assert.equal(path.used, 'vxlan');
    assert.equal(path.waitsFor, 'bgp');
  });
});

describe('of several subnets', () => {
  const peer = speakerOf(2, {}, { subnets: ['10.244.2.0/24', FURTHER] as Cidr[] });

  test('none is left to BIRD before it has a route to each', () => {
    const said = { [KEYS.bgp]: 'answers' } as const;
    const { path, main } = decide({ peer, own: ['10.244.2.0/24', FURTHER], said });
    assert.equal(path.used, 'vxlan');
    assert.match(path.reason, /BIRD has no route to 10\.244\.9\.0\/24 of node-2/);
    assert.deepEqual(main, ['10.244.2.0/24', FURTHER]);
  });

  test('one that BIRD has not heard of yet is sent to beside it', () => {
    const { path, main, advert } = decide({ peer });
    assert.equal(path.used, 'bgp');
    assert.match(path.reason, /BIRD has no route to 10\.244\.9\.0\/24, where vxlan leads/);
    assert.deepEqual(main, [FURTHER]);
    assert.deepEqual(advert.sends, ['bgp', 'vxlan']);
    assert.deepEqual(advert.sendsVxlan, [{ vni: 1, port: 8472 }]);
    const heard = [birdRoute('10.244.2.0/24'), birdRoute(FURTHER)];
    const later = decide({ peer, own: [FURTHER], learned: heard });
    assert.deepEqual([later.path.used, later.main], ['bgp', []]);
  });
});

describe('what a peer takes', () => {
  test('is never exceeded by a route that has no bound', () => {
    const small = speakerOf(2, { receiveMtuBytes: 1400 });
    const answers = { [KEYS.bgp]: 'answers' } as const;
    const { path, routes, tested } = decide({ peer: small, own: WHOLE, said: answers });
    assert.equal(path.used, 'vxlan');
    assert.match(path.reason, /node-2 takes packets of 1400 bytes over ipv4, and by bgp/);
    assert.equal(routes[0]?.mtuBytes, 1350);
    assert.deepEqual(tested, []);
    // Where it is in use already, another must have answered before.
    const before = decide({ peer: small, said: answers });
    assert.deepEqual([before.path.used, before.tested], ['bgp', ['10.244.2.0/32']]);
    assert.match(before.path.reason, /takes packets of 1400 bytes/);
    const both = { ...answers, [KEYS.vxlan]: 'answers' } as const;
    assert.equal(decide({ peer: small, said: both }).path.used, 'vxlan');
    // BIRD's own route may have one.
    const learned = [birdRoute('10.244.2.0/24', BY_ROUTER, { mtuBytes: 1400 })];
    assert.equal(decide({ peer: small, learned }).path.used, 'bgp');
  });

  test('is what BIRD is to bound its route by, and then bgp is begun', () => {
    const peer = speakerOf(2, { receiveMtuBytes: 1400 });
    assert.deepEqual(decide({ peer, own: WHOLE }).small, { 'node-2 ipv4': 1400 });
    assert.deepEqual(decide({ own: WHOLE }).small, {});
    const learned = [birdRoute('10.244.2.0/24', BY_ROUTER, { mtuBytes: 1400 })];
    const said = { [KEYS.bgp]: 'answers' } as const;
    const { path, main } = decide({ peer, own: WHOLE, learned, said });
    assert.deepEqual([path.used, path.mtu, main], ['bgp', undefined, []]);
  });

  test('as found by probes bounds it too, and goes on to be probed for', () => {
    const learned = [birdRoute('10.244.2.0/24', BY_ROUTER, { mtuBytes: 1300 })];
    const found = { foundBytes: 1300, believedBytes: 1500 };
    const underlayMtus = new Map([['uid-2 ipv4', 1300]]);
    const now = decide({ underlayMtus, learned, said: { [KEYS.bgp]: 'answers' } });
    // The next agent finds it in the kernel.
    for (const { path, probes, small } of [now, decide({ learned, takesOver: true })]) {
      assert.deepEqual([path.used, path.mtu], ['bgp', found]);
      assert.deepEqual([probes[0]?.fullBytes, probes[0]?.foundBytes], [1500, 1300]);
      assert.deepEqual(small, { 'node-2 ipv4': 1300 });
    }
    const { path } = decide({ underlayMtus, said: { [KEYS.vxlan]: 'answers' } });
    assert.equal(path.used, 'vxlan');
    assert.match(path.reason, /takes packets of 1300 bytes/);
  });

  test('is exceeded rather than that nothing is sent at all', () => {
    const peer = speakerOf(2, {
      receiveMtuBytes: 1400,
      receives: { vxlan: [], 'host-gw': [], bgp: [{ family: 'ipv4' }] },
    });
    const { path, main } = decide({ peer });
    assert.equal(path.used, 'bgp');
    assert.match(path.reason, /takes packets of 1400 bytes/);
    assert.deepEqual(main, []);
  });
});

describe('with another Type', () => {
  for (const type of ['vxlan', 'host-gw', 'auto']) {
    test(`${type}: what BIRD carries stays until a probe has come back`, () => {
      const { path, main } = decide({ type });
      assert.equal(path.used, 'bgp');
      assert.equal(path.waitsFor, type === 'vxlan' ? 'vxlan' : 'host-gw');
      assert.deepEqual(main, []);
      const said = { [KEYS.vxlan]: 'answers', 'uid-2 ipv4 eth0 192.168.1.2': 'answers' } as const;
      assert.deepEqual(decide({ type, said }).main, WHOLE);
    });

    test(`${type}: nothing is begun by BIRD`, () => {
      const { path, tested } = decide({ type, own: WHOLE, said: { [KEYS.vxlan]: 'silent' } });
      assert.notEqual(path.used, 'bgp');
      assert.notEqual(path.waitsFor, 'bgp');
      assert.ok(tested.length === 0 || type !== 'vxlan');
    });
  }
});

test('filters of links that BIRD leads over are not strict', () => {
  const learned = [birdRoute('10.244.2.0/24', { kind: 'link', link: 'eth1' })];
  const sysctls = new Map([
    ['ipv4/conf/all/rp_filter', '0'],
    ['ipv4/conf/eth1/rp_filter', '1'],
  ]);
  const { state } = decide({ learned, sysctls });
  assert.equal(state.sysctls.get('ipv4/conf/eth1/rp_filter'), '2');
});
