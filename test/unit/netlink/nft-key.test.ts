// Keys of nftables sets between text and bytes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeNftKey, nftKeyParts } from '../../../src/netlink/nft-key.ts';

describe('keys of sets', () => {
  for (const [key, hex] of [
    ['10.244.1.5', '0af40105'],
    ['fd00::5', 'fd000000000000000000000000000005'],
    ['poplin0', '706f706c696e30000000000000000000'],
    ['poplin0 . 10.244.1.5', '706f706c696e300000000000000000000af40105'],
  ] as const) {
    test(`${key} has the bytes ${hex}`, () => {
      assert.equal(encodeNftKey(key)?.toString('hex'), hex);
    });
  }

  for (const key of ['', 'two words', '10.0.0.1 . ', 'a-name-of-more-than-15-bytes', '1::2::3']) {
    test(`'${key}' is no key`, () => assert.equal(encodeNftKey(key), undefined));
  }

  test('a type with an unknown part is not read', () => {
    assert.equal(nftKeyParts(13), undefined);
    assert.equal(nftKeyParts((7 << 6) | 13), undefined);
    assert.equal(nftKeyParts(0), undefined);
  });
});
