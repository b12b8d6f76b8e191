// The whole wanted state of a node: as golden text for each backend and family, and what must not
// happen when a peer's data is bad.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Underlay } from '../../../src/backend/backend.ts';
import type { Advert } from '../../../src/cluster/advert.ts';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import type { Config } from '../../../src/config/config.ts';
import type { Desired, Local } from '../../../src/desired/desired.ts';
import { desired } from '../../../src/desired/desired.ts';
import type { Attachment } from '../../../src/endpoint/attachment.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import { printState } from '../../../src/state/print.ts';
import type { RouteLookup } from '../../../src/state/route-lookup.ts';
import { advertOf, clusterOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { checkGolden } from '../../golden/golden.ts';

const V4: Underlay = {
  family: 'ipv4',
  link: 'eth0',
  address: '192.168.1.1' as Ip,
  mtuBytes: 1500,
};
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
  pod: { namespace: 'default', name: 'web' },
  createdAt: '2026-01-01T00:00:00Z',
};

const ONLINK: RouteLookup = { kind: 'onlink', link: 'eth0' };

function localOf(changes: Partial<Local> = {}): Local {
  return {
    name: 'node-1',
    machine: 'machine-1',
    subnets: ['10.244.1.0/24' as Cidr],
    underlays: [V4],
    lookups: new Map(
      ['192.168.1.2', '192.168.1.3', 'fd01::2', 'fd01::3'].map((ip) => [ip as Ip, ONLINK]),
    ),
    hasNexthopObjects: true,
    attachments: [],
    vxlanDevices: [],
    drainedLinks: new Set(),
    sysctls: new Map(),
    ...changes,
  };
}

const run = (
  config: Config,
  nodes: readonly ClusterNode[] = [nodeOf(1), nodeOf(2), nodeOf(3)],
  changes = localOf(),
): Desired => {
  const held = nodes.find(({ name }) => name === changes.name)?.subnets ?? [];
  return desired({ config, cluster: clusterOf(nodes), local: { ...changes, subnets: held } });
};

/** The state without the nftables hash, which changes with every word of the rules. */
const textOf = ({ state }: Desired): string =>
  printState(state).replace(/^nft table inet poplin .*$/m, 'nft table inet poplin HASH');

const NETWORK = { Network: '10.244.0.0/16' };
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
            Backend: { Type: 'vxlan', VNI: 4096, Port: 4789, MTU: 9000, GBP: true, Learning: true },
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

const HOST_GW = configOf({ ...NETWORK, Backend: { Type: 'host-gw' } });

const GATEWAY: RouteLookup = { kind: 'gateway', link: 'eth0', gateway: '192.168.1.254' as Ip };
/** node-2 is not on this node's segment. */
const BEHIND_ROUTER = localOf({ lookups: new Map([['192.168.1.2' as Ip, GATEWAY]]) });

