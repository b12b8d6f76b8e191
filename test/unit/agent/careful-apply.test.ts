// What a kernel refuses in the middle of a pass must not take a path away that works.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advertOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { FakeNode } from '../../fake/node.ts';

const VXLAN = configOf({ Network: '10.244.0.0/16' });
const HOST_GW = configOf({ Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } });
const OTHER_VNI = configOf({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan', VNI: 9 } });
const NODES = [nodeOf(1), nodeOf(2), nodeOf(3)];
const ROUTE = /10\.244\.2\.0\/24 nhvia (\S+) dev (\S+)/;

test('a route that could not be changed keeps what it leads over, and others move on', async () => {
  using node = new FakeNode();
  await node.converge(VXLAN, NODES);
  node.kernel.inject({
    matches: (op) =>
      op.object === 'route' && op.verb === 'change' && op.value.destination === '10.244.2.0/24',
    effect: 'fail',
  });
  const { failures } = await node.pass(HOST_GW, NODES);
  assert.equal(failures.length, 1);
  const text = node.text();
  assert.deepEqual(ROUTE.exec(text)?.slice(1), ['10.244.2.0', 'poplin4-1']);
  assert.match(text, /neighbour 10\.244\.2\.0 lladdr 02:00:00:00:00:02 dev poplin4-1/);
  assert.match(text, /fdb 02:00:00:00:00:02 dst 192\.168\.1\.2 dev poplin4-1/);
  assert.match(text, /10\.244\.3\.0\/24 nhvia 192\.168\.1\.3 dev eth0/);
  await node.converge(HOST_GW, NODES);
  assert.deepEqual(ROUTE.exec(node.text())?.slice(1), ['192.168.1.2', 'eth0']);
});

test('a route does not change to a path of which an entry could not be made', async () => {
  for (const object of ['fdb', 'neighbour', 'nexthop'] as const) {
    using node = new FakeNode();
    await node.converge(HOST_GW, NODES);
    node.kernel.inject({ matches: (op) => op.object === object, effect: 'fail' });
    await node.pass(VXLAN, NODES);
    assert.deepEqual(ROUTE.exec(node.text())?.slice(1), ['192.168.1.2', 'eth0'], object);
    assert.match(node.text(), /10\.244\.3\.0\/24 nhvia 10\.244\.3\.0 dev poplin4-1/);
    await node.converge(VXLAN, NODES);
    assert.deepEqual(ROUTE.exec(node.text())?.slice(1), ['10.244.2.0', 'poplin4-1'], object);
  }
});

test('a device that could not be made is not promised to peers', async () => {
  using node = new FakeNode();
  await node.converge(VXLAN, NODES);
  node.kernel.inject({ matches: ({ object }) => object === 'link', effect: 'fail' });
  const { desired: first } = await node.pass(OTHER_VNI, NODES);
  const vnis = ({ advert }: typeof first) => advert.receives.vxlan.map(({ vni }) => vni);
  assert.ok(!vnis(first).includes(9));
  const { desired: second } = await node.pass(OTHER_VNI, NODES);
  assert.ok(vnis(second).includes(9));
});

test('a neighbour is not sent to an Ethernet address of which the entry could not be made', async () => {
  using node = new FakeNode();
  await node.converge(VXLAN, NODES);
  const [receiver] = advertOf(3).receives.vxlan;
  assert.ok(receiver !== undefined);
  const receives = { vxlan: [receiver], 'host-gw': [] };
  const anew = nodeOf(2, { advert: advertOf(2, { receives }) });
  node.kernel.inject({
    matches: (op) => op.object === 'fdb' && op.verb !== 'remove',
    effect: 'fail',
  });
  await node.pass(VXLAN, [nodeOf(1), anew]);
  assert.match(node.text(), /neighbour 10\.244\.2\.0 lladdr 02:00:00:00:00:02 dev poplin4-1/);
  await node.converge(VXLAN, [nodeOf(1), anew]);
  assert.match(node.text(), /neighbour 10\.244\.2\.0 lladdr 02:00:00:00:00:03 dev poplin4-1/);
});

test('probes are held back before the way of marked packets changes, and only then', async () => {
  using node = new FakeNode();
  await node.converge(VXLAN, NODES);
  node.verdicts = new Map();
  const heldBefore: string[] = [];
  node.kernel.beforeOp = (op) => {
    if (op.object === 'route' && op.value.table === 113) heldBefore.push(node.heldProbes.join());
  };
  await node.pass(HOST_GW, NODES);
  assert.deepEqual(heldBefore, ['10.244.2.0,10.244.3.0', '10.244.2.0,10.244.3.0']);
  node.heldProbes.length = 0;
  await node.pass(HOST_GW, NODES);
  assert.deepEqual(node.heldProbes, []);
});

test('a path is not asked as long as the rule that leads marked packets there is refused', async () => {
  using node = new FakeNode();
  await node.converge(VXLAN, NODES);
  node.verdicts = new Map();
  node.kernel.inject({ matches: (op) => op.object === 'rule', effect: 'fail' });
  const refused = await node.pass(HOST_GW, NODES);
  assert.deepEqual(
    refused.probes.filter(({ isMarked }) => isMarked),
    [],
  );
  const made = await node.pass(HOST_GW, NODES);
  assert.deepEqual(
    made.probes.filter(({ isMarked }) => isMarked).map(({ destination }) => destination),
    ['10.244.2.0', '10.244.3.0'],
  );
});
