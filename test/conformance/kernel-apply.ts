// Lists of ops: their order, their failures, their size; sysctls; and lookups.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../src/lib/errors.ts';
import { EMPTY_STATE } from '../../src/state/kernel-state.ts';
import { ALL, BY_UNDERLAY4, EVERYTHING, OWN4, summary, viaNexthop } from './everything.ts';
import type { OpenWorld } from './world.ts';
import {
  add,
  address,
  change,
  cidr,
  done,
  ip,
  link,
  mac,
  neighbour,
  nexthop,
  onVxlan,
  read,
  remove,
  route,
  routeTo,
  rule,
  SCOPE,
  sysctl,
  underlayAndVxlan,
  veth,
} from './world.ts';

const wrongGateway = { kind: 'gateway', link: 'eth0', onlink: false } as const;

export function kernelApply(open: OpenWorld): void {
  settingsAndLookups(open);
  amounts(open);
  refusals(open);
  test('an empty list of ops does nothing', async () => {
    using world = open();
    const before = read(world);
    assert.deepEqual(await world.kernel.apply([]), []);
    assert.deepEqual(read(world), before);
  });

  test('ops may name links that are made before them in the same list', async () => {
    using world = open();
    const pod = veth(world, 'poplin012345678', 0x21);
    await done(world, [
      add(link(pod)),
      add(address({ ...OWN4, link: pod.name, scope: 'link', protocol: 113 })),
      change(sysctl(`ipv4/conf/${pod.name}/proxy_arp`, '1')),
      add(route(routeTo('10.244.1.7/32', { kind: 'link', link: pod.name }))),
    ]);
    assert.deepEqual([...read(world).routes.keys()], ['254 10.244.1.7/32 16']);
  });
}

function refusals(open: OpenWorld): void {
  test('a failing op stops no other, and each failure names its op', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const bad = add(route(routeTo('10.1.0.0/24', { ...wrongGateway, gateway: ip('10.9.9.9') })));
    const missing = add(neighbour({ link: 'nolink', address: ip('10.1.1.1'), mac: mac(9) }));
    const refused = await world.kernel.apply([
      missing,
      bad,
      ...EVERYTHING.slice(0, 6),
      bad,
      ...EVERYTHING.slice(6),
    ]);
    assert.deepEqual(
      refused.map(({ op }) => op),
      [missing, bad, bad],
    );
    for (const { error } of refused) {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, 'NETLINK');
    }
    assert.deepEqual(summary(world), ALL);
  });

  test('removing what another protocol put in place of ours leaves it alone', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const ours = { ...BY_UNDERLAY4 };
    world.foreign(
      add(route({ ...routeTo('10.244.5.0/24', { kind: 'link', link: 'eth0' }), protocol: 4 })),
    );
    await done(world, [remove(route(ours))]);
    const theirs = world.kernel.read({ ...SCOPE, routeProtocol: 4 }).routes;
    assert.deepEqual([...theirs.keys()], ['254 10.244.5.0/24 16']);
  });
}

function amounts(open: OpenWorld): void {
  test('three thousand routes and their reach are added, read back and removed', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const peers = Array.from({ length: 3000 }, (_, index) => {
      const gateway = `10.${100 + (index >> 8)}.${index & 255}.0`;
      return { gateway: ip(gateway), destination: cidr(`${gateway}/24`) };
    });
    const ops = [
      ...peers.map(({ gateway }) => nexthop(onVxlan(gateway))),
      ...peers.map(({ gateway, destination }) => route(routeTo(destination, viaNexthop(gateway)))),
    ];
    await done(world, ops.map(add));
    const { routes, nexthops } = read(world);
    assert.deepEqual([routes.size, nexthops.size], [3000, 3000]);
    await done(world, ops.toReversed().map(remove));
    const after = read(world);
    assert.deepEqual([after.routes.size, after.nexthops.size], [0, 0]);
  });

  test('links can be read without anything else', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const { links } = read(world);
    const state = world.kernel.read({ ...SCOPE, linksOnly: true });
    assert.deepEqual(state, { ...EMPTY_STATE, links });
  });

  test('only rules of the asked priority are read', async () => {
    using world = open();
    const ours = { family: 'ipv4', priority: 113, mark: 1, markMask: 1, table: 113 } as const;
    await done(world, [add(rule(ours)), add(rule({ ...ours, priority: 114 }))]);
    assert.deepEqual([...read(world).rules.values()], [ours]);
  });

  test('the last of many ops right after a read says how it failed', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const good = Array.from({ length: 20 }, (_, index) =>
      neighbour({ link: 'eth0', address: ip(`192.168.1.${100 + index}`), mac: mac(index) }),
    );
    const bad = add(route(routeTo('10.1.0.0/24', { ...wrongGateway, gateway: ip('10.9.9.9') })));
    read(world);
    const refused = await world.kernel.apply([...good.map(add), bad]);
    assert.deepEqual(
      refused.map(({ op }) => op),
      [bad],
    );
    read(world);
    await done(world, good.map(remove));
  });
}

function settingsAndLookups(open: OpenWorld): void {
  test('sysctls are read where they are, and written', async () => {
    using world = open();
    await underlayAndVxlan(world);
    await done(world, [
      change(sysctl('ipv4/ip_forward', '1')),
      change(sysctl('ipv4/conf/all/rp_filter', '0')),
      change(sysctl('ipv4/conf/eth0/rp_filter', '2')),
      change(sysctl('ipv6/conf/eth0/accept_ra', '0')),
    ]);
    assert.deepEqual(
      read(world).sysctls,
      new Map([
        ['ipv4/ip_forward', '1'],
        ['ipv4/conf/all/rp_filter', '0'],
        ['ipv4/conf/eth0/rp_filter', '2'],
        ['ipv6/conf/eth0/accept_ra', '0'],
        ['ipv6/conf/all/forwarding', '0'],
      ]),
    );
  });

  test('a lookup tells local, onlink, gateway and unreachable destinations apart', async () => {
    using world = open();
    await underlayAndVxlan(world);
    await done(world, [
      ...EVERYTHING,
      add(route(routeTo('10.244.0.0/16', { kind: 'unreachable' }))),
    ]);
    const destinations = [
      '192.168.7.1',
      '192.168.7.9',
      '10.244.5.1',
      'fd00:3::7',
      '10.244.77.1',
      '8.8.8.8',
    ].map(ip);
    assert.deepEqual(
      world.kernel.lookUp(destinations),
      new Map<unknown, unknown>([
        ['192.168.7.1', { kind: 'local' }],
        ['192.168.7.9', { kind: 'onlink', link: 'eth0', source: '192.168.7.1' }],
        [
          '10.244.5.1',
          { kind: 'gateway', link: 'eth0', gateway: '192.168.7.2', source: '10.244.1.0' },
        ],
        [
          'fd00:3::7',
          { kind: 'gateway', link: 'poplin4-1', gateway: 'fd00:3::', source: 'fd00:1::' },
        ],
        ['10.244.77.1', { kind: 'unreachable' }],
        ['8.8.8.8', { kind: 'unreachable' }],
      ]),
    );
  });
}
