// The difference of two states: what is right yields nothing, what is wrong yields one op, what is
// not ours is never touched, and a remembered cluster never yields a removal.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import type { CompleteState } from '../../../src/state/diff.ts';
import { diff, diffAdditive } from '../../../src/state/diff.ts';
import type {
  Address,
  FdbEntry,
  KernelState,
  Link,
  Neighbour,
  Nexthop,
  Route,
} from '../../../src/state/kernel-state.ts';
import {
  EMPTY_STATE,
  keyOfAddress,
  keyOfFdbEntry,
  keyOfNeighbour,
  keyOfNexthop,
  keyOfRoute,
} from '../../../src/state/kernel-state.ts';
import { order } from '../../../src/state/order.ts';
import { ownedPart } from '../../../src/state/own.ts';
import { printOp } from '../../../src/state/print.ts';

type Parts = {
  links?: readonly Link[];
  addresses?: readonly Address[];
  nexthops?: readonly Nexthop[];
  routes?: readonly Route[];
  neighbours?: readonly Neighbour[];
  fdb?: readonly FdbEntry[];
  sysctls?: Readonly<Record<string, string>>;
  nftHash?: string;
  nodes4?: readonly string[];
};

const NETWORK = '10.244.0.0/16' as Cidr;

const VXLAN: Link = {
  kind: 'vxlan',
  name: 'poplin4-1',
  up: true,
  mtuBytes: 1450,
  mac: '02:00:00:00:00:01' as Mac,
  group: 0,
  alias: '',
  vni: 1,
  portNumber: 8472,
  local: '192.168.1.11' as Ip,
  underlay: 'eth0',
  learning: false,
  gbp: false,
  udpChecksum: false,
};
const ETH0: Link = { ...VXLAN, kind: 'other', name: 'eth0', driver: '' } as Link;
const NEXTHOP: Nexthop = { link: 'poplin4-1', gateway: '10.244.2.0' as Ip, onlink: true };
const ROUTE: Route = {
  destination: '10.244.2.0/24' as Cidr,
  table: 254,
  metric: 16,
  protocol: 113,
  via: { kind: 'nexthop', link: 'poplin4-1', gateway: '10.244.2.0' as Ip },
};
const NEIGHBOUR: Neighbour = {
  link: 'poplin4-1',
  address: '10.244.2.0' as Ip,
  mac: '02:00:00:00:00:02' as Mac,
};
const FDB: FdbEntry = {
  link: 'poplin4-1',
  mac: '02:00:00:00:00:02' as Mac,
  remote: '192.168.1.12' as Ip,
};
const SUBNET_ADDRESS: Address = {
  link: 'lo',
  address: '10.244.1.0' as Ip,
  lengthBits: 32,
  scope: 'global',
  protocol: 113,
};

const WHOLE: Parts = {
  links: [VXLAN],
  addresses: [SUBNET_ADDRESS],
  nexthops: [NEXTHOP],
  routes: [ROUTE],
  neighbours: [NEIGHBOUR],
  fdb: [FDB],
  sysctls: { 'ipv4/ip_forward': '1', 'ipv4/conf/poplin4-1/rp_filter': '0' },
  nftHash: 'aaaa',
  nodes4: ['192.168.1.11', '192.168.1.12'],
};

function stateOf(parts: Parts): KernelState {
  const keyed = <T>(values: readonly T[] | undefined, key: (value: T) => string): Map<string, T> =>
    new Map((values ?? []).map((value) => [key(value), value]));
  return {
    ...EMPTY_STATE,
    links: keyed(parts.links, ({ name }) => name),
    addresses: keyed(parts.addresses, keyOfAddress),
    nexthops: keyed(parts.nexthops, keyOfNexthop),
    routes: keyed(parts.routes, keyOfRoute),
    neighbours: keyed(parts.neighbours, keyOfNeighbour),
    fdb: keyed(parts.fdb, keyOfFdbEntry),
    sysctls: new Map(Object.entries(parts.sysctls ?? {})),
    nftSets: new Map(parts.nodes4 === undefined ? [] : [['nodes4', new Set(parts.nodes4)]]),
    ...(parts.nftHash === undefined ? {} : { nftTable: { hash: parts.nftHash, text: '' } }),
  };
}

const complete = (parts: Parts): CompleteState => ({ ...stateOf(parts), knowledge: 'complete' });

