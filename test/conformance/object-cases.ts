// One object of each kind and form, and what it can be changed into.

import type { Ip } from '../../src/net/ip.ts';
import type { IfbLink, RouteHop } from '../../src/state/kernel-state.ts';
import type { OpObject } from '../../src/state/op.ts';
import {
  address,
  fdb,
  ip,
  link,
  mac,
  neighbour,
  nexthop,
  onVxlan,
  qdisc,
  route,
  routeTo,
  rule,
  VXLAN,
} from './world.ts';

export type ObjectCase = {
  readonly sentence: string;
  readonly first: OpObject;
  /** The same key with other content; undefined when all of the object is its key. */
  readonly second?: OpObject;
  /** What must be there before. */
  readonly needs?: readonly OpObject[];
};

const GATEWAY4 = onVxlan('10.244.3.0');
const GATEWAY6 = onVxlan('fd00:3::');
const SUBNET4 = '10.244.3.0/24';
const SUBNET6 = 'fd00:3::/64';

const ADDRESS_CASES: readonly ObjectCase[] = [
  {
    sentence: 'an IPv4 address with a protocol',
    first: address({
      link: 'poplin4-1',
      address: ip('10.244.1.0'),
      lengthBits: 32,
      scope: 'global',
      protocol: 113,
    }),
    second: address({
      link: 'poplin4-1',
      address: ip('10.244.1.0'),
      lengthBits: 32,
      scope: 'global',
      protocol: 112,
    }),
  },
  {
    sentence: 'an IPv4 address whose scope changes',
    first: address({
      link: 'poplin4-1',
      address: ip('10.244.1.0'),
      lengthBits: 32,
      scope: 'global',
      protocol: 0,
    }),
    second: address({
      link: 'poplin4-1',
      address: ip('10.244.1.0'),
      lengthBits: 32,
      scope: 'link',
      protocol: 0,
    }),
  },
  {
    sentence: 'an IPv6 address',
    first: address({
      link: 'poplin4-1',
      address: ip('fd00:1::'),
      lengthBits: 128,
      scope: 'global',
      protocol: 113,
    }),
    second: address({
      link: 'poplin4-1',
      address: ip('fd00:1::'),
      lengthBits: 128,
      scope: 'global',
      protocol: 112,
    }),
  },
];

const REACH_CASES: readonly ObjectCase[] = [
  {
    sentence: 'an IPv4 neighbour',
    first: neighbour({ link: 'poplin4-1', address: ip('10.244.3.0'), mac: mac(0x33) }),
    second: neighbour({ link: 'poplin4-1', address: ip('10.244.3.0'), mac: mac(0x34) }),
  },
  {
    sentence: 'an IPv6 neighbour',
    first: neighbour({ link: 'poplin4-1', address: ip('fd00:3::'), mac: mac(0x33) }),
    second: neighbour({ link: 'poplin4-1', address: ip('fd00:3::'), mac: mac(0x34) }),
  },
  {
    sentence: 'an FDB entry',
    first: fdb({ link: 'poplin4-1', mac: mac(0x33), remote: ip('192.168.7.3') }),
    second: fdb({ link: 'poplin4-1', mac: mac(0x33), remote: ip('192.168.7.4') }),
  },
  {
    sentence: 'an IPv4 nexthop',
    first: nexthop(GATEWAY4),
  },
  {
    sentence: 'a nexthop that becomes onlink',
    first: nexthop({ link: 'eth0', gateway: ip('192.168.7.9'), onlink: false }),
    second: nexthop({ link: 'eth0', gateway: ip('192.168.7.9'), onlink: true }),
  },
  {
    sentence: 'an IPv6 nexthop',
    first: nexthop(GATEWAY6),
  },
  {
    sentence: 'a rule',
    first: rule({ family: 'ipv4', priority: 113, mark: 0x1000, markMask: 0x1000, table: 113 }),
  },
  {
    sentence: 'an IPv6 rule to a table with a large number',
    first: rule({ family: 'ipv6', priority: 113, mark: 1, markMask: 0xffffffff, table: 70_000 }),
  },
];

const EGRESS: IfbLink = {
  kind: 'ifb',
  name: 'poplini0000001',
  up: true,
  mtuBytes: 1500,
  mac: mac(0x41),
  group: 0,
  alias: '',
};
const BUCKET = { kind: 'rate', bytesPerSecond: 1_250_000, limitBytes: 98_304 } as const;

const QDISC_CASES: readonly ObjectCase[] = [
  {
    sentence: 'a link for what pods send',
    first: link(EGRESS),
    second: link({ ...EGRESS, alias: 'ns/pod', up: false }),
  },
  {
    sentence: 'a token bucket',
    first: qdisc({ ...BUCKET, link: 'poplin4-1', burstBytes: 40_000 }),
    second: qdisc({ ...BUCKET, link: 'poplin4-1', burstBytes: 80_000, limitBytes: 100_000 }),
  },
  {
    sentence: 'a token bucket of 64 Gbit/s',
    first: qdisc({
      ...BUCKET,
      link: 'poplin4-1',
      bytesPerSecond: 8_000_000_000,
      burstBytes: 80_000_000,
    }),
  },
  {
    sentence: 'a redirection',
    first: qdisc({ kind: 'redirect', link: 'poplin4-1', to: EGRESS.name }),
    second: qdisc({ kind: 'redirect', link: 'poplin4-1', to: 'eth0' }),
    needs: [link(EGRESS)],
  },
];

