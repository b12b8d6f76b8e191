// Pods that ask for something, over their whole life: what they get, who is refused and why, and
// that restarts, repairs and faults at any op change nothing of it and leave nothing behind.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Ip } from '../../../src/net/ip.ts';
import type { FakeCall } from '../../fake/cni-node.ts';
import { FakeCniNode } from '../../fake/cni-node.ts';

const runtime = (runtimeConfig: object, id = 'c1'): FakeCall => ({
  env: { CNI_CONTAINERID: id },
  config: { runtimeConfig },
});

async function ask(node: FakeCniNode, call: FakeCall): Promise<string> {
  const { exitCode, stdout } = await node.call('ADD', call);
  const json = JSON.parse(stdout);
  if (exitCode !== 0) return `${json.code}: ${json.msg}; ${json.details}`;
  return json.ips.map(({ address }: { address: string }) => address).join(' ');
}

const WISH = { ips: ['10.244.1.77'], mac: '0a:00:00:00:00:77', bandwidth: { egressRate: 1e6 } };

describe('a requested address', () => {
  test('is given, and the other family is chosen', async () => {
    const node = new FakeCniNode();
    assert.equal(await ask(node, runtime(WISH)), '10.244.1.77/32 fd00:10:244:1::2/128');
    assert.match(node.printPod(), /link eth0 .* address 0a:00:00:00:00:77/);
    assert.match(node.printHost(), /neighbour 10\.244\.1\.77 lladdr 0a:00:00:00:00:77/);
  });

  test('of both families is given', async () => {
    const wish = { ips: ['fd00:10:244:1::77/64', '10.244.1.77/24'] };
    const given = await ask(new FakeCniNode(), runtime(wish));
    assert.equal(given, '10.244.1.77/32 fd00:10:244:1::77/128');
  });

  test('is refused while another has it, who is named, and given afterwards', async () => {
    const node = new FakeCniNode();
    const CNI_ARGS = 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;IP=10.244.1.77';
    await node.call('ADD', { env: { CNI_CONTAINERID: 'holder', CNI_ARGS } });
    node.podKernel.namespace.links.delete('eth0');
    const before = node.leftovers();
    assert.equal(
      await ask(node, runtime({ ips: ['10.244.1.77'] })),
      '11: the requested address is taken; runtimeConfig.ips is "10.244.1.77", and pod shop/web, ' +
        'eth0 of container holder has it; ' +
        'it must be a free pod address of 10.244.1.0/24 or fd00:10:244:1::/64',
    );
    assert.equal(node.leftovers(), before);
    await node.call('DEL', { env: { CNI_CONTAINERID: 'holder' } });
    assert.match(await ask(node, runtime({ ips: ['10.244.1.77'] })), /^10\.244\.1\.77/);
  });

  for (const [address, text] of [
    ['10.244.2.9', /^7: .*runtimeConfig\.ips is "10\.244\.2\.9", which is not in a subnet/],
    ['10.244.1.0', /^7: .*"10\.244\.1\.0", which is no pod's/],
    ['10.244.1.1', /^7: .*"10\.244\.1\.1", which is no pod's/],
    ['10.244.1.255', /^7: .*"10\.244\.1\.255", which is no pod's/],
    ['fd00:10:244:1::', /^7: .*which is no pod's.*10\.244\.1\.0\/24/],
    ['fd00:10:244:2::9', /^7: .*which is not in a subnet/],
  ] as const) {
    test(`is refused as ${address}`, async () => {
      const node = new FakeCniNode();
      assert.match(await ask(node, runtime({ ips: [address] })), text);
      assert.equal(node.leftovers(), '');
    });
  }

  test('is not given to others meanwhile', async () => {
    const node = new FakeCniNode();
    await ask(node, runtime({ ips: ['10.244.1.3'] }));
    const given: string[] = [];
    for (const id of ['a', 'b', 'c']) {
      node.podKernel.namespace.links.delete('eth0');
      given.push((await ask(node, runtime({}, id))).split(' ')[0] ?? '');
    }
    assert.deepEqual(given, ['10.244.1.2/32', '10.244.1.4/32', '10.244.1.5/32']);
  });
});

test('all that was asked for outlives a restart and a deleted host veth', async () => {
  const node = new FakeCniNode();
  await ask(node, runtime(WISH));
  const before = node.printHost() + node.printPod();
  assert.match(before, /type ifb/);
  assert.match(before, /qdisc dev poplini\w+ root tbf rate 1000000bit/);
  assert.match(before, /qdisc dev poplin\w+ clsact redirect dev poplini/);
  node.restart();
  assert.equal(node.printHost() + node.printPod(), before);
  const [attachment = assert.fail()] = node.store.attachments();
  const { namespace } = node.host;
  const value = namespace.links.get(attachment.hostLink) ?? assert.fail();
  assert.deepEqual(node.host.touch([{ verb: 'remove', object: 'link', value }]), []);
  const sources = ['10.244.1.0', 'fd00:10:244:1::'] as Ip[];
  const request = { attachment, routed: attachment.addresses, sources };
  assert.deepEqual(await node.service.remake(request), { kind: 'made' });
  assert.equal(node.printHost() + node.printPod(), before);
});

test('an ADD that fails or dies at any op leaves nothing of its shaping after a DEL', async () => {
  const whole = new FakeCniNode();
  await ask(whole, runtime(WISH));
  const count = whole.host.applied.length;
  assert.ok(count > 8, String(count));
  for (const effect of ['fail', 'crash-before', 'crash-after'] as const) {
    for (let skip = 0; skip < count; skip += 1) {
      const node = new FakeCniNode();
      node.host.inject({ effect, skip });
      const answer = await ask(node, runtime(WISH));
      assert.match(answer, /^(100|999): /, `${effect} at ${skip}`);
      if (effect === 'fail') assert.equal(node.leftovers(), '', `${effect} at ${skip}`);
      node.restart();
      assert.equal((await node.call('DEL')).exitCode, 0);
      assert.equal(node.leftovers(), '', `${effect} at ${skip}`);
    }
  }
});
