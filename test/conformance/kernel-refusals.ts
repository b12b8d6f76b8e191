// What the kernel refuses, in its own words, and that nothing is changed then.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Op } from '../../src/state/op.ts';
import {
  BY_UNDERLAY4,
  BY_UNDERLAY6,
  EVERYTHING,
  OWN4,
  readSteady,
  viaNexthop,
} from './everything.ts';
import type { KernelWorld, OpenWorld } from './world.ts';
import {
  add,
  address,
  change,
  done,
  failures,
  fdb,
  ip,
  link,
  mac,
  neighbour,
  nexthop,
  remove,
  route,
  routeTo,
  sysctl,
  underlayAndVxlan,
  VXLAN,
} from './world.ts';

const wrongGateway = { kind: 'gateway', link: 'eth0', onlink: false } as const;

type Refusal = { readonly sentence: string; readonly op: Op; readonly message: RegExp };

const REFUSALS: readonly Refusal[] = [
  {
    sentence: 'an IPv4 gateway that no address of the link reaches',
    op: add(route(routeTo('10.1.0.0/24', { ...wrongGateway, gateway: ip('10.9.9.9') }))),
    message: /^add route 10\.1\.0\.0\/24 .*: ENETUNREACH: Nexthop has invalid gateway$/,
  },
  {
    sentence: 'an IPv6 gateway that no address of the link reaches',
    op: add(route(routeTo('fd11::/64', { ...wrongGateway, gateway: ip('fd99::9') }))),
    message: /^add route fd11::\/64 .*: EHOSTUNREACH/,
  },
  {
    sentence: 'an IPv4 preferred source that is no address of the machine',
    op: add(route({ ...BY_UNDERLAY4, source: ip('10.9.9.9') })),
    message: /EINVAL: Invalid prefsrc address$/,
  },
  {
    sentence: 'an IPv6 preferred source that is no address of the machine',
    op: add(route({ ...BY_UNDERLAY6, source: ip('fd99::9') })),
    message: /EINVAL: Invalid source address$/,
  },
  {
    sentence: 'a nexthop whose gateway is not reached',
    op: add(nexthop({ link: 'eth0', gateway: ip('10.9.9.9'), onlink: false })),
    message: /^add nexthop eth0 10\.9\.9\.9: ENETUNREACH: Nexthop has invalid gateway$/,
  },
  {
    sentence: 'a route by a nexthop that is not there',
    op: add(route(routeTo('10.244.9.0/24', viaNexthop('10.244.9.0')))),
    message: /ENODEV: there is no nexthop poplin4-1 10\.244\.9\.0$/,
  },
  {
    sentence: 'a route to a link that is not there',
    op: add(route(routeTo('10.244.9.0/24', { kind: 'link', link: 'nolink' }))),
    message: /ENODEV: there is no link nolink$/,
  },
  {
    sentence: 'an address on a link that is not there',
    op: add(address({ ...OWN4, link: 'nolink', scope: 'global', protocol: 0 })),
    message: /^add address nolink 10\.244\.1\.0\/32: ENODEV: there is no link nolink$/,
  },
  {
    sentence: 'a change of a link that is not there',
    op: change(link({ ...VXLAN, name: 'nolink' })),
    message: /^change link nolink: ENODEV/,
  },
  {
    sentence: 'a VXLAN device on an underlay that is not there',
    op: add(link({ ...VXLAN, name: 'poplin4-2', vni: 2, underlay: 'nolink' })),
    message: /ENODEV: there is no link nolink$/,
  },
  {
    sentence: 'a second VXLAN device of the same VNI and port',
    op: add(link({ ...VXLAN, name: 'poplin4-2' })),
    message: /^add link poplin4-2: EEXIST: A VXLAN device with the specified VNI already exists$/,
  },
  {
    sentence: 'a VXLAN device that shares its port with one of another GBP setting',
    op: add(link({ ...VXLAN, name: 'poplin4-2', vni: 2, gbp: true })),
    message: /^add link poplin4-2: EADDRINUSE/,
  },
  {
    sentence: 'a VNI that is too large',
    op: add(link({ ...VXLAN, name: 'poplin4-2', vni: 0x1000000 })),
    message: /ERANGE: VXLAN ID must be lower than 16777216$/,
  },
  {
    sentence: 'a name of sixteen bytes',
    op: add(link({ ...VXLAN, name: 'poplin4-12345678', vni: 2 })),
    message: /^add link poplin4-12345678: ERANGE/,
  },
  {
    sentence: 'another VNI for an existing device',
    op: change(link({ ...VXLAN, vni: 9 })),
    message: /EOPNOTSUPP: Cannot change VNI$/,
  },
  {
    sentence: 'another port for an existing device',
    op: change(link({ ...VXLAN, portNumber: 9 })),
    message: /EOPNOTSUPP: Cannot change port$/,
  },
  {
    sentence: 'another checksum setting for an existing device',
    op: change(link({ ...VXLAN, udpChecksum: true })),
    message: /EOPNOTSUPP: Cannot change UDP_CSUM flag$/,
  },
  {
    sentence: 'a VXLAN MTU that the underlay has no room for',
    op: change(link({ ...VXLAN, mtuBytes: 1451 })),
    message: /^change link poplin4-1: EINVAL/,
  },
  {
    sentence: 'the removal of the loopback',
    op: remove(link({ ...VXLAN, name: 'lo' })),
    message: /^remove link lo: EOPNOTSUPP/,
  },
  {
    sentence: 'a sysctl of a link that is not there',
    op: change(sysctl('ipv4/conf/nolink/rp_filter', '0')),
    message: /ENODEV: there is no link nolink$/,
  },
  {
    sentence: 'a sysctl that does not exist',
    op: change(sysctl('ipv4/no_such_setting', '0')),
    message: /^set sysctl ipv4\/no_such_setting to 0: cannot write/,
  },
];

