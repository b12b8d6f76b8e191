// By which backend a peer is reached: the configured one where both sides can, else another, and
// always with the reason.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LocalNode, Underlay } from '../../../src/backend/backend.ts';
import { NO_BIRD_ROUTES } from '../../../src/backend/bird-routes.ts';
import type { VxlanNetwork } from '../../../src/backend/vxlan.ts';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import { reachOf } from '../../../src/cluster/reach.ts';
import type { BackendConfig, VxlanConfig } from '../../../src/config/config.ts';
import { isBirdPlan } from '../../../src/desired/bird-path.ts';
import { backendSettings } from '../../../src/desired/path-ways.ts';
import type { PathMemory } from '../../../src/desired/paths.ts';
import { choosePath } from '../../../src/desired/paths.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import type { RouteLookup } from '../../../src/state/route-lookup.ts';
import { advertOf, nodeOf } from '../../fake/cluster.ts';

const VXLAN: VxlanConfig = {
  type: 'vxlan',
  vni: 1,
  portNumber: 8472,
  gbp: false,
  learning: false,
  directRouting: false,
};
const DIRECT = { ...VXLAN, directRouting: true };
const HOST_GW = { type: 'host-gw' } as const;

const network = (settings: VxlanConfig): VxlanNetwork => ({ ...settings, suffix: '' });

const ONLINK: RouteLookup = { kind: 'onlink', link: 'eth0' };
const ROUTED: RouteLookup = { kind: 'gateway', link: 'eth0', gateway: '192.168.1.1' as Ip };

function localWith(lookup: RouteLookup | undefined): LocalNode {
  const underlay: Underlay = {
    family: 'ipv4',
    link: 'eth0',
    address: '192.168.1.1' as Ip,
    mtuBytes: 1500,
  };
  return {
    name: 'node-1',
    machine: 'machine-1',
    underlays: [underlay],
    lookups: new Map(lookup === undefined ? [] : [['192.168.1.2' as Ip, lookup]]),
    hasNexthopObjects: true,
    bird: undefined,
    birdRoutes: NO_BIRD_ROUTES,
  };
}

/** No route leads to the peer yet, and no probe was sent. */
const UNKNOWN: PathMemory = {
  ...{
    viaOf: () => undefined,
    copyTo: () => undefined,
    vtepOf: () => undefined,
    isSaid: () => true,
  },
  verdictOf: () => 'untried',
  receiveBytesOf: () => 1500,
  isByBird: () => true,
  isHopeless: () => false,
};

const onlyHostGw = advertOf(2, { receives: { vxlan: [], 'host-gw': [{ family: 'ipv4' }] } });
const withoutAdvert = (): ClusterNode => {
  const { advert: _, ...rest } = nodeOf(2);
  return rest;
};

const flannelNode = (backendType: string): ClusterNode => {
  const publicIp = '192.168.1.2' as Ip;
  const vxlan = [{ publicIp, vni: 1, mac: '02:00:00:00:00:02' as Mac }];
  const data = backendType === 'vxlan' ? vxlan : [];
  return { ...withoutAdvert(), flannel: { backendType, publicIps: [publicIp], vxlan: data } };
};