function check(desired: Parts, actual: Parts, expected: readonly string[]): void {
  const state = stateOf(actual);
  const ops = diff(complete(desired), state, ownedPart(state, [NETWORK]));
  assert.deepEqual(order(ops).map(printOp), expected);
}

test('an element of a map that leads elsewhere is changed, and not removed as well', () => {
  const withPorts = (...ports: readonly string[]): KernelState => ({
    ...EMPTY_STATE,
    nftSets: new Map([['hostports4', new Set(ports)]]),
  });
  const wanted = withPorts(
    'tcp . 1 : 10.0.0.1 . 1',
    'udp . 1 : 10.0.0.1 . 1',
    'tcp . 3 : 10.0.0.1 . 3',
  );
  const actual = withPorts(
    'tcp . 1 : 10.0.0.9 . 9',
    'udp . 1 : 10.0.0.1 . 1',
    'tcp . 2 : 10.0.0.2 . 2',
  );
  const desired = { ...wanted, knowledge: 'complete' } as const;
  const set = 'nft %s element inet poplin hostports4 { %s }';
  assert.deepEqual(
    order(diff(desired, actual, ownedPart(actual, []))).map(printOp),
    [
      ['change', 'tcp . 1 : 10.0.0.1 . 1'],
      ['add', 'tcp . 3 : 10.0.0.1 . 3'],
      ['remove', 'tcp . 2 : 10.0.0.2 . 2'],
    ].map(([verb = '', element = '']) => set.replace('%s', verb).replace('%s', element)),
  );
});

