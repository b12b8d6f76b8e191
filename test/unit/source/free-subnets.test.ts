// Which subnet a node claims: against a plain search that looks at every one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { FamilyConfig } from '../../../src/config/config.ts';
import { addressAt, networkOf, overlaps } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { isClaimable, pickFreeSubnet, subnetCount } from '../../../src/source/free-subnets.ts';
import { cidr, configFrom, DUAL_STACK } from '../../fake/config-from.ts';

const rangesOf = (keys: Readonly<Record<string, unknown>>): readonly FamilyConfig[] =>
  configFrom(keys).families;

const [SMALL = assert.fail()] = rangesOf({ Network: '10.244.0.0/22' });

const EVERY = ['10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24'].map(cidr);

describe('a free subnet', () => {
  test('is any that overlaps nothing taken, whatever the random number', () => {
    const block = fc.tuple(fc.integer({ min: 0, max: 1023 }), fc.integer({ min: 20, max: 30 }));
    fc.assert(
      fc.property(
        fc.array(block, { maxLength: 4 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (blocks, random) => {
          const taken = blocks.map(([offset, length]) =>
            networkOf(addressAt(cidr('10.244.0.0/22'), BigInt(offset)), length),
          );
          const free = EVERY.filter((subnet) => !taken.some((other) => overlaps(other, subnet)));
          const picked = pickFreeSubnet(SMALL, taken, random);
          if (picked === undefined) assert.deepEqual(free, []);
          else assert.ok(free.includes(picked), picked);
        },
      ),
    );
  });

  test('is picked evenly among all that are free', () => {
    const taken = [cidr('10.244.2.0/24')];
    const picked = [0, 0.49, 0.5, 0.999].map((random) => pickFreeSubnet(SMALL, taken, random));
    assert.deepEqual(picked, ['10.244.1.0/24', '10.244.1.0/24', '10.244.3.0/24', '10.244.3.0/24']);
  });

  test('is found in networks of any size without looking at each', () => {
    const [, wide = assert.fail()] = rangesOf({ ...DUAL_STACK, IPv6Network: 'fd00::/16' });
    assert.equal(subnetCount(wide), 2n ** 48n - 1n);
    assert.equal(pickFreeSubnet(wide, [], 0), 'fd00:0:0:1::/64');
    assert.equal(pickFreeSubnet(wide, [cidr('fd00::/17')], 0), 'fd00:8000::/64');
    assert.ok(isClaimable(wide, pickFreeSubnet(wide, [], 0.999_999_999) ?? assert.fail()));
  });

  test('lies between SubnetMin and SubnetMax, of another length too', () => {
    const keys = { Network: '10.244.0.0/16', SubnetMin: '10.244.7.0', SubnetMax: '10.244.8.0' };
    const [range = assert.fail()] = rangesOf(keys);
    assert.equal(subnetCount(range), 2n);
    const longer = { ...range, subnetLengthBits: 26 };
    assert.equal(pickFreeSubnet(longer, [], 0), '10.244.7.0/26');
    const shorter = { ...range, subnetMin: '10.244.7.0' as Ip, subnetLengthBits: 23 };
    assert.equal(pickFreeSubnet(shorter, [], 0), '10.244.8.0/23');
  });
});

describe('a subnet from before', () => {
  for (const [subnet, claimable] of [
    ['10.244.1.0/24', true],
    ['10.244.3.0/24', true],
    ['10.244.0.0/24', false],
    ['10.244.4.0/24', false],
    ['10.244.1.0/25', false],
    ['10.0.1.0/24', false],
    ['fd00::/64', false],
  ] as const) {
    test(`${subnet} is ${claimable ? '' : 'not '}claimed again`, () => {
      assert.equal(isClaimable(SMALL, cidr(subnet)), claimable);
    });
  }
});
