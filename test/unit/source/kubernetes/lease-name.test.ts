// Names of Leases: what design and operators rely on, and that nothing else is taken for one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { networkOf } from '../../../../src/net/cidr.ts';
import { ipFromBigInt } from '../../../../src/net/ip.ts';
import { leaseName, parseLeaseName } from '../../../../src/source/kubernetes/lease-name.ts';
import { cidr } from '../../../fake/config-from.ts';

describe('the name of a Lease', () => {
  test('is the subnet, in characters that a name may have', () => {
    assert.equal(leaseName(cidr('10.244.3.0/24')), '10.244.3.0-24');
    const name = 'fd00-0010-0244-0003-0000-0000-0000-0000-64';
    assert.equal(leaseName(cidr('fd00:10:244:3::/64')), name);
    assert.equal(parseLeaseName(name), 'fd00:10:244:3::/64');
  });

  test('is read back as the subnet, whatever it is', () => {
    const v4 = fc.tuple(fc.bigInt(0n, 2n ** 32n - 1n), fc.integer({ min: 0, max: 32 }));
    const v6 = fc.tuple(fc.bigInt(0n, 2n ** 128n - 1n), fc.integer({ min: 0, max: 128 }));
    const subnets = fc.oneof(
      v4.map(([address, length]) => networkOf(ipFromBigInt(address, 'ipv4'), length)),
      v6.map(([address, length]) => networkOf(ipFromBigInt(address, 'ipv6'), length)),
    );
    fc.assert(
      fc.property(subnets, (subnet) => {
        const name = leaseName(subnet);
        assert.match(name, /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
        assert.equal(parseLeaseName(name), subnet);
      }),
    );
  });

  for (const name of [
    'poplin-controller',
    '10.244.3.0',
    '10.244.3.1-24',
    '10.244.3.0-33',
    '10.244.3.0-024',
    '010.244.3.0-24',
    'fd00-10-244-3-0-0-0-0-64',
    'fd00-0010-0244-0003-0000-0000-0000-0001-64',
    'FD00-0010-0244-0003-0000-0000-0000-0000-64',
    '',
  ]) {
    test(`"${name}" is none`, () => {
      assert.equal(parseLeaseName(name), undefined);
    });
  }
});
