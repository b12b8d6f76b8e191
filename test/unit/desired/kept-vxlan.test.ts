// Which VXLAN devices a node keeps or makes beside host-gw: until nobody sends by them any more,
// and for peers that host-gw cannot reach.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import type { RouteLookup } from '../../../src/state/route-lookup.ts';
import { advertOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { localOf, NETWORK, run } from '../../fake/desired.ts';

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
    const silent = advertOf(1, {
      sends: ['host-gw'],
      receives: { vxlan: [], 'host-gw': [] },
    });
    const nodes = [nodeOf(1, { advert: silent }), moved(2), moved(3)];
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

  test('a network that is taken over from peers has GBP where theirs has', () => {
    const receives = {
      vxlan: [{ family: 'ipv4', vni: 3, port: 4790, mac: '02:00:00:00:00:02' as Mac, gbp: true }],
      'host-gw': [],
    } as const;
    const silent = advertOf(1, { receives: { vxlan: [], 'host-gw': [] } });
    const peer = nodeOf(2, { advert: advertOf(2, { receives }) });
    const { state, advert } = run(HOST_GW, [nodeOf(1, { advert: silent }), peer]);
    const device = state.links.get('poplin4-3');
    assert.ok(device?.kind === 'vxlan' && device.gbp);
    assert.equal(advert.receives.vxlan[0]?.gbp, true);
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
