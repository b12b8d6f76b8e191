// ip-num as the second opinion on src/net: wherever both read a prefix, they must read the same
// network, its first and last address and its size.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { IPv4CidrRange, IPv6CidrRange } from 'ip-num';
import { explainPrefix } from '../../../src/config/prefix-text.ts';
import { addressAt, cidrAddress, cidrSize, networkOf, parseCidr } from '../../../src/net/cidr.ts';
import { ipFromBigInt, ipToBigInt } from '../../../src/net/ip.ts';

const ipv4Prefix = fc
  .tuple(fc.bigInt(0n, (1n << 32n) - 1n), fc.nat(32))
  .map(([value, bits]) => networkOf(ipFromBigInt(value, 'ipv4'), bits));
const ipv6Prefix = fc
  .tuple(fc.bigInt(0n, (1n << 128n) - 1n), fc.nat(128))
  .map(([value, bits]) => networkOf(ipFromBigInt(value, 'ipv6'), bits));

describe('prefixes as ip-num reads them', () => {
  test('IPv4 networks have the same ends and size', () => {
    fc.assert(
      fc.property(ipv4Prefix, (cidr) => {
        const range = IPv4CidrRange.fromCidr(cidr);
        assert.equal(range.getFirst().toString(), cidrAddress(cidr));
        assert.equal(range.getLast().toString(), addressAt(cidr, cidrSize(cidr) - 1n));
        assert.equal(range.getSize(), cidrSize(cidr));
        assert.equal(explainPrefix(cidr, ''), undefined);
      }),
    );
  });

  test('IPv6 networks have the same ends and size', () => {
    fc.assert(
      fc.property(ipv6Prefix, (cidr) => {
        const range = IPv6CidrRange.fromCidr(cidr);
        assert.equal(range.getFirst().getValue(), ipToBigInt(cidrAddress(cidr)));
        assert.equal(range.getSize(), cidrSize(cidr));
        assert.equal(explainPrefix(cidr, ''), undefined);
      }),
    );
  });

  test('what is accepted is a network for us too, whatever the text', () => {
    const part = fc.oneof(fc.nat(300).map(String), fc.constantFrom('', '0', '00', '01', ' 1', 'a'));
    const texts = fc
      .tuple(fc.array(part, { minLength: 3, maxLength: 5 }), part)
      .map(([parts, bits]) => `${parts.join('.')}/${bits}`);
    fc.assert(
      fc.property(texts, (text) => {
        if (explainPrefix(text, '') === undefined) assert.equal(parseCidr(text), text);
      }),
      { numRuns: 1000 },
    );
  });
});