const hop = (gateway: Ip, weight = 1): RouteHop => ({
  ...{ link: 'eth0', gateway, onlink: false, weight },
});

const ROUTE_CASES: readonly ObjectCase[] = (['ipv4', 'ipv6'] as const).flatMap(
  (family): ObjectCase[] => {
    const isIpv6 = family === 'ipv6';
    const subnet = isIpv6 ? SUBNET6 : SUBNET4;
    const gateway = isIpv6 ? GATEWAY6 : GATEWAY4;
    const local = ip(isIpv6 ? 'fd07::1' : '192.168.7.1');
    const other = ip(isIpv6 ? 'fd07::2' : '192.168.7.2');
    const third = ip(isIpv6 ? 'fd07::3' : '192.168.7.3');
    const byNexthop = routeTo(subnet, { ...gateway, kind: 'nexthop' });
    const nexthopVia = { kind: 'nexthop', link: gateway.link, gateway: gateway.gateway } as const;
    const direct = { kind: 'gateway', link: 'eth0', gateway: other, onlink: false } as const;
    return [
      {
        sentence: `an ${family} route by a nexthop, which then leads to a gateway`,
        needs: [nexthop(gateway)],
        first: route({ ...byNexthop, via: nexthopVia, source: local, mtuBytes: 1350 }),
        second: route({ ...routeTo(subnet, direct), mtuBytes: 1400 }),
      },
      {
        sentence: `an ${family} route to a gateway, which then leads to a nexthop`,
        needs: [nexthop(gateway)],
        first: route({ ...routeTo(subnet, direct), source: local }),
        second: route({ ...byNexthop, via: nexthopVia }),
      },
      {
        sentence: `an ${family} route to an onlink gateway in a table with a large number`,
        first: route({
          ...routeTo(subnet, { ...gateway, kind: 'gateway', onlink: true }),
          table: 1_000_000,
          metric: 77,
        }),
      },
      {
        sentence: `an ${family} route to two gateways, of which one goes`,
        first: route(routeTo(subnet, { kind: 'multipath', hops: [hop(other), hop(third, 3)] })),
        second: route(routeTo(subnet, { ...direct, gateway: third })),
      },
      {
        sentence: `an ${family} route to a link`,
        first: route(routeTo(subnet, { kind: 'link', link: 'poplin4-1' })),
        second: route(routeTo(subnet, { kind: 'link', link: 'eth0' })),
      },
      {
        sentence: `an ${family} unreachable route, which then leads to a link`,
        first: route(routeTo(subnet, { kind: 'unreachable' })),
        second: route(routeTo(subnet, { kind: 'link', link: 'eth0' })),
      },
      {
        sentence: `an ${family} default route`,
        first: route(routeTo(isIpv6 ? '::/0' : '0.0.0.0/0', direct)),
        second: route(routeTo(isIpv6 ? '::/0' : '0.0.0.0/0', { kind: 'link', link: 'eth0' })),
      },
      {
        sentence: `an ${family} host route`,
        first: route(routeTo(isIpv6 ? 'fd00:3::7/128' : '10.244.3.7/32', direct)),
      },
    ];
  },
);

const LINK_CASES: readonly ObjectCase[] = [
  {
    sentence: 'a VXLAN device over IPv4, whose names and sizes change while it is up',
    first: link({ ...VXLAN, name: 'poplin4-2', vni: 2 }),
    second: link({
      ...VXLAN,
      name: 'poplin4-2',
      vni: 2,
      mtuBytes: 1300,
      alias: 'other',
      group: 5,
      mac: mac(0x77),
      up: false,
    }),
  },
  {
    sentence: 'a VXLAN device whose source address and learning change',
    first: link({ ...VXLAN, name: 'poplin4-2', vni: 2, alias: '' }),
    second: link({
      ...VXLAN,
      name: 'poplin4-2',
      vni: 2,
      alias: 'now with one',
      learning: true,
      local: ip('192.168.7.77'),
    }),
  },
  {
    sentence: 'a VXLAN device over IPv6',
    first: link({
      ...VXLAN,
      name: 'poplin6-2',
      vni: 2,
      local: ip('fd07::1'),
      mtuBytes: 1380,
      udpChecksum: true,
    }),
  },
  {
    sentence: 'a VXLAN device with GBP, without underlay, on a port of its own, down',
    first: link({
      ...VXLAN,
      name: 'poplin4-3',
      vni: 0xabcdef,
      portNumber: 4789,
      gbp: true,
      underlay: '',
      up: false,
      alias: '',
    }),
    second: link({
      ...VXLAN,
      name: 'poplin4-3',
      vni: 0xabcdef,
      portNumber: 4789,
      gbp: true,
      underlay: '',
      alias: 'ünïcode',
    }),
  },
];

export const OBJECT_CASES: readonly ObjectCase[] = [
  ...ADDRESS_CASES,
  ...REACH_CASES,
  ...QDISC_CASES,
  ...ROUTE_CASES,
  ...LINK_CASES,
];
