// The whole wanted state of a node: as golden text for each backend and family, and what must not
// happen when a peer's data is bad.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Underlay } from '../../../src/backend/backend.ts';
import type { Advert } from '../../../src/cluster/advert.ts';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import type { Desired } from '../../../src/desired/desired.ts';
import type { Attachment } from '../../../src/endpoint/attachment.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import { printState } from '../../../src/state/print.ts';
import { advertOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { localOf, NETWORK, run, V4 } from '../../fake/desired.ts';
import { checkGolden } from '../../golden/golden.ts';

const V6: Underlay = { family: 'ipv6', link: 'eth0', address: 'fd01::1' as Ip, mtuBytes: 1500 };

const POD: Attachment = {
  network: 'poplin',
  containerId: 'c1',
  ifName: 'eth0',
  netns: '/run/netns/pod',
  netnsInode: 1,
  hostLink: 'poplin0a1b2c3d4',
  hostMac: '02:00:00:00:01:01' as Mac,
  podMac: '02:00:00:00:01:02' as Mac,
  addresses: ['10.244.1.5' as Ip],
  linkMtuBytes: 1500,
  routeMtuBytes: 1450,
  portMappings: [
    { protocol: 'tcp', hostPort: 8080, containerPort: 80 },
    { protocol: 'sctp', hostPort: 132, containerPort: 132, hostIp: '192.168.1.11' as Ip },
    { protocol: 'udp', hostPort: 53, containerPort: 53, hostIp: '::' as Ip },
  ],
  pod: { namespace: 'default', name: 'web' },
  createdAt: '2026-01-01T00:00:00Z',
};

/** The state without the nftables hash, which changes with every word of the rules. */
const textOf = ({ state }: Desired): string =>
  printState(state).replace(/^nft table inet poplin .*$/m, 'nft table inet poplin HASH');

const DUAL = { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd00::/48' };
const dualNode = (number: number): ClusterNode =>
  nodeOf(number, {
    subnets: [`10.244.${number}.0/24` as Cidr, `fd00:0:0:${number}::/64` as Cidr],
    internalIps: [`192.168.1.${number}` as Ip, `fd01::${number}` as Ip],
  });

const sender = (number: number, changes: Partial<Advert>): ClusterNode =>
  nodeOf(number, { advert: advertOf(number, changes) });

const receivesVni4096 = (number: number): Advert['receives'] => {
  const mac = `02:00:00:00:10:0${number}` as Mac;
  return { vxlan: [{ family: 'ipv4', vni: 4096, port: 4789, mac }], 'host-gw': [] };
};

describe('the wanted state is the golden text', () => {
  test('of vxlan with a pod', () =>
    checkGolden(
      'desired/vxlan.txt',
      textOf(run(configOf(NETWORK), undefined, localOf({ attachments: [POD] }))),
    ));

  test('of host-gw', () =>
    checkGolden(
      'desired/host-gw.txt',
      textOf(
        run(
          configOf({ ...NETWORK, Backend: { Type: 'host-gw' } }),
          [1, 2, 3].map((number) => sender(number, { sends: ['host-gw'] })),
        ),
      ),
    ));

  test('of vxlan for both families, with kernel routes instead of nexthop objects', () =>
    checkGolden(
      'desired/dual-without-nexthops.txt',
      textOf(
        run(
          configOf(DUAL),
          [1, 2, 3].map(dualNode),
          localOf({ underlays: [V4, V6], hasNexthopObjects: false }),
        ),
      ),
    ));

  test('of vxlan with every option', () =>
    checkGolden(
      'desired/vxlan-options.txt',
      textOf(
        run(
          configOf({
            ...NETWORK,
            Backend: { Type: 'vxlan', VNI: 4096, Port: 4789, MTU: 1400, GBP: true, Learning: true },
          }),
          [1, 2, 3].map((number) => sender(number, { receives: receivesVni4096(number) })),
        ),
      ),
    ));
});

test('the IPv6 state is the IPv4 state in other words', () => {
  const v6Node = (number: number): ClusterNode =>
    nodeOf(number, {
      subnets: [`fd00:0:0:${number}::/64` as Cidr],
      internalIps: [`fd01::${number}` as Ip],
    });
  const v6 = run(
    configOf({ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00::/48' }),
    [1, 2, 3].map(v6Node),
    localOf({ underlays: [V6] }),
  );
  const v4 = run(configOf(NETWORK));
  const count = ({ state }: Desired): Record<string, number> => ({
    links: state.links.size,
    addresses: state.addresses.size,
    nexthops: state.nexthops.size,
    routes: state.routes.size,
    neighbours: state.neighbours.size,
    fdb: state.fdb.size,
  });
  assert.deepEqual(count(v6), count(v4));
  assert.equal([...v6.state.links.values()][0]?.mtuBytes, 1430);
  assert.deepEqual(
    v6.paths.map(({ used }) => used),
    ['vxlan', 'vxlan'],
  );
});

describe('a peer with bad data is left out alone', () => {
  const cases: [name: string, peer: ClusterNode][] = [
    ['without an advert', without(nodeOf(2), 'advert')],
    ['without a subnet', nodeOf(2, { subnets: [] })],
    ['with a subnet outside of the network', nodeOf(2, { subnets: ['10.9.0.0/24' as Cidr] })],
    ['with the subnet of an older node', nodeOf(2, { subnets: ['10.244.1.0/24' as Cidr] })],
    [
      'with an advert without underlay',
      nodeOf(2, { advert: advertOf(2, { underlay: [], receives: { vxlan: [], 'host-gw': [] } }) }),
    ],
  ];
  for (const [name, peer] of cases) {
    test(name, () => {
      const { state, paths } = run(configOf(NETWORK), [nodeOf(1), peer, nodeOf(3)]);
      const routes = [...state.routes.values()].map(({ destination }) => destination).sort();
      assert.deepEqual(routes, ['10.244.1.0/24', '10.244.3.0/24']);
      assert.equal(paths.find(({ peer: other }) => other === 'node-3')?.used, 'vxlan');
    });
  }
});

test('a node without a subnet has no objects but its device and filters', () => {
  const { state, ownSubnets } = run(configOf(NETWORK), [nodeOf(1, { subnets: [] }), nodeOf(2)]);
  assert.deepEqual(ownSubnets, []);
  assert.equal(state.addresses.size, 0);
  assert.deepEqual([...state.links.keys()], ['poplin4-1']);
});

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = value;
  return rest;
}
