// Ethernet addresses: what is one, and what is made from one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkLocalOf, macFrom, macFromBytes, macToBytes, parseMac } from '../../../src/net/mac.ts';

test('an Ethernet address is six pairs of hex digits, and is kept in lower case', () => {
  assert.equal(parseMac('0A:00:00:00:00:fF'), '0a:00:00:00:00:ff');
  for (const text of ['', '0a:00:00:00:00', '0a:00:00:00:00:00:00', '0a-00-00-00-00-00', 'a:b:c']) {
    assert.equal(parseMac(text), undefined, text);
  }
});

test('an address that is made from a text is unicast, local, and always the same', () => {
  const [first = 0] = macToBytes(macFrom('vxlan machine node ipv4 1'));
  assert.equal(first & 0x03, 0x02);
  assert.equal(macFrom('a'), macFrom('a'));
  assert.notEqual(macFrom('a'), macFrom('b'));
});

test('the link-local address of an interface follows from its Ethernet address', () => {
  // What the kernel gives a link with this address (ip -6 address).
  const mac = macFromBytes(Uint8Array.from([0x52, 0x54, 0x00, 0x12, 0x34, 0x56]));
  assert.equal(linkLocalOf(mac), 'fe80::5054:ff:fe12:3456');
});
