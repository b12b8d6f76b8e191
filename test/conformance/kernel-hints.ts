// Hints: what others change is told, what we change ourselves is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hint } from '../../src/kernel/kernel.ts';
import { EMPTY_STATE } from '../../src/state/kernel-state.ts';
import type { Op } from '../../src/state/op.ts';
import type { OpenWorld } from './world.ts';
import {
  add,
  address,
  change,
  done,
  element,
  fdb,
  ip,
  link,
  listen,
  mac,
  neighbour,
  nexthop,
  onVxlan,
  qdisc,
  read,
  remove,
  route,
  routeTo,
  rule,
  SCOPE,
  sysctl,
  table,
  underlayAndVxlan,
  VXLAN,
  veth,
} from './world.ts';

const NFT = table(
  'a1',
  `table inet poplin {
  set pods {
    type ipv4_addr
  }
  chain c {
    ip saddr @pods accept comment "poplin a1 1/1"
  }
}`,
);
const GATEWAY4 = onVxlan('10.244.3.0');
const GATEWAY6 = onVxlan('fd00:3::');
const OBJECTS = {
  table: NFT,
  element: element('pods', '10.244.1.5'),
  address4: address({
    link: 'poplin4-1',
    address: ip('10.244.1.0'),
    lengthBits: 32,
    scope: 'global',
    protocol: 113,
  }),
  address6: address({
    link: 'poplin4-1',
    address: ip('fd00:1::'),
    lengthBits: 128,
    scope: 'global',
    protocol: 113,
  }),
  loopback: address({
    link: 'lo',
    address: ip('10.244.1.0'),
    lengthBits: 32,
    scope: 'global',
    protocol: 113,
  }),
  neighbour4: neighbour({ link: 'poplin4-1', address: ip('10.244.3.0'), mac: mac(0x33) }),
  neighbour6: neighbour({ link: 'poplin4-1', address: ip('fd00:3::'), mac: mac(0x33) }),
  fdb: fdb({ link: 'poplin4-1', mac: mac(0x33), remote: ip('192.168.7.3') }),
  nexthop4: nexthop(GATEWAY4),
  nexthop6: nexthop(GATEWAY6),
  route4: route(routeTo('10.244.3.0/24', { ...viaNexthop('10.244.3.0') })),
  route6: route(routeTo('fd00:3::/64', { ...viaNexthop('fd00:3::') })),
  rule4: rule({ family: 'ipv4', priority: 113, mark: 0x1000, markMask: 0x1000, table: 113 }),
  bucket: qdisc({
    kind: 'rate',
    link: 'poplin4-1',
    bytesPerSecond: 1_250_000,
    burstBytes: 40_000,
    limitBytes: 98_304,
  }),
  redirect: qdisc({ kind: 'redirect', link: 'poplin4-1', to: 'eth0' }),
  rule6: rule({ family: 'ipv6', priority: 113, mark: 0x1000, markMask: 0x1000, table: 113 }),
} as const;

const FORWARDING = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map((path) =>
  change(sysctl(path, '1')),
);

function viaNexthop(gateway: string): {
  kind: 'nexthop';
  link: string;
  gateway: ReturnType<typeof ip>;
} {
  return { kind: 'nexthop', link: 'poplin4-1', gateway: ip(gateway) };
}

type Case = { readonly sentence: string; readonly op: Op; readonly hint: Hint };

const FOREIGN: readonly Case[] = [
  { sentence: 'a route is removed', op: remove(OBJECTS.route4), hint: 'route' },
  { sentence: 'an IPv6 route is removed', op: remove(OBJECTS.route6), hint: 'route' },
  {
    sentence: 'a route is put in place of ours',
    op: change(route({ ...routeTo('10.244.3.0/24', { kind: 'link', link: 'eth0' }), protocol: 4 })),
    hint: 'route',
  },
  { sentence: 'a neighbour is removed', op: remove(OBJECTS.neighbour4), hint: 'neighbour' },
  { sentence: 'an IPv6 neighbour is removed', op: remove(OBJECTS.neighbour6), hint: 'neighbour' },
  { sentence: 'an FDB entry is removed', op: remove(OBJECTS.fdb), hint: 'neighbour' },
  {
    sentence: 'an FDB entry leads elsewhere',
    op: change(fdb({ link: 'poplin4-1', mac: mac(0x33), remote: ip('192.168.7.99') })),
    hint: 'neighbour',
  },
  { sentence: 'an address is removed', op: remove(OBJECTS.address4), hint: 'address' },
  { sentence: 'an IPv6 address is removed', op: remove(OBJECTS.address6), hint: 'address' },
  { sentence: 'a rule is removed', op: remove(OBJECTS.rule4), hint: 'rule' },
  { sentence: 'an IPv6 rule is removed', op: remove(OBJECTS.rule6), hint: 'rule' },
  { sentence: 'a token bucket is removed', op: remove(OBJECTS.bucket), hint: 'qdisc' },
  { sentence: 'a redirection is removed', op: remove(OBJECTS.redirect), hint: 'qdisc' },
  { sentence: 'the nexthops are removed', op: remove(OBJECTS.nexthop4), hint: 'nexthop' },
  { sentence: 'a link is removed', op: remove(link(VXLAN)), hint: 'link' },
  {
    sentence: 'a link gets another MTU',
    op: change(link({ ...VXLAN, mtuBytes: 1300 })),
    hint: 'link',
  },
  { sentence: 'a link is set down', op: change(link({ ...VXLAN, up: false })), hint: 'link' },
  {
    sentence: 'a link gets another Ethernet address',
    op: change(link({ ...VXLAN, mac: mac(0x99) })),
    hint: 'link',
  },
  {
    sentence: 'a neighbour gets another Ethernet address',
    op: change(neighbour({ link: 'poplin4-1', address: ip('10.244.3.0'), mac: mac(0x99) })),
    hint: 'neighbour',
  },
  {
    sentence: 'a route of ours leads elsewhere',
    op: change(route(routeTo('10.244.3.0/24', { kind: 'link', link: 'eth0' }))),
    hint: 'route',
  },
  {
    sentence: 'the address of the subnet is removed from lo',
    op: remove(OBJECTS.loopback),
    hint: 'address',
  },
  {
    sentence: 'rp_filter of a link is made strict',
    op: change(sysctl('ipv4/conf/eth0/rp_filter', '1')),
    hint: 'sysctl',
  },
  {
    sentence: 'rp_filter of all links is made strict',
    op: change(sysctl('ipv4/conf/all/rp_filter', '1')),
    hint: 'sysctl',
  },
  {
    sentence: 'forwarding is set off',
    op: change(sysctl('ipv4/ip_forward', '0')),
    hint: 'sysctl',
  },
  {
    sentence: 'IPv6 forwarding is set off',
    op: change(sysctl('ipv6/conf/all/forwarding', '0')),
    hint: 'sysctl',
  },
  { sentence: 'our table is removed', op: remove(NFT), hint: 'nft' },
  { sentence: 'an element is removed', op: remove(OBJECTS.element), hint: 'nft' },
];

