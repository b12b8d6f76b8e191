// Keys of nftables sets between text and bytes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeNftElement, encodeNftKey, nftKeyParts } from '../../../src/netlink/nft-key.ts';

describe('keys of sets', () => {
  for (const [key, hex] of [
    ['10.244.1.5', '0af40105'],
    ['fd00::5', 'fd000000000000000000000000000005'],
    ['poplin0', '706f706c696e30000000000000000000'],
    ['poplin0 . 10.244.1.5', '706f706c696e300000000000000000000af40105'],
    ['8080', '1f90'],
    ['udp', '11'],
    ['tcp . 8080', '060000001f900000'],
    ['10.244.1.5 . sctp . 1', '0af401058400000000010000'],
    ['protocol-47 . 1', '2f00000000010000'],
  ] as const) {
    test(`${key} has the bytes ${hex}`, () => {
      assert.equal(encodeNftKey(key)?.toString('hex'), hex);
    });
  }

  for (const key of [
    '',
    'two words',
    '10.0.0.1 . ',
    'a-name-of-more-than-15-bytes',
    '1::2::3',
    '65536',
    'tcp .',
  ]) {
    test(`'${key}' is no key`, () => assert.equal(encodeNftKey(key), undefined));
  }

  test('an element of a map is a key and what it leads to', () => {
    const element = encodeNftElement('tcp . 8080 : fd00::5 . 80');
    assert.equal(element?.key.toString('hex'), '060000001f900000');
    assert.equal(element?.data?.toString('hex'), `fd00${'0'.repeat(26)}0500500000`);
    assert.equal(encodeNftElement('tcp . 8080')?.data, undefined);
    for (const text of ['tcp . 8080 : ', ' : 10.0.0.1', 'tcp : udp : tcp']) {
      assert.equal(encodeNftElement(text), undefined);
    }
  });

  test('a type with an unknown part is not read', () => {
    assert.equal(nftKeyParts(11), undefined);
    assert.equal(nftKeyParts((7 << 6) | 11), undefined);
    assert.equal(nftKeyParts(0), undefined);
  });
});