const cases: {
  name: string;
  settings: { readonly configured: BackendConfig; readonly vxlan: readonly VxlanNetwork[] };
  lookup?: RouteLookup;
  peer?: ClusterNode;
  used: string;
  via?: string;
  reason?: RegExp;
}[] = [
  {
    name: 'vxlan as configured',
    settings: { configured: VXLAN, vxlan: [network(VXLAN)] },
    lookup: ONLINK,
    used: 'vxlan',
    via: '10.244.2.0 dev poplin4-1',
  },
  {
    name: 'host-gw as configured, on a shared segment',
    settings: { configured: HOST_GW, vxlan: [] },
    lookup: ONLINK,
    used: 'host-gw',
    via: '192.168.1.2 dev eth0',
  },
  {
    name: 'nothing, when host-gw is configured and the peer is behind a router',
    settings: { configured: HOST_GW, vxlan: [] },
    lookup: ROUTED,
    used: 'none',
    reason:
      /not on a shared segment: node-2 \(192\.168\.1\.2\) is behind the gateway 192\.168\.1\.1/,
  },
  {
    name: 'vxlan that is still there, when host-gw cannot work',
    settings: { configured: HOST_GW, vxlan: [network(VXLAN)] },
    lookup: ROUTED,
    used: 'vxlan',
    reason: /not on a shared segment/,
  },
  {
    name: 'host-gw while the peer does not receive vxlan yet',
    settings: { configured: VXLAN, vxlan: [network(VXLAN)] },
    lookup: ONLINK,
    peer: nodeOf(2, { advert: onlyHostGw }),
    used: 'host-gw',
    reason: /node-2 does not receive VXLAN over ipv4/,
  },
  {
    name: 'the direct way with DirectRouting, on a shared segment',
    settings: { configured: DIRECT, vxlan: [network(DIRECT)] },
    lookup: ONLINK,
    used: 'host-gw',
  },
  {
    name: 'the tunnel with DirectRouting, behind a router',
    settings: { configured: DIRECT, vxlan: [network(DIRECT)] },
    lookup: ROUTED,
    used: 'vxlan',
  },
  {
    name: 'nothing to a peer whose agent has not published anything',
    settings: { configured: VXLAN, vxlan: [network(VXLAN)] },
    lookup: ONLINK,
    peer: withoutAdvert(),
    used: 'none',
    reason: /node-2 has published no advert/,
  },
  {
    name: 'vxlan to a node of Flannel that names it, on our own port',
    settings: { configured: VXLAN, vxlan: [network({ ...VXLAN, portNumber: 4789 })] },
    lookup: ONLINK,
    peer: flannelNode('vxlan'),
    used: 'vxlan',
    via: '10.244.2.0 dev poplin4-1',
  },
  {
    name: 'vxlan to a node of Flannel that names it, whatever is configured here',
    settings: { configured: HOST_GW, vxlan: [network(VXLAN)] },
    lookup: ONLINK,
    peer: flannelNode('vxlan'),
    used: 'vxlan',
    reason: /node-2 does not receive host-gw/,
  },
  {
    name: 'host-gw to a node of Flannel that names it',
    settings: { configured: VXLAN, vxlan: [network(VXLAN)] },
    lookup: ONLINK,
    peer: flannelNode('host-gw'),
    used: 'host-gw',
    reason: /node-2 does not receive VXLAN/,
  },
  {
    name: 'nothing to a node of Flannel with a backend that is not ours',
    settings: { configured: VXLAN, vxlan: [network(VXLAN)] },
    lookup: ONLINK,
    peer: flannelNode('wireguard'),
    used: 'none',
    reason: /node-2 does not receive VXLAN/,
  },
  {
    name: "nothing to a node that claims this node's own address",
    settings: { configured: VXLAN, vxlan: [network(VXLAN)] },
    peer: nodeOf(2, { internalIps: ['192.168.1.1' as Ip] }),
    used: 'none',
    reason: /node-2's address 192\.168\.1\.1 is this node's own/,
  },
  {
    name: 'nothing to a peer of another VNI behind a router, naming both',
    settings: { configured: { ...VXLAN, vni: 7 }, vxlan: [network({ ...VXLAN, vni: 7 })] },
    lookup: ROUTED,
    used: 'none',
    reason: /receives VNI 1 on port 8472, not VNI 7 on port 8472/,
  },
];

describe('the path to a peer is', () => {
  for (const { name, settings, lookup, peer = nodeOf(2), used, via, reason } of cases) {
    test(name, () => {
      const { subnets } = peer;
      const reach = reachOf(peer);
      const underlayAddress = reach?.underlay[0];
      const target = { peer, reach, family: 'ipv4', subnets, underlayAddress } as const;
      const known = { local: localWith(lookup), memory: UNKNOWN };
      const { path, option } = choosePath(
        backendSettings(settings.configured, settings.vxlan),
        known,
        target,
      );
      const plan = option && !isBirdPlan(option.plan) ? option.plan : undefined;
      assert.equal(path.used, used);
      assert.match(path.reason, reason ?? /^$/);
      assert.equal(plan === undefined, used === 'none');
      if (via !== undefined)
        assert.equal(`${plan?.nexthop.gateway} dev ${plan?.nexthop.link}`, via);
    });
  }
});
