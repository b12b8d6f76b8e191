// What users say of a node's addresses by Flannel's annotations, and what of it is wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddressWords } from '../../../../src/source/kubernetes/address-words.ts';
import { nodeRecord } from '../../../../src/source/kubernetes/node-record.ts';

const PREFIX = 'flannel.alpha.coreos.com';

test('nothing is said by default, nor by empty annotations', () => {
  const empty = { [`${PREFIX}/node-public-ip`]: '', [`${PREFIX}/public-ip`]: '10.0.0.1' };
  assert.deepEqual(parseAddressWords({}), { problems: [] });
  assert.deepEqual(parseAddressWords(empty), { problems: [] });
});

test('all four annotations are read, by whatever prefix', () => {
  const annotations = {
    'x.example/y-node-public-ip': '10.0.0.1',
    'x.example/node-public-ip': '10.0.0.2',
    'x.example/node-public-ipv6': 'FD00::2',
    'x.example/public-ip-overwrite': '203.0.113.2',
    'x.example/public-ipv6-overwrite': '2001:db8::2',
  };
  assert.deepEqual(parseAddressWords(annotations, 'x.example'), {
    addressWords: {
      publicIps: ['10.0.0.2', 'fd00::2'],
      overwrites: ['203.0.113.2', '2001:db8::2'],
    },
    problems: [],
  });
});

test('what is not an address of the family is named, once, and the rest counts', () => {
  const annotations = {
    [`${PREFIX}/kube-subnet-manager`]: 'true',
    [`${PREFIX}/backend-type`]: 'host-gw',
    [`${PREFIX}/node-public-ip`]: 'eth0',
    [`${PREFIX}/public-ip-overwrite`]: 'fd00::2',
    [`${PREFIX}/public-ipv6-overwrite`]: '2001:db8::2',
  };
  const { addressWords, problems } = nodeRecord({ metadata: { annotations } } as never);
  assert.deepEqual(addressWords, { publicIps: [], overwrites: ['2001:db8::2'] });
  assert.deepEqual(problems, [
    'annotation flannel.alpha.coreos.com/public-ip-overwrite: "fd00::2" is not an IPv4 address',
    'annotation flannel.alpha.coreos.com/node-public-ip: "eth0" is not an IPv4 address',
  ]);
});
