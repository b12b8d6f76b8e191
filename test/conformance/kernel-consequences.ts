// What dies with what, and what stays.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Op } from '../../src/state/op.ts';
import { ALL, EVERYTHING, GATEWAY4, GATEWAY6, OWN4, OWN6, summary } from './everything.ts';
import type { OpenWorld } from './world.ts';
import {
  address,
  change,
  done,
  link,
  mac,
  nexthop,
  remove,
  UNDERLAY_ADDRESSES,
  underlayAndVxlan,
  VXLAN,
} from './world.ts';

type Consequence = {
  readonly sentence: string;
  readonly ops: readonly Op[];
  readonly left: Partial<typeof ALL>;
};

const CONSEQUENCES: readonly Consequence[] = [
  {
    sentence: 'what is on a link dies with it',
    ops: [remove(link(VXLAN))],
    left: {
      links: ['eth0', 'lo'],
      addresses: ['eth0 192.168.7.1/24', 'eth0 fd07::1/64'],
      neighbours: [],
      fdb: [],
      nexthops: [],
      // IPv4 routes die with their preferred source; IPv6 ones keep it when its link goes.
      routes: ['fd00:5::/64 fd00:1::'],
    },
  },
  {
    sentence: 'a VXLAN device dies with its underlay link',
    ops: [remove(link({ ...VXLAN, name: 'eth0' }))],
    left: { links: ['lo'], addresses: [], neighbours: [], fdb: [], nexthops: [], routes: [] },
  },
  {
    sentence: 'a link that is set down keeps its IPv4 addresses and FDB entries and nothing else',
    ops: [change(link({ ...VXLAN, up: false }))],
    left: {
      addresses: ['eth0 192.168.7.1/24', 'eth0 fd07::1/64', 'poplin4-1 10.244.1.0/32'],
      neighbours: [],
      nexthops: [],
      routes: ['10.244.5.0/24 10.244.1.0', 'fd00:5::/64 fd00:1::'],
    },
  },
  {
    sentence: 'setting a link down and up again brings back nothing',
    ops: [change(link({ ...VXLAN, up: false })), change(link(VXLAN))],
    left: {
      addresses: ['eth0 192.168.7.1/24', 'eth0 fd07::1/64', 'poplin4-1 10.244.1.0/32'],
      neighbours: [],
      nexthops: [],
      routes: ['10.244.5.0/24 10.244.1.0', 'fd00:5::/64 fd00:1::'],
    },
  },
  {
    sentence: 'a new MAC flushes the neighbours of a link',
    ops: [change(link({ ...VXLAN, mac: mac(0x99) }))],
    left: { neighbours: [] },
  },
  {
    sentence: 'the routes of a nexthop die with it',
    ops: [remove(nexthop(GATEWAY4)), remove(nexthop(GATEWAY6))],
    left: {
      nexthops: [],
      routes: ['10.244.4.0/24 -', '10.244.5.0/24 10.244.1.0', 'fd00:5::/64 fd00:1::'],
    },
  },
  {
    sentence: 'the last IPv4 address of a link takes its IPv4 routes and neighbours along',
    ops: [remove(address({ ...OWN4, scope: 'global', protocol: 113 }))],
    left: {
      addresses: ['eth0 192.168.7.1/24', 'eth0 fd07::1/64', 'poplin4-1 fd00:1::/128'],
      neighbours: ['poplin4-1 fd00:3::'],
      routes: ['fd00:3::/64 fd00:1::', 'fd00:5::/64 fd00:1::'],
    },
  },
  {
    sentence: 'an IPv6 address takes no route along, but stops being the source of plain ones',
    ops: [remove(address({ ...OWN6, scope: 'global', protocol: 113 }))],
    left: {
      addresses: ['eth0 192.168.7.1/24', 'eth0 fd07::1/64', 'poplin4-1 10.244.1.0/32'],
      routes: [
        '10.244.3.0/24 10.244.1.0',
        '10.244.4.0/24 -',
        '10.244.5.0/24 10.244.1.0',
        'fd00:3::/64 fd00:1::',
        'fd00:5::/64 -',
      ],
    },
  },
  {
    sentence: 'routes through the underlay: IPv4 ones die with its last address, IPv6 ones stay',
    ops: UNDERLAY_ADDRESSES.map((value) => remove(address(value))),
    left: {
      addresses: ['poplin4-1 10.244.1.0/32', 'poplin4-1 fd00:1::/128'],
      routes: [
        '10.244.3.0/24 10.244.1.0',
        '10.244.4.0/24 -',
        'fd00:3::/64 fd00:1::',
        'fd00:5::/64 fd00:1::',
      ],
    },
  },
];

export function kernelConsequences(open: OpenWorld): void {
  for (const { sentence, ops, left } of CONSEQUENCES) {
    test(sentence, async () => {
      using world = open();
      await underlayAndVxlan(world);
      await done(world, EVERYTHING);
      assert.deepEqual(summary(world), ALL);
      await done(world, ops);
      assert.deepEqual(summary(world), { ...ALL, ...left });
    });
  }
}
