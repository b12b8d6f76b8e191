// Addresses as canonical text: parsing, bytes and arithmetic, against ip-num as a second opinion.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { IPv4, IPv6 } from 'ip-num';
import type { Ip } from '../../../src/net/ip.ts';
import {
  familyOf,
  ipFromBigInt,
  ipFromBytes,
  ipToBigInt,
  ipToBytes,
  ipv4ToNumber,
  parseIp,
} from '../../../src/net/ip.ts';

describe('parsing addresses', () => {
  const cases: [text: string, expected: string | undefined][] = [
    ['10.244.0.1', '10.244.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['010.0.0.1', undefined],
    ['1.2.3', undefined],
    ['1.2.3.256', undefined],
    ['1.2.3.4.5', undefined],
    [' 1.2.3.4', undefined],
    ['', undefined],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00::0001', 'fd00::1'],
    ['fd00:0:0:0:0:0:0:0', 'fd00::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['1::2::3', undefined],
    ['12345::', undefined],
    ['fe80::1%eth0', undefined],
    [':1', undefined],
  ];
  for (const [text, expected] of cases) {
    test(`"${text}" is ${expected ?? 'refused'}`, () => assert.equal(parseIp(text), expected));
  }
});

test('every IPv4 number has one text, the same as ip-num has', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 32n - 1n), (value) => {
      const ip = ipFromBigInt(value, 'ipv4');
      assert.equal(ip, IPv4.fromNumber(value).toString());
      assert.equal(ipToBigInt(ip), value);
      assert.equal(familyOf(ip), 'ipv4');
      assert.equal(ipFromBytes(ipToBytes(ip)), ip);
    }),
  );
});

test('every IPv6 number has one text, which ip-num reads as the same number', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 128n - 1n), (value) => {
      const ip = ipFromBigInt(value, 'ipv6');
      assert.equal(IPv6.fromString(ip).getValue(), value);
      assert.equal(ipToBigInt(ip), value);
      assert.equal(parseIp(ip), ip);
      assert.equal(ipFromBytes(ipToBytes(ip)), ip);
    }),
  );
});

test('a number that does not fit the family is refused', () => {
  assert.throws(() => ipFromBigInt(2n ** 32n, 'ipv4'), RangeError);
  assert.throws(() => ipFromBigInt(-1n, 'ipv6'), RangeError);
  assert.throws(() => ipFromBytes(new Uint8Array(5)), RangeError);
});

test('an IPv4 address as a number is the same number as by its bytes', () => {
  for (const text of ['0.0.0.0', '10.244.3.0', '127.0.0.1', '192.168.100.200', '255.255.255.255']) {
    const ip = text as Ip;
    assert.equal(BigInt(ipv4ToNumber(ip)), ipToBigInt(ip), text);
  }
});