export function kernelHints(open: OpenWorld): void {
  silence(open);
  looksAside(open);
  for (const { sentence, op, hint } of FOREIGN) {
    test(`${hint}: ${sentence} by somebody else`, async () => {
      using world = open();
      await underlayAndVxlan(world);
      await done(world, Object.values(OBJECTS).map(add));
      await done(world, FORWARDING);
      read(world);
      const watch = listen(world);
      try {
        world.foreign(op);
        await watch.until(hint);
      } finally {
        watch.stop();
      }
    });
  }
}

function looksAside(open: OpenWorld): void {
  test('a look aside does not change of what hints come', async () => {
    using world = open();
    await underlayAndVxlan(world);
    await done(world, Object.values(OBJECTS).map(add));
    const watch = listen(world);
    try {
      read(world);
      world.kernel.read({ ...SCOPE, ownsLink: (name) => name === 'lo', aside: true });
      world.foreign(remove(OBJECTS.neighbour4));
      await watch.until('neighbour');
    } finally {
      watch.stop();
    }
  });

  test('a look at the links alone sees them and nothing else', async () => {
    using world = open();
    await underlayAndVxlan(world);
    await done(world, Object.values(OBJECTS).map(add));
    const { links } = read(world);
    const seen = world.kernel.read({ ...SCOPE, linksOnly: true, aside: true });
    assert.deepEqual(seen, { ...EMPTY_STATE, links });
  });
}

function silence(open: OpenWorld): void {
  test('none: what we add, change and remove ourselves', async () => {
    using world = open();
    read(world);
    const watch = listen(world);
    try {
      await underlayAndVxlan(world);
      await done(world, Object.values(OBJECTS).map(add));
      await done(world, [
        change(neighbour({ link: 'poplin4-1', address: ip('10.244.3.0'), mac: mac(0x34) })),
        change(fdb({ link: 'poplin4-1', mac: mac(0x33), remote: ip('192.168.7.4') })),
        change(route(routeTo('10.244.3.0/24', { kind: 'unreachable' }))),
        change(route(routeTo('fd00:3::/64', { kind: 'unreachable' }))),
        change(link({ ...VXLAN, mtuBytes: 1300, alias: 'other', group: 7 })),
        change(sysctl('ipv4/conf/poplin4-1/rp_filter', '2')),
        ...FORWARDING,
        change(sysctl('ipv4/conf/all/rp_filter', '2')),
        add(link(veth(world, 'poplin012345678', 0x41))),
        remove(link(veth(world, 'poplin012345678', 0x41))),
      ]);
      assert.deepEqual(await watch.quiet(), [], 'after adding and changing');
      await done(world, Object.values(OBJECTS).toReversed().map(remove));
      assert.deepEqual(await watch.quiet(), [], 'after removing');
      await done(world, [...Object.values(OBJECTS).map(add), remove(link(VXLAN))]);
      assert.deepEqual(await watch.quiet(), [], 'after removing a link with all that is on it');
    } finally {
      watch.stop();
    }
  });

  test('none: neighbours of links that are not ours', async () => {
    using world = open();
    await underlayAndVxlan(world);
    await done(world, [add(link({ ...VXLAN, name: 'foreign0', vni: 9 }))]);
    read(world);
    const watch = listen(world);
    try {
      world.foreign(add(neighbour({ link: 'foreign0', address: ip('10.9.9.9'), mac: mac(9) })));
      assert.deepEqual(await watch.quiet(), []);
    } finally {
      watch.stop();
    }
  });

  test('nothing is told after the stop, and watching can begin again', async () => {
    using world = open();
    await underlayAndVxlan(world);
    await done(world, Object.values(OBJECTS).map(add));
    const first = listen(world);
    first.stop();
    world.foreign(remove(OBJECTS.route4));
    assert.deepEqual(await first.quiet(), []);
    const second = listen(world);
    try {
      world.foreign(remove(OBJECTS.route6));
      await second.until('route');
    } finally {
      second.stop();
    }
  });
}
