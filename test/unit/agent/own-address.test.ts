// A node whose own address is another one, before its Node says so: what it sends by host-gw needs
// no address of its own, and goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ip } from '../../../src/net/ip.ts';
import type { Address } from '../../../src/state/kernel-state.ts';
import { configOf, nodeOf } from '../../fake/cluster.ts';
import { FakeNode } from '../../fake/node.ts';

const configOfType = (Type: string) => configOf({ Network: '10.244.0.0/16', Backend: { Type } });
const NODES = [nodeOf(1), nodeOf(2)];
const ROUTE = /10\.244\.2\.0\/24 nhvia (\S+) dev (\S+)/;

function move(node: FakeNode, from: string, to: string): void {
  const value = (address: string): Address => ({
    ...{ link: 'eth0', address: address as Ip, lengthBits: 24 },
    ...{ scope: 'global', protocol: 0 },
  });
  node.kernel.touch([{ verb: 'add', object: 'address', value: value(to) }]);
  node.kernel.touch([{ verb: 'remove', object: 'address', value: value(from) }]);
  node.forgetLookups();
}

for (const type of ['host-gw', 'auto']) {
  test(`with ${type} it goes on to send to peers that share the new address's segment`, async () => {
    using node = new FakeNode();
    await node.converge(configOfType(type), NODES);
    move(node, '192.168.1.1', '192.168.1.77');
    await node.converge(configOfType(type), NODES);
    assert.deepEqual(ROUTE.exec(node.text())?.slice(1), ['192.168.1.2', 'eth0']);
  });
}

test('and not to those that it does not share', async () => {
  using node = new FakeNode();
  await node.converge(configOfType('host-gw'), NODES);
  move(node, '192.168.1.1', '10.1.2.3');
  await node.converge(configOfType('host-gw'), NODES);
  assert.equal(ROUTE.exec(node.text()), null);
});

test('by VXLAN nothing could be sent, and no path is taken that was not there', async () => {
  using node = new FakeNode();
  await node.converge(configOfType('vxlan'), NODES);
  move(node, '192.168.1.1', '192.168.1.77');
  await node.converge(configOfType('vxlan'), NODES);
  assert.equal(ROUTE.exec(node.text()), null);
});
