// What nodes of Flannel change for this node: what it names as its backend, what it keeps for
// receiving, and what stays as it is.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import type { BackendType } from '../../../src/config/config.ts';
import { flannelBackend } from '../../../src/desired/flannel-backend.ts';
import { vxlanNetworks } from '../../../src/desired/kept-vxlan.ts';
import { withSharedUnderlays } from '../../../src/desired/node-problems.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import { configOf, nodeOf } from '../../fake/cluster.ts';

const HOST_GW = configOf({ Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } });

function flannelNode(number: number, backendType: string, vni = 1): ClusterNode {
  const publicIp = `192.168.1.${number}` as Ip;
  const vxlan = [{ publicIp, vni, mac: '02:00:00:00:00:02' as Mac }];
  const data = backendType === 'vxlan' ? vxlan : [];
  const { advert: _, ...node } = nodeOf(number);
  return { ...node, flannel: { backendType, publicIps: [publicIp], vxlan: data } };
}

const mapOf = (...nodes: readonly ClusterNode[]): ReadonlyMap<string, ClusterNode> =>
  new Map(nodes.map((node) => [node.name, node]));

describe('the backend that this node names for nodes of Flannel is', () => {
  const cases: readonly [string, BackendType, readonly ClusterNode[], BackendType][] = [
    ['its own where there are none', 'host-gw', [nodeOf(2)], 'host-gw'],
    ['theirs', 'host-gw', [nodeOf(2), flannelNode(3, 'vxlan')], 'vxlan'],
    ['theirs, in any case of letters', 'vxlan', [flannelNode(3, 'Host-GW')], 'host-gw'],
    [
      'its own where one of them has it',
      'host-gw',
      [2, 3].map((number) => flannelNode(number, number === 2 ? 'vxlan' : 'host-gw')),
      'host-gw',
    ],
    ['its own where theirs is none of ours', 'host-gw', [flannelNode(3, 'udp')], 'host-gw'],
    [
      'its own where the others speak for themselves too',
      'host-gw',
      [{ ...flannelNode(3, 'vxlan'), ...nodeOf(3) }],
      'host-gw',
    ],
  ];
  for (const [name, configured, nodes, expected] of cases) {
    test(name, () => assert.equal(flannelBackend(configured, mapOf(...nodes)), expected));
  }
});

test('while nodes of Flannel send by VXLAN, a device receives it, with their VNI', () => {
  const memory = (...nodes: readonly ClusterNode[]) => ({
    self: 'node-1',
    nodes: mapOf(...nodes),
    devices: [],
    lookups: new Map(),
    usedLinks: new Set<string>(),
    isTranslated: false,
  });
  const [settings] = vxlanNetworks(HOST_GW, memory(flannelNode(2, 'vxlan', 9)));
  assert.equal(settings?.vni, 9);
  assert.equal(settings?.portNumber, 8472);
  assert.deepEqual(vxlanNetworks(HOST_GW, memory(flannelNode(2, 'host-gw'))), []);
});

test('two nodes with one underlay address are named, both and nobody else', () => {
  const twin = nodeOf(3, { internalIps: ['192.168.1.2' as Ip] });
  const self = { name: 'node-1', underlay: ['192.168.1.1' as Ip] };
  const problems = withSharedUnderlays(new Map(), mapOf(nodeOf(1), nodeOf(2), twin), self);
  assert.deepEqual([...problems.keys()].sort(), ['node-2', 'node-3']);
  assert.match(problems.get('node-2')?.join() ?? '', /192\.168\.1\.2 is also that of node-3/);
  const double = nodeOf(3, { internalIps: ['192.168.1.1' as Ip] });
  const own = withSharedUnderlays(new Map(), mapOf(nodeOf(1), nodeOf(2), double), self);
  assert.deepEqual([...own.keys()].sort(), ['node-1', 'node-3']);
});
