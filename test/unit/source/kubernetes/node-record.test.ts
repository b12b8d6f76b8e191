// Nodes as records: what is used of them, and that bad data is named and harms nobody.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Advert } from '../../../../src/cluster/advert.ts';
import { renderAdvert } from '../../../../src/cluster/advert.ts';
import type { ClusterNode } from '../../../../src/cluster/node.ts';
import type { Ip } from '../../../../src/net/ip.ts';
import type { Mac } from '../../../../src/net/mac.ts';
import { annotationsOf, nodeRecord } from '../../../../src/source/kubernetes/node-record.ts';

const FLANNEL = 'flannel.alpha.coreos.com';

const ADVERT: Advert = {
  v: 1,
  machine: 'm1',
  underlay: ['192.168.0.1' as Ip],
  families: ['ipv4'],
  receiveMtuBytes: 1450,
  receives: {
    vxlan: [{ family: 'ipv4', vni: 1, port: 8472, mac: '0a:00:00:00:00:01' as Mac }],
    'host-gw': [],
  },
  sends: ['vxlan'],
  sendsVxlan: [{ vni: 1, port: 8472 }],
  config: 'abc',
};

type Case = {
  readonly name: string;
  readonly node: Record<string, unknown>;
  readonly record: Partial<ClusterNode>;
};

const CASES: readonly Case[] = [
  {
    name: 'podCIDRs of both families are canonical',
    node: { spec: { podCIDRs: ['10.244.1.0/24', 'FD00:0:0:1::/64'] } },
    record: { subnets: ['10.244.1.0/24', 'fd00:0:0:1::/64'] as never, problems: [] },
  },
  {
    name: 'host bits of a podCIDR are cut off',
    node: { spec: { podCIDRs: ['10.244.1.9/24'] } },
    record: { subnets: ['10.244.1.0/24'] as never, problems: [] },
  },
  {
    name: 'podCIDR alone counts',
    node: { spec: { podCIDR: '10.244.1.0/24' } },
    record: { subnets: ['10.244.1.0/24'] as never },
  },
  {
    name: 'no podCIDR is no problem: the controller has not been there yet',
    node: { spec: {} },
    record: { subnets: [], problems: [] },
  },
  {
    name: 'a malformed podCIDR leaves the other family usable',
    node: { spec: { podCIDRs: ['10.244.1.0/33', 'fd00::/64'] } },
    record: {
      subnets: ['fd00::/64'] as never,
      problems: ['spec.podCIDRs: "10.244.1.0/33" is not a network'],
    },
  },
  {
    name: 'two podCIDRs of one family: the first counts',
    node: { spec: { podCIDRs: ['10.244.1.0/24', '10.244.2.0/24'] } },
    record: {
      subnets: ['10.244.1.0/24'] as never,
      problems: ['spec.podCIDRs: "10.244.2.0/24" is of the same family as "10.244.1.0/24"'],
    },
  },
  {
    name: 'three podCIDRs are a problem',
    node: { spec: { podCIDRs: ['10.244.1.0/24', 'fd00::/64', 'fd01::/64'] } },
    record: {
      subnets: ['10.244.1.0/24', 'fd00::/64'] as never,
      problems: [
        'spec.podCIDRs: ["10.244.1.0/24","fd00::/64","fd01::/64"] are more than one subnet' +
          ' for each family',
        'spec.podCIDRs: "fd01::/64" is of the same family as "fd00::/64"',
      ],
    },
  },
  {
    name: 'only InternalIPs are taken, and a malformed one is named',
    node: {
      status: {
        addresses: [
          { type: 'Hostname', address: 'n1' },
          { type: 'ExternalIP', address: '203.0.113.1' },
          { type: 'InternalIP', address: '192.168.0.1' },
          { type: 'InternalIP', address: 'FD00::1' },
          { type: 'InternalIP', address: 'n1.local' },
        ],
      },
    },
    record: {
      internalIps: ['192.168.0.1', 'fd00::1'] as never,
      problems: ['status.addresses: InternalIP "n1.local" is not an address'],
    },
  },
  {
    name: 'the advert is parsed',
    node: { metadata: { annotations: { 'poplin.dev/advert': renderAdvert(ADVERT) } } },
    record: { advert: ADVERT, problems: [] },
  },
  {
    name: 'a malformed advert is a problem and the podCIDR stays',
    node: {
      metadata: { annotations: { 'poplin.dev/advert': '{"v":2}' } },
      spec: { podCIDR: '10.244.1.0/24' },
    },
    record: {
      subnets: ['10.244.1.0/24'] as never,
      problems: ['annotation poplin.dev/advert: Invalid input: expected 1 at v: "{\\"v\\":2}"'],
    },
  },
];

describe('a Node as its peers need it', () => {
  for (const { name, node, record } of CASES) {
    test(name, () => {
      const found = nodeRecord(node);
      for (const [member, value] of Object.entries(record)) {
        assert.deepEqual(found[member as keyof ClusterNode], value, member);
      }
      if (!('advert' in record)) assert.equal(found.advert, undefined);
    });
  }

  test('identity comes from the metadata', () => {
    const creationTimestamp = '2026-01-01T00:00:00Z';
    const { name, uid, createdAt } = nodeRecord({
      metadata: { name: 'n1', uid: 'u1', creationTimestamp },
    } as never);
    assert.deepEqual(
      { name, uid, createdAt },
      { name: 'n1', uid: 'u1', createdAt: creationTimestamp },
    );
  });

  test('whatever JSON comes, nothing is thrown', () => {
    const member = fc.oneof(fc.jsonValue(), fc.constantFrom('true', 'vxlan', '{}', '[]', 'null'));
    const annotations = fc.dictionary(
      fc.constantFrom(
        'poplin.dev/advert',
        ...['kube-subnet-manager', 'backend-type', 'backend-data', 'public-ip'].map(
          (name) => `${FLANNEL}/${name}`,
        ),
      ),
      member,
    );
    const node = fc.record(
      {
        metadata: fc.oneof(member, fc.record({ name: member, annotations }), fc.constant(null)),
        spec: fc.oneof(member, fc.record({ podCIDRs: member, podCIDR: member })),
        status: fc.oneof(member, fc.record({ addresses: member })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(node, (json) => {
        const record = nodeRecord(json as never);
        assert.equal(typeof record.name, 'string');
        annotationsOf(json as never);
      }),
    );
  });
});
