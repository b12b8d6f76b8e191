// What a node writes on its Node for its peers, word for word as Flannel's nodes read it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Advert, FlannelPath } from '../../../../src/cluster/advert.ts';
import type { Ip } from '../../../../src/net/ip.ts';
import { nodeRecord } from '../../../../src/source/kubernetes/node-record.ts';
import { annotationsFor } from '../../../../src/source/kubernetes/publication.ts';
import { advertOf } from '../../../fake/cluster.ts';

const V4 = '192.168.1.1' as Ip;
const V6 = 'fd00::1' as Ip;
const DATA = '{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}';
const NONE = null;

/** Underlay addresses of both families, of which the pods may use one alone. */
const DUAL = advertOf(1, { underlay: [V4, V6] });
const ONLY_V4: Advert = { ...DUAL, receives: advertOf(1, { underlay: [V4] }).receives };
const ONLY_V6: Advert = { ...DUAL, receives: advertOf(1, { underlay: [V6] }).receives };

type Case = {
  readonly name: string;
  readonly advert: Advert;
  readonly backend: FlannelPath;
  readonly flannel: Readonly<Record<string, string | null>>;
};

const CASES: readonly Case[] = [
  {
    ...{ name: 'vxlan with IPv4', advert: ONLY_V4, backend: 'vxlan' },
    flannel: {
      ...{ 'backend-data': DATA, 'public-ip': V4 },
      ...{ 'backend-v6-data': NONE, 'public-ipv6': NONE },
    },
  },
  {
    ...{ name: 'vxlan with IPv6', advert: ONLY_V6, backend: 'vxlan' },
    flannel: {
      ...{ 'backend-data': NONE, 'public-ip': NONE },
      ...{ 'backend-v6-data': DATA, 'public-ipv6': V6 },
    },
  },
  {
    ...{ name: 'vxlan with both', advert: DUAL, backend: 'vxlan' },
    flannel: {
      ...{ 'backend-data': DATA, 'public-ip': V4 },
      ...{ 'backend-v6-data': DATA, 'public-ipv6': V6 },
    },
  },
  {
    ...{ name: 'host-gw with IPv4', advert: ONLY_V4, backend: 'host-gw' },
    flannel: {
      ...{ 'backend-data': 'null', 'public-ip': V4 },
      ...{ 'backend-v6-data': NONE, 'public-ipv6': NONE },
    },
  },
  {
    ...{ name: 'host-gw with both', advert: DUAL, backend: 'host-gw' },
    flannel: {
      ...{ 'backend-data': 'null', 'public-ip': V4 },
      ...{ 'backend-v6-data': 'null', 'public-ipv6': V6 },
    },
  },
];

const flannelPart = (annotations: Readonly<Record<string, string | null>>) =>
  Object.fromEntries(
    Object.entries(annotations).flatMap(([name, value]) => {
      const [prefix, rest = ''] = name.split('/');
      return prefix === 'flannel.alpha.coreos.com' ? [[rest, value]] : [];
    }),
  );

describe('what Flannel’s nodes are told', () => {
  for (const { name, advert, backend, flannel } of CASES) {
    test(`of a node with ${name}`, () => {
      const annotations = annotationsFor({ advert, backend });
      assert.deepEqual(flannelPart(annotations), {
        'kube-subnet-manager': 'true',
        'backend-type': backend,
        ...flannel,
      });
    });
  }
});

describe('what Poplin’s nodes keep of Flannel’s annotations', () => {
  const keptOf = (annotations: Readonly<Record<string, string | null>>) =>
    nodeRecord({ metadata: { annotations } } as never).flannel;

  test('is nothing where the advert says the same', () => {
    for (const { advert, backend } of CASES) {
      assert.equal(keptOf(annotationsFor({ advert, backend })), undefined);
    }
  });

  test('is all of it where there is no advert', () => {
    const annotations = annotationsFor({ advert: DUAL, backend: 'vxlan' });
    const found = keptOf({ ...annotations, 'poplin.dev/advert': null });
    assert.equal(found?.backendType, 'vxlan');
    assert.deepEqual(found?.publicIps, [V4, V6]);
  });

  test('is nothing where the advert is malformed: it is a node of Poplin still', () => {
    const annotations = annotationsFor({ advert: DUAL, backend: 'vxlan' });
    assert.equal(keptOf({ ...annotations, 'poplin.dev/advert': '{}' }), undefined);
  });

  test('is all of it where Flannel has taken the node over since', () => {
    const annotations = annotationsFor({ advert: DUAL, backend: 'vxlan' });
    const data = '{"VNI":1,"VtepMAC":"0a:00:00:00:00:99"}';
    const found = keptOf({ ...annotations, 'flannel.alpha.coreos.com/backend-data': data });
    assert.equal(found?.vxlan[0]?.mac, '0a:00:00:00:00:99');
  });
});
