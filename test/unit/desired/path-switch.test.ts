// When a peer's path changes: not before a probe has come back over the new one, and with `auto`
// also when the one in use falls silent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Local } from '../../../src/desired/desired.ts';
import type { PathVerdict } from '../../../src/desired/paths.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Route, VxlanLink } from '../../../src/state/kernel-state.ts';
import { keyOfRoute } from '../../../src/state/kernel-state.ts';
import { advertOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { localOf, NETWORK, run } from '../../fake/desired.ts';

const OVER_VXLAN = { kind: 'nexthop', link: 'poplin4-1', gateway: '10.244.2.0' as Ip } as const;
const BY_HOST_GW = { kind: 'nexthop', link: 'eth0', gateway: '192.168.1.2' as Ip } as const;
const KEYS = {
  vxlan: 'uid-2 ipv4 poplin4-1 10.244.2.0',
  'host-gw': 'uid-2 ipv4 eth0 192.168.1.2',
};

const configOfType = (type: string, rest = {}) =>
  configOf({ ...NETWORK, Backend: { Type: type, ...rest } });

function routeBy(via: Route['via']): ReadonlyMap<string, Route> {
  const destination = '10.244.2.0/24' as Cidr;
  const route: Route = { destination, table: 254, metric: 16, protocol: 113, via };
  return new Map([[keyOfRoute(route), route]]);
}

const device = (name: string, changes: Partial<VxlanLink> = {}): VxlanLink => ({
  ...{ kind: 'vxlan', name, up: true, mtuBytes: 1450, group: 0, alias: '' },
  ...{ mac: '02:00:00:00:00:01' as VxlanLink['mac'], vni: 1, portNumber: 8472 },
  ...{ local: '192.168.1.1' as Ip, underlay: 'eth0', learning: false, gbp: false },
  udpChecksum: false,
  ...changes,
});

function decide(
  config: ReturnType<typeof configOf>,
  via: Route['via'] | undefined,
  verdicts: Readonly<Record<string, PathVerdict>> = {},
) {
  const { paths, probes, state } = run(
    config,
    [nodeOf(1), nodeOf(2)],
    localOf({
      routes: via === undefined ? new Map() : routeBy(via),
      vxlanDevices: [device('poplin4-1')],
      verdicts: new Map(Object.entries(verdicts)),
    }),
  );
  const [path] = paths;
  assert.ok(path !== undefined);
  const tested = [...state.routes.values()].filter(({ table }) => table === 113);
  // Any rule costs each packet a second look-up: it is there when it is needed.
  assert.equal(state.rules.size, tested.length === 0 ? 0 : 1);
  return { path, probes, tested };
}

test('the path in use stays until a probe has come back over the new one', () => {
  const before = decide(configOfType('host-gw'), OVER_VXLAN);
  assert.equal(before.path.used, 'vxlan');
  assert.equal(before.path.waitsFor, 'host-gw');
  assert.match(before.path.reason, /host-gw is being probed/);
  assert.deepEqual(
    before.tested.map(({ destination, via }) => ({ destination, via })),
    [{ destination: '10.244.2.0/32', via: BY_HOST_GW }],
  );
  const marked = before.probes.filter(({ isMarked }) => isMarked);
  assert.deepEqual(
    marked.map(({ key, destination, fullBytes }) => [key, destination, fullBytes]),
    [[KEYS['host-gw'], '10.244.2.0', 1500]],
  );

  const after = decide(configOfType('host-gw'), OVER_VXLAN, { [KEYS['host-gw']]: 'answers' });
  assert.equal(after.path.used, 'host-gw');
  assert.equal(after.path.waitsFor, undefined);
  assert.deepEqual(after.tested, []);
});

test('a probe that does not come back keeps the old path, in words', () => {
  const { path, tested } = decide(configOfType('vxlan'), BY_HOST_GW, { [KEYS.vxlan]: 'silent' });
  assert.equal(path.used, 'host-gw');
  assert.match(path.reason, /vxlan is prepared, but no probe comes back over it/);
  assert.equal(tested.length, 1);
});

test('with a backend that is asked for by name, a silent path in use stays', () => {
  const { path } = decide(configOfType('vxlan'), OVER_VXLAN, {
    [KEYS.vxlan]: 'silent',
    [KEYS['host-gw']]: 'answers',
  });
  assert.equal(path.used, 'vxlan');
});

test('auto begins by vxlan and goes over to host-gw when that answers', () => {
  const start = decide(configOfType('auto'), undefined);
  assert.equal(start.path.used, 'vxlan');
  assert.equal(start.path.waitsFor, 'host-gw');
  const later = decide(configOfType('auto'), OVER_VXLAN, { [KEYS['host-gw']]: 'answers' });
  assert.equal(later.path.used, 'host-gw');
  assert.equal(later.path.reason, '');
});

test('auto leaves a path that falls silent for one that answers, after having asked', () => {
  const silent = { [KEYS['host-gw']]: 'silent' } as const;
  const asking = decide(configOfType('auto'), BY_HOST_GW, silent);
  assert.equal(asking.path.used, 'host-gw');
  assert.deepEqual(
    asking.tested.map(({ via }) => via),
    [OVER_VXLAN],
  );
  const verdicts = { ...silent, [KEYS.vxlan]: 'answers' } as const;
  assert.equal(decide(configOfType('auto'), BY_HOST_GW, verdicts).path.used, 'vxlan');
});

const twoNetworks = advertOf(2, {
  receives: {
    vxlan: [42, 1].map((vni) => ({
      ...{ family: 'ipv4' as const, vni, port: 8472 },
      mac: '02:00:00:00:00:02' as VxlanLink['mac'],
    })),
    'host-gw': [],
  },
});

test('another VNI is prepared beside the old one, and both are received', () => {
  const local = localOf({ routes: routeBy(OVER_VXLAN), vxlanDevices: [device('poplin4-1')] });
  const config = configOfType('vxlan', { VNI: 42 });
  const nodes = [nodeOf(1), nodeOf(2, { advert: twoNetworks })];
  const { state, advert, paths } = run(config, nodes, local);
  assert.deepEqual([...state.links.keys()].sort(), ['poplin4-1', 'poplin4-2a']);
  assert.deepEqual(
    advert.receives.vxlan.map(({ vni }) => vni),
    [42, 1],
  );
  assert.deepEqual(advert.sendsVxlan, [{ vni: 1, port: 8472 }]);
  assert.equal(paths[0]?.waitsFor, 'vxlan');
});

test('an old network stays while a peer says that it sends by it', () => {
  const old = device('poplin4-1');
  const local = localOf({
    vxlanDevices: [old, device('poplin4-2a', { vni: 42 })],
    drainedLinks: new Set(['poplin4-1']),
  });
  const config = configOfType('vxlan', { VNI: 42 });
  const self = nodeOf(1, { advert: advertOf(1, { receives: { vxlan: [], 'host-gw': [] } }) });
  const sending = nodeOf(2, { advert: { ...twoNetworks, sendsVxlan: [{ vni: 1, port: 8472 }] } });
  assert.ok(run(config, [self, sending], local).state.links.has('poplin4-1'));
  const moved = nodeOf(2, { advert: { ...twoNetworks, sendsVxlan: [{ vni: 42, port: 8472 }] } });
  assert.ok(!run(config, [self, moved], local).state.links.has('poplin4-1'));
});

test('a device stays while peers still read of it, however long it has been of no use', () => {
  const old = device('poplin4-1');
  const drained = { vxlanDevices: [old], drainedLinks: new Set(['poplin4-1']) };
  const moved = nodeOf(2, { advert: { ...twoNetworks, sendsVxlan: [] } });
  const promising = (vni: number) => {
    const vxlan = [{ family: 'ipv4' as const, vni, port: 8472, mac: old.mac }];
    return nodeOf(1, { advert: advertOf(1, { receives: { vxlan, 'host-gw': [] } }) });
  };
  const config = configOfType('vxlan', { VNI: 42 });
  const still = run(config, [promising(1), moved], localOf(drained));
  assert.ok(still.state.links.has('poplin4-1'));
  assert.deepEqual(still.drainingLinks, []);
  const then = run(config, [promising(42), moved], localOf({ vxlanDevices: [old] }));
  assert.deepEqual(then.drainingLinks, ['poplin4-1']);
  assert.ok(!run(config, [promising(42), moved], localOf(drained)).state.links.has('poplin4-1'));
});

test('another port of the same VNI gets a device of its own, which keeps its name', () => {
  const config = configOfType('vxlan', { Port: 4789 });
  const nodes = [nodeOf(1), nodeOf(2)];
  const first = run(config, nodes, localOf({ vxlanDevices: [device('poplin4-1')] }));
  assert.ok(first.state.links.has('poplin4-1B'));
  const second = localOf({ vxlanDevices: [device('poplin4-1B', { portNumber: 4789 })] });
  assert.deepEqual([...run(config, nodes, second).state.links.keys()], ['poplin4-1B']);
});

const VTEP = '02:00:00:00:00:02' as VxlanLink['mac'];
const PEER = '192.168.1.2' as Ip;
const BEHIND_ROUTER: Local['lookups'] = new Map([
  [PEER, { kind: 'gateway', link: 'eth0', gateway: '192.168.1.254' as Ip }],
]);

/** What the kernel has for a path in use over the device of VNI 1. */
function inUse(via: Route['via'], remote = PEER) {
  const [link, gateway] = ['poplin4-1', OVER_VXLAN.gateway];
  return {
    routes: routeBy(via),
    vxlanDevices: [device(link)],
    neighbours: new Map([[`${link} ${gateway}`, { link, address: gateway, mac: VTEP }]]),
    fdb: new Map([[`${link} ${VTEP}`, { link, mac: VTEP, remote }]]),
  };
}

/** A peer that receives nothing but by the VXLAN network of another VNI, or by nothing at all. */
const withdrawn = (vnis: readonly number[] = []) =>
  advertOf(2, {
    receives: {
      vxlan: vnis.map((vni) => ({ family: 'ipv4' as const, vni, port: 8472, mac: VTEP })),
      'host-gw': [],
    },
  });

const textOf = (values: Iterable<object>): string => JSON.stringify([...values]);

test('a path that the peer does not receive by any more is kept, whole, while there is no other', () => {
  const nodes = [nodeOf(1), nodeOf(2, { advert: withdrawn([42]) })];
  const { paths, state, advert } = run(configOfType('vxlan'), nodes, localOf(inUse(OVER_VXLAN)));
  const [path] = paths;
  assert.equal(path?.used, 'vxlan');
  assert.match(path.reason, /receives VNI 42 on port 8472, not VNI 1 on port 8472; /);
  const kept = /node-2 no longer receives VNI 1 on port 8472; kept until another path works$/;
  assert.match(path.reason, kept);
  assert.ok(state.links.has('poplin4-1'));
  const route = [...state.routes.values()].find(({ destination }) => /^10.244.2/.test(destination));
  assert.deepEqual(route?.via, OVER_VXLAN);
  assert.match(textOf(state.nexthops.values()), /"gateway":"10.244.2.0"/);
  assert.match(
    textOf(state.neighbours.values()),
    /"address":"10.244.2.0","mac":"02:00:00:00:00:02"/,
  );
  assert.match(textOf(state.fdb.values()), /"mac":"02:00:00:00:00:02","remote":"192.168.1.2"/);
  // So that the peer keeps its device as well.
  assert.deepEqual(advert.sendsVxlan, [{ vni: 1, port: 8472 }]);
});

test('host-gw is kept like that, also to a peer that only Flannel speaks for', () => {
  const { paths } = run(
    configOfType('host-gw'),
    [nodeOf(1), nodeOf(2, { advert: withdrawn() })],
    localOf({ routes: routeBy(BY_HOST_GW) }),
  );
  assert.equal(paths[0]?.used, 'host-gw');
  assert.match(paths[0].reason, /node-2 no longer receives host-gw; kept until another path works/);
  const flannel = { backendType: 'host-gw', publicIps: [PEER], vxlan: [] };
  const { advert: _, ...spoken } = nodeOf(2, { flannel });
  const { paths: others } = run(
    configOfType('auto'),
    [nodeOf(1), spoken],
    localOf({ ...inUse(OVER_VXLAN), lookups: BEHIND_ROUTER }),
  );
  assert.equal(others[0]?.used, 'vxlan');
  assert.match(others[0].reason, /no longer receives VNI 1/);
});

test('what is kept is left at once for a path that the peer receives by', () => {
  const nodes = [nodeOf(1), nodeOf(2, { advert: withdrawn([42]) })];
  const config = configOfType('vxlan', { VNI: 42 });
  const { state, paths } = run(config, nodes, localOf(inUse(OVER_VXLAN)));
  assert.match(textOf(state.routes.values()), /"link":"poplin4-2a"/);
  assert.equal(paths[0]?.reason, '');
});

test('nothing is kept that leads elsewhere, or of which nobody knows where it leads', () => {
  const changes: readonly Partial<Local>[] = [
    inUse(OVER_VXLAN, '192.168.1.77' as Ip),
    { ...inUse(OVER_VXLAN), fdb: new Map() },
    { ...inUse(OVER_VXLAN), neighbours: new Map() },
    { ...inUse(OVER_VXLAN), routes: new Map() },
    { ...inUse(OVER_VXLAN), underlays: [] },
    inUse({ ...BY_HOST_GW, gateway: '192.168.1.77' as Ip }),
    { ...inUse(BY_HOST_GW), lookups: BEHIND_ROUTER },
  ];
  for (const change of changes) {
    const nodes = [nodeOf(1), nodeOf(2, { advert: withdrawn() })];
    const { paths, state } = run(configOfType('vxlan'), nodes, localOf(change));
    assert.equal(paths[0]?.used, 'none');
    assert.doesNotMatch(textOf(state.routes.values()), /10\.244\.2\./);
  }
  const { advert: _, ...silent } = nodeOf(2);
  const { paths } = run(configOfType('vxlan'), [nodeOf(1), silent], localOf(inUse(OVER_VXLAN)));
  assert.equal(paths[0]?.used, 'none');
});

test('the rule for probes comes with the first path that is tested, and stays', () => {
  const rulesBy = (local: Partial<Local>, type = 'host-gw') =>
    [
      ...run(
        configOfType(type),
        [nodeOf(1), nodeOf(2)],
        localOf({ routes: routeBy(OVER_VXLAN), vxlanDevices: [device('poplin4-1')], ...local }),
      ).state.rules.values(),
    ].map(({ family, priority, mark, table }) => ({ family, priority, mark, table }));
  const rule = { family: 'ipv4', priority: 113, mark: 0x1000, table: 113 };
  assert.deepEqual(rulesBy({}, 'vxlan'), []);
  assert.deepEqual(rulesBy({}), [rule]);
  assert.deepEqual(rulesBy({ probeRules: new Set(['ipv4']) }, 'vxlan'), [rule]);
  assert.deepEqual(rulesBy({ probeRules: new Set(['ipv6']) }, 'vxlan'), []);
});
