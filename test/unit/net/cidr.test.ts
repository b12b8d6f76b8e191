// Prefixes: what counts as a network, containment and overlap, against ip-num as a second opinion.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { IPv4CidrRange } from 'ip-num';
import type { Cidr } from '../../../src/net/cidr.ts';
import {
  addressAt,
  cidrSize,
  contains,
  containsCidr,
  hostCidr,
  networkOf,
  overlaps,
  parseCidr,
  parsePrefix,
} from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { ipFromBigInt } from '../../../src/net/ip.ts';

describe('parsing networks', () => {
  const cases: [text: string, expected: string | undefined][] = [
    ['10.244.0.0/16', '10.244.0.0/16'],
    ['10.244.0.1/16', undefined],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0', undefined],
    ['10.0.0.0/08', undefined],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['fd00:0::/48', 'fd00::/48'],
    ['fd00::1/64', undefined],
    ['fd00::/129', undefined],
  ];
  for (const [text, expected] of cases) {
    test(`"${text}" is ${expected ?? 'refused'}`, () => assert.equal(parseCidr(text), expected));
  }
});

test('an address with its length keeps its host bits', () => {
  assert.deepEqual(parsePrefix('10.0.0.5/24'), { address: '10.0.0.5', lengthBits: 24 });
});

test('the network of an address is the one ip-num finds', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 32n - 1n), fc.integer({ min: 0, max: 32 }), (value, length) => {
      const ip = ipFromBigInt(value, 'ipv4');
      const range = IPv4CidrRange.fromCidr(`${ip}/${length}`);
      const network = networkOf(ip, length);
      assert.equal(network, `${range.getFirst().toString()}/${length}`);
      assert.equal(cidrSize(network), range.getSize());
      assert.equal(addressAt(network, cidrSize(network) - 1n), range.getLast().toString());
    }),
  );
});

test('containment and overlap keep the families apart', () => {
  const v4 = '10.0.0.0/8' as Cidr;
  assert.equal(contains(v4, '10.255.0.1' as Ip), true);
  assert.equal(contains(v4, '11.0.0.0' as Ip), false);
  assert.equal(contains('::/0' as Cidr, '10.0.0.1' as Ip), false);
  assert.equal(containsCidr(v4, '10.1.0.0/16' as Cidr), true);
  assert.equal(containsCidr('10.1.0.0/16' as Cidr, v4), false);
  assert.equal(overlaps('10.1.0.0/16' as Cidr, v4), true);
  assert.equal(overlaps('10.1.0.0/24' as Cidr, '10.1.1.0/24' as Cidr), false);
});

test('an address outside of a network is refused', () => {
  assert.throws(() => addressAt('10.0.0.0/30' as Cidr, 4n), RangeError);
  assert.equal(hostCidr('fd00::1' as Ip), 'fd00::1/128');
});
