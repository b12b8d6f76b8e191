// Flannel's annotations: read as Flannel writes them, written as Flannel reads them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterNode } from '../../../../src/cluster/node.ts';
import type { Ip } from '../../../../src/net/ip.ts';
import type { Mac } from '../../../../src/net/mac.ts';
import { renderFlannel } from '../../../../src/source/kubernetes/flannel-annotations.ts';
import { nodeRecord } from '../../../../src/source/kubernetes/node-record.ts';

const FLANNEL = 'flannel.alpha.coreos.com';

type Case = {
  readonly name: string;
  readonly node: Record<string, unknown>;
  readonly record: Partial<ClusterNode>;
};

const flannel = (annotations: Record<string, string>): Record<string, unknown> => ({
  metadata: {
    annotations: Object.fromEntries(
      Object.entries({ 'kube-subnet-manager': 'true', ...annotations }).map(([name, value]) => [
        `${FLANNEL}/${name}`,
        value,
      ]),
    ),
  },
});

const CASES: readonly Case[] = [
  {
    name: 'Flannel vxlan of both families',
    node: flannel({
      'backend-type': 'vxlan',
      'backend-data': '{"VNI":7,"VtepMAC":"0A:00:00:00:00:01"}',
      'backend-v6-data': '{"VNI":7,"VtepMAC":"0a:00:00:00:00:02"}',
      'public-ip': '192.168.0.1',
      'public-ipv6': 'fd00::1',
    }),
    record: {
      flannel: {
        backendType: 'vxlan',
        publicIps: ['192.168.0.1' as Ip, 'fd00::1' as Ip],
        vxlan: [
          { publicIp: '192.168.0.1' as Ip, vni: 7, mac: '0a:00:00:00:00:01' as Mac },
          { publicIp: 'fd00::1' as Ip, vni: 7, mac: '0a:00:00:00:00:02' as Mac },
        ],
      },
      problems: [],
    },
  },
  {
    name: 'Flannel host-gw has no data',
    node: flannel({
      'backend-type': 'host-gw',
      'backend-data': 'null',
      'public-ip': '192.168.0.1',
    }),
    record: {
      flannel: { backendType: 'host-gw', publicIps: ['192.168.0.1' as Ip], vxlan: [] },
      problems: [],
    },
  },
  {
    name: 'the public address that the user wrote wins',
    node: flannel({
      'backend-type': 'host-gw',
      'public-ip': '192.168.0.1',
      'public-ip-overwrite': '198.51.100.1',
      'public-ipv6': 'fd00::1',
      'public-ipv6-overwrite': 'fd00::2',
    }),
    record: {
      flannel: {
        backendType: 'host-gw',
        publicIps: ['198.51.100.1' as Ip, 'fd00::2' as Ip],
        vxlan: [],
      },
    },
  },
  {
    name: 'Flannel without the VNI means its default',
    node: flannel({
      'backend-type': 'vxlan',
      'backend-data': '{"VtepMAC":"0a:00:00:00:00:01"}',
      'public-ip': '192.168.0.1',
    }),
    record: {
      flannel: {
        backendType: 'vxlan',
        publicIps: ['192.168.0.1' as Ip],
        vxlan: [{ publicIp: '192.168.0.1' as Ip, vni: 1, mac: '0a:00:00:00:00:01' as Mac }],
      },
    },
  },
  {
    name: 'malformed Flannel data is named and the other family stays',
    node: flannel({
      'backend-type': 'vxlan',
      'backend-data': '{"VNI":1,"VtepMAC":"nonsense"}',
      'backend-v6-data': '{"VNI":1,"VtepMAC":"0a:00:00:00:00:02"}',
      'public-ip': '192.168.0.1',
      'public-ipv6': 'fd00::1',
    }),
    record: {
      flannel: {
        backendType: 'vxlan',
        publicIps: ['192.168.0.1' as Ip, 'fd00::1' as Ip],
        vxlan: [{ publicIp: 'fd00::1' as Ip, vni: 1, mac: '0a:00:00:00:00:02' as Mac }],
      },
      problems: [
        `annotation ${FLANNEL}/backend-data: "{\\"VNI\\":1,\\"VtepMAC\\":\\"nonsense\\"}" is not` +
          ' of the form {"VNI":1,"VtepMAC":"0a:00:00:00:00:01"}',
      ],
    },
  },
  {
    name: 'an address of the other family is a problem',
    node: flannel({ 'backend-type': 'host-gw', 'public-ip': 'fd00::1' }),
    record: {
      flannel: { backendType: 'host-gw', publicIps: [], vxlan: [] },
      problems: [`annotation ${FLANNEL}/public-ip: "fd00::1" is not an IPv4 address`],
    },
  },
  {
    name: 'Flannel without a backend type is a problem',
    node: flannel({ 'public-ip': '192.168.0.1' }),
    record: {
      problems: [`annotation ${FLANNEL}/backend-type: nothing is not the name of a backend`],
    },
  },
  {
    name: 'a node that Flannel does not manage has no Flannel data and no problem',
    node: flannel({ 'kube-subnet-manager': 'false', 'backend-type': '', 'public-ip': 'x' }),
    record: { problems: [] },
  },
];

describe('what Flannel says of a node', () => {
  for (const { name, node, record } of CASES) {
    test(name, () => {
      const { flannel: found, problems } = nodeRecord(node);
      assert.deepEqual(found, record.flannel);
      if (record.problems !== undefined) assert.deepEqual(problems, record.problems);
    });
  }

  test('another prefix of the Flannel annotations can be given', () => {
    const annotations = { 'x.y/kube-subnet-manager': 'true', 'x.y/backend-type': 'host-gw' };
    const node = { metadata: { annotations } } as never;
    assert.equal(nodeRecord(node, 'x.y').flannel?.backendType, 'host-gw');
    assert.equal(nodeRecord(node).flannel, undefined);
  });
});

describe('what a node writes for Flannel', () => {
  test('is read back the same', () => {
    const publicIps = ['192.168.0.1' as Ip, 'fd00::1' as Ip];
    const mac = '0a:00:00:00:00:01' as Mac;
    const rendered = renderFlannel({
      backendType: 'vxlan',
      publicIps,
      vxlan: [{ family: 'ipv4', vni: 1, mac }],
    });
    assert.equal(rendered[`${FLANNEL}/backend-data`], `{"VNI":1,"VtepMAC":"${mac}"}`);
    assert.equal(rendered[`${FLANNEL}/backend-v6-data`], 'null');
    const { flannel } = nodeRecord({ metadata: { annotations: rendered } } as never);
    assert.deepEqual(flannel, {
      backendType: 'vxlan',
      publicIps,
      vxlan: [{ publicIp: '192.168.0.1', vni: 1, mac }],
    });
  });

  test('a family without an address is removed', () => {
    const rendered = renderFlannel({
      backendType: 'host-gw',
      publicIps: ['192.168.0.1' as Ip],
      vxlan: [],
    });
    assert.equal(rendered[`${FLANNEL}/public-ipv6`], null);
    assert.equal(rendered[`${FLANNEL}/backend-v6-data`], null);
  });
});