const OCCUPIED: readonly Refusal[] = [
  {
    sentence: 'a neighbour with another MAC',
    op: add(neighbour({ link: 'poplin4-1', address: ip('10.244.3.0'), mac: mac(0x99) })),
    message: /EEXIST/,
  },
  {
    sentence: 'an FDB entry with another remote',
    op: add(fdb({ link: 'poplin4-1', mac: mac(0x33), remote: ip('192.168.7.99') })),
    message: /EEXIST/,
  },
  {
    sentence: 'a route that leads elsewhere',
    op: add(route(routeTo('10.244.4.0/24', { kind: 'unreachable' }))),
    message: /EEXIST/,
  },
  {
    sentence: 'an IPv6 route that leads elsewhere',
    op: add(route(routeTo('fd00:5::/64', { kind: 'unreachable' }))),
    message: /EEXIST/,
  },
  {
    sentence: 'a route of another protocol',
    op: add(route({ ...BY_UNDERLAY4, source: OWN4.address, protocol: 112 })),
    message: /EEXIST/,
  },
  {
    sentence: 'a link with another MTU',
    op: add(link({ ...VXLAN, mtuBytes: 1300 })),
    message: /^add link poplin4-1: EEXIST/,
  },
  {
    sentence: 'an address with another protocol',
    op: add(address({ ...OWN4, scope: 'global', protocol: 99 })),
    message: /EEXIST/,
  },
];

export function kernelRefusals(open: OpenWorld): void {
  for (const { sentence, op, message } of REFUSALS) {
    test(`refused: ${sentence}`, async () => {
      using world = open();
      await underlayAndVxlan(world);
      await refused(world, op, message);
    });
  }

  for (const { sentence, op, message } of OCCUPIED) {
    test(`not added in another's place: ${sentence}`, async () => {
      using world = open();
      await underlayAndVxlan(world);
      await done(world, EVERYTHING);
      await refused(world, op, message);
    });
  }
}

async function refused(world: KernelWorld, op: Op, message: RegExp): Promise<void> {
  const before = readSteady(world);
  const texts = await failures(world, [op]);
  assert.equal(texts.length, 1);
  assert.match(texts[0] ?? '', message);
  assert.deepEqual(readSteady(world), before);
}