describe('after a change from vxlan to host-gw', () => {
  const moved = (number: number): ClusterNode =>
    nodeOf(number, { advert: advertOf(number, { sends: ['host-gw'] }) });

  test('the device stays while a peer still sends by it', () => {
    const wanted = run(HOST_GW, [moved(1), moved(2), nodeOf(3)]);
    assert.deepEqual([...wanted.state.links.keys()], ['poplin4-1']);
    assert.deepEqual(wanted.advert.sends, ['host-gw']);
    assert.equal(wanted.advert.receives.vxlan.length, 1);
  });

  test('the device is first withdrawn, and goes later, when nobody sends by it any more', () => {
    const nodes = [moved(1), moved(2), moved(3)];
    const device = run(configOf(NETWORK)).state.links.get('poplin4-1');
    assert.ok(device?.kind === 'vxlan');
    const withdrawn = run(HOST_GW, nodes, localOf({ vxlanDevices: [device] }));
    assert.deepEqual([...withdrawn.state.links.values()], [device]);
    assert.deepEqual(withdrawn.drainingLinks, ['poplin4-1']);
    assert.deepEqual(withdrawn.advert.receives.vxlan, []);
    assert.equal(withdrawn.state.fdb.size, 0);
    const drained = localOf({ vxlanDevices: [device], drainedLinks: new Set(['poplin4-1']) });
    const gone = run(HOST_GW, nodes, drained);
    assert.deepEqual([...gone.state.links.keys()], []);
    assert.deepEqual(gone.drainingLinks, []);
  });

  test('of two devices the one that this node has said it receives by is kept', () => {
    const devices = [2, 3].flatMap((VNI) => {
      const { state } = run(configOf({ ...NETWORK, Backend: { Type: 'vxlan', VNI } }));
      return [...state.links.values()].filter((link) => link.kind === 'vxlan');
    });
    const receives = {
      vxlan: [{ family: 'ipv4', vni: 3, port: 8472, mac: '02:00:00:00:00:01' as Mac }],
      'host-gw': [],
    } as const;
    const nodes = [1, 2].map((each) => nodeOf(each, { advert: advertOf(each, { receives }) }));
    const wanted = run(HOST_GW, nodes, localOf({ vxlanDevices: devices }));
    assert.deepEqual(
      wanted.advert.receives.vxlan.map(({ vni }) => vni),
      [3],
    );
    assert.deepEqual(wanted.drainingLinks, ['poplin4-2']);
  });

  test('a peer behind a router is still reached by vxlan, with its former VNI', () => {
    const advert = advertOf(1, {
      receives: {
        vxlan: [{ family: 'ipv4', vni: 7, port: 9000, mac: '02:00:00:00:00:01' as Mac }],
        'host-gw': [],
      },
    });
    const peer = advertOf(2, {
      receives: {
        vxlan: [{ family: 'ipv4', vni: 7, port: 9000, mac: '02:00:00:00:00:02' as Mac }],
        'host-gw': [{ family: 'ipv4' }],
      },
    });
    const { paths, state } = run(
      HOST_GW,
      [nodeOf(1, { advert }), nodeOf(2, { advert: peer })],
      BEHIND_ROUTER,
    );
    assert.equal(paths[0]?.used, 'vxlan');
    assert.match(paths[0]?.reason ?? '', /not on a shared segment/);
    assert.deepEqual([...state.links.keys()], ['poplin4-7']);
  });
});

describe('host-gw from the start, with a peer behind a router', () => {
  const receiving = (number: number, vni: number | undefined): ClusterNode => {
    const mac = `02:00:00:00:00:0${number}` as Mac;
    const vxlan = vni === undefined ? [] : [{ family: 'ipv4', vni, port: 8472, mac } as const];
    const receives = { vxlan, 'host-gw': [{ family: 'ipv4' }] } as const;
    return nodeOf(number, { advert: advertOf(number, { receives, sends: ['host-gw'] }) });
  };
  const cases: [
    name: string,
    own: number | undefined,
    peers: (number | undefined)[],
    vni: number,
  ][] = [
    ['prepares to receive VXLAN by the default VNI', undefined, [undefined], 1],
    ['takes the VNI that the peers have', undefined, [7], 7],
    ['takes the VNI that most peers have', undefined, [3, 9, 9], 9],
    ['keeps its own that as many have as another', 3, [3, 9, 9], 3],
    ['gives up its own that fewer have than another', 3, [9, 9, 3, 9], 9],
    ['keeps its own while no peer has any', 3, [undefined, undefined], 3],
    ['gives up its own for a lower one that as many have', 3, [2, 9], 2],
  ];
  for (const [name, own, peers, vni] of cases) {
    test(name, () => {
      const nodes = [receiving(1, own), ...peers.map((peer, index) => receiving(index + 2, peer))];
      const { advert, paths } = run(HOST_GW, nodes, BEHIND_ROUTER);
      assert.deepEqual([...new Set(advert.receives.vxlan.map((receiver) => receiver.vni))], [vni]);
      const used = peers[0] === vni ? 'vxlan' : 'none';
      assert.equal(paths.find(({ peer }) => peer === 'node-2')?.used, used);
    });
  }

  test('has no device where all share a segment', () => {
    const { state } = run(HOST_GW, [receiving(1, undefined), receiving(2, undefined)]);
    assert.deepEqual([...state.links.keys()], []);
  });
});

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = value;
  return rest;
}