describe('the difference of desired and actual', () => {
  test('is empty when all is as it should be', () => check(WHOLE, WHOLE, []));

  test('of an empty kernel adds everything, filters first and reach last', () =>
    check(WHOLE, { sysctls: { 'ipv4/ip_forward': '0' } }, [
      'nft add table inet poplin aaaa',
      'nft add element inet poplin nodes4 { 192.168.1.11 }',
      'nft add element inet poplin nodes4 { 192.168.1.12 }',
      'link add poplin4-1 up mtu 1450 address 02:00:00:00:00:01 type vxlan id 1 local 192.168.1.11' +
        ' dstport 8472 dev eth0 nolearning noudpcsum',
      'sysctl change ipv4/ip_forward = 1',
      'sysctl change ipv4/conf/poplin4-1/rp_filter = 0',
      'address add 10.244.1.0/32 dev lo',
      'fdb add 02:00:00:00:00:02 dst 192.168.1.12 dev poplin4-1',
      'neighbour add 10.244.2.0 lladdr 02:00:00:00:00:02 dev poplin4-1',
      'nexthop add via 10.244.2.0 dev poplin4-1 onlink',
      'route add 10.244.2.0/24 nhvia 10.244.2.0 dev poplin4-1 proto 113 metric 16',
    ]));

  test('of a peer that went removes its objects, route first', () =>
    check({ ...WHOLE, nexthops: [], routes: [], neighbours: [], fdb: [] }, WHOLE, [
      'route remove 10.244.2.0/24 nhvia 10.244.2.0 dev poplin4-1 proto 113 metric 16',
      'nexthop remove via 10.244.2.0 dev poplin4-1 onlink',
      'neighbour remove 10.244.2.0 lladdr 02:00:00:00:00:02 dev poplin4-1',
      'fdb remove 02:00:00:00:00:02 dst 192.168.1.12 dev poplin4-1',
    ]));

  test('of a device that goes removes the device alone: the rest dies with it', () =>
    check({ addresses: [SUBNET_ADDRESS] }, { links: [VXLAN], ...WHOLE, nftHash: 'aaaa' }, [
      'link remove poplin4-1 up mtu 1450 address 02:00:00:00:00:01 type vxlan id 1' +
        ' local 192.168.1.11 dstport 8472 dev eth0 nolearning noudpcsum',
    ]));

  test('makes a device of another port anew, with all that is on it', () =>
    check(WHOLE, { ...WHOLE, links: [{ ...VXLAN, portNumber: 4789 } as Link] }, [
      'link remove poplin4-1 up mtu 1450 address 02:00:00:00:00:01 type vxlan id 1' +
        ' local 192.168.1.11 dstport 4789 dev eth0 nolearning noudpcsum',
      'link add poplin4-1 up mtu 1450 address 02:00:00:00:00:01 type vxlan id 1 local 192.168.1.11' +
        ' dstport 8472 dev eth0 nolearning noudpcsum',
      'sysctl change ipv4/conf/poplin4-1/rp_filter = 0',
      'fdb add 02:00:00:00:00:02 dst 192.168.1.12 dev poplin4-1',
      'neighbour add 10.244.2.0 lladdr 02:00:00:00:00:02 dev poplin4-1',
      'nexthop add via 10.244.2.0 dev poplin4-1 onlink',
      'route add 10.244.2.0/24 nhvia 10.244.2.0 dev poplin4-1 proto 113 metric 16',
    ]));

  const changes: [name: string, actual: Parts, op: string][] = [
    [
      'an MTU in place',
      { links: [{ ...VXLAN, mtuBytes: 1400 }] },
      'link change poplin4-1 up mtu 1450 address 02:00:00:00:00:01 type vxlan id 1' +
        ' local 192.168.1.11 dstport 8472 dev eth0 nolearning noudpcsum',
    ],
    [
      'a peer that moved to another underlay address',
      { fdb: [{ ...FDB, remote: '192.168.1.99' as Ip }] },
      'fdb change 02:00:00:00:00:02 dst 192.168.1.12 dev poplin4-1',
    ],
    [
      "a peer's VTEP address",
      { neighbours: [{ ...NEIGHBOUR, mac: '02:00:00:00:00:99' as Mac }] },
      'neighbour change 10.244.2.0 lladdr 02:00:00:00:00:02 dev poplin4-1',
    ],
    [
      'a route that goes elsewhere',
      { routes: [{ ...ROUTE, via: { kind: 'link', link: 'eth0' } }] },
      'route change 10.244.2.0/24 nhvia 10.244.2.0 dev poplin4-1 proto 113 metric 16',
    ],
    [
      'the preferred source of a route',
      { routes: [{ ...ROUTE, source: '192.168.1.11' as Ip }] },
      'route change 10.244.2.0/24 nhvia 10.244.2.0 dev poplin4-1 proto 113 metric 16',
    ],
    ['other rules in our table', { nftHash: '' }, 'nft change table inet poplin aaaa'],
    ['a sysctl', { sysctls: { 'ipv4/ip_forward': '0' } }, 'sysctl change ipv4/ip_forward = 1'],
  ];
  for (const [name, actual, op] of changes) {
    test(`changes ${name}`, () => check(WHOLE, { ...WHOLE, ...actual }, [op]));
  }

  test('leaves alone what is not ours', () =>
    check(
      {},
      {
        links: [ETH0],
        addresses: [
          { ...SUBNET_ADDRESS, link: 'eth0', address: '192.168.1.11' as Ip, protocol: 0 },
          { ...SUBNET_ADDRESS, address: '127.0.0.1' as Ip, lengthBits: 8, protocol: 0 },
          { ...SUBNET_ADDRESS, address: '172.16.0.1' as Ip, protocol: 0 },
        ],
        routes: [{ ...ROUTE, protocol: 4 }],
        neighbours: [{ ...NEIGHBOUR, link: 'eth0' }],
      },
      [],
    ));

  test('recognises the subnet address of before on a kernel without address protocols', () =>
    check({}, { addresses: [{ ...SUBNET_ADDRESS, protocol: 0 }] }, [
      'address remove 10.244.1.0/32 dev lo',
    ]));

  test("keeps the kernel's own link-local addresses on own links", () =>
    check(
      { links: [VXLAN] },
      {
        links: [VXLAN],
        addresses: [
          {
            link: 'poplin4-1',
            address: 'fe80::1' as Ip,
            lengthBits: 64,
            scope: 'link',
            protocol: 2,
          },
        ],
      },
      [],
    ));

  test('of a remembered cluster removes nothing', () => {
    const actual = stateOf({ ...WHOLE, links: [VXLAN, { ...VXLAN, name: 'poplin6-1' }] });
    const remembered = { ...stateOf({ links: [VXLAN] }), knowledge: 'remembered' } as const;
    assert.deepEqual(diffAdditive(remembered, actual), []);
    const otherPort = stateOf({ links: [{ ...VXLAN, portNumber: 4789 } as Link] });
    assert.deepEqual(diffAdditive(remembered, otherPort), []);
  });
});
