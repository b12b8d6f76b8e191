// Others in one etcd: Flannel's nodes by their exact keys and values, reservations, nodes of one
// underlay address, and keys that nobody can read. Each is left as it is and harms nobody else.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Cidr } from '../../../src/net/cidr.ts';
import { keysOfNode } from '../../../src/source/etcd/table.ts';
import { Scene } from './scene.ts';
import { EtcdServer } from './server.ts';

const SMALL = { Network: '10.244.0.0/18' };
const DUAL = { ...SMALL, EnableIPv6: true, IPv6Network: 'fd00::/62' };

/** As flanneld v0.28 writes it. */
const FLANNEL_VALUE =
  '{"PublicIP":"192.168.7.50","PublicIPv6":null,"BackendType":"vxlan",' +
  '"BackendData":{"VNI":1,"VtepMAC":"8e:11:22:33:44:55"}}';

describe('neighbours in etcd', () => {
  let server: EtcdServer;
  let scene: Scene;
  before(async () => {
    server = await EtcdServer.start();
  });
  after(() => server.dispose());
  beforeEach(async () => {
    scene = new Scene(server);
    await scene.ready;
  });
  afterEach(async () => {
    await scene.operator.etcd.delete().prefix('/coreos.com/network/');
    await scene.end();
  });
  const subnetKey = (name: string): string => scene.operator.layout.subnets + name;

  test('what a node says of its health is bound to its lease, and nobody has an event of it', async () => {
    const { operator } = scene;
    const reader = scene.open('reader', { keepsSummaries: true });
    const node = scene.open('a');
    const stop = new AbortController().signal;
    const summary = { text: '{"v":1}', isReady: true, words: 'well' };
    await node.source.publishSummary(summary, stop);
    const key = keysOfNode(operator.layout, 'a').summary;
    assert.equal(await operator.get(key), undefined, 'it holds nothing to bind it to');
    node.hold(SMALL);
    await node.untilHeld();
    await reader.until('the node', () => reader.cluster.nodes?.has('a') === true);
    const count = reader.events.length;
    await node.source.publishSummary(summary, stop);
    await reader.until('the summary', () => reader.source.summaries?.get('a') === '{"v":1}');
    assert.equal(reader.events.length, count);
    assert.equal(node.source.summaries, undefined, 'kept where nobody asked for it');
    const lease = (await operator.etcd.get(key).exec()).kvs[0]?.lease ?? '0';
    await operator.etcd.leaseClient.leaseRevoke({ ID: lease });
    await reader.until('it to go', () => reader.source.summaries?.has('a') === false);
  });

  test("a Flannel node's key is a full peer, and is left alone", async () => {
    const { operator } = scene;
    const lease = await operator.grant();
    const key = subnetKey('10.244.9.0-24');
    await operator.put(key, FLANNEL_VALUE, lease);
    const node = scene.open('a');
    node.hold(SMALL, ['10.244.9.0/24']);
    const subnets = await node.untilHeld();
    assert.notDeepEqual(subnets, ['10.244.9.0/24']);
    const peer = node.cluster.nodes?.get('flannel:10.244.9.0-24');
    assert.deepEqual(peer?.subnets, ['10.244.9.0/24']);
    assert.deepEqual(peer?.problems, []);
    assert.deepEqual(peer?.flannel, {
      backendType: 'vxlan',
      publicIps: ['192.168.7.50'],
      vxlan: [{ publicIp: '192.168.7.50', vni: 1, mac: '8e:11:22:33:44:55' }],
    });
    const uid = peer?.uid;
    // A renewal: another lease, the same value.
    await operator.put(key, FLANNEL_VALUE.replace('55"', '66"'), await operator.grant());
    await node.until('the renewal', () => {
      const after = node.cluster.nodes?.get('flannel:10.244.9.0-24');
      return after?.flannel?.vxlan[0]?.mac === '8e:11:22:33:44:66' && after.uid === uid;
    });
    assert.equal((await operator.get(key))?.includes('192.168.7.50'), true);
  });

  test('a Flannel node finds what it needs in our key', async () => {
    const node = scene.open('a', { addresses: ['192.168.1.1'] });
    node.hold(SMALL);
    const [subnet = ''] = await node.untilHeld();
    const key = subnetKey(subnet.replace('/', '-'));
    const unpublished = JSON.parse((await scene.operator.get(key)) ?? '');
    assert.deepEqual(unpublished, {
      ...{ PublicIP: '192.168.1.1', PublicIPv6: null, BackendType: 'alloc' },
    });
    await node.publish(1);
    assert.equal(
      await scene.operator.get(key),
      '{"PublicIP":"192.168.1.1","PublicIPv6":null,"BackendType":"vxlan",' +
        '"BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}}',
    );
    await node.publish(1, { backend: 'host-gw' });
    assert.equal(
      await scene.operator.get(key),
      '{"PublicIP":"192.168.1.1","PublicIPv6":null,"BackendType":"host-gw"}',
    );
    const { kvs } = await scene.operator.etcd.kv.range({ key: Buffer.from(key) });
    assert.equal(kvs[0]?.lease, await scene.operator.leaseOf('a'));
  });

  test('a Flannel node that puts our key as its own has it, and we get another', async () => {
    const { operator } = scene;
    const node = scene.open('a', { addresses: ['192.168.7.50'] });
    node.hold(SMALL);
    await node.publish(1);
    const [lost = ''] = await node.untilHeld();
    const key = subnetKey(lost.replace('/', '-'));
    await operator.put(key, FLANNEL_VALUE, await operator.grant());
    await node.until('another', () => node.subnets.length > 0 && node.subnets[0] !== lost);
    const words = node.told.flatMap((each) => ('reason' in each ? [each.reason] : [])).at(-1);
    assert.match(words ?? '', /was lost: the Flannel node 192\.168\.7\.50 has it now/);
    assert.equal(await operator.get(key), FLANNEL_VALUE);
    await node.until('both', () => {
      const flannel = node.cluster.nodes?.get(`flannel:${lost.replace('/', '-')}`);
      const own = node.cluster.nodes?.get('a');
      return flannel?.subnets[0] === lost && own?.subnets[0] === node.subnets[0];
    });
  });

  test('two nodes of one underlay address share no subnet', async () => {
    const addresses = ['10.0.2.15'];
    const a = scene.open('a', { addresses });
    const b = scene.open('b', { addresses });
    a.hold(SMALL);
    b.hold(SMALL);
    const held = [...(await a.untilHeld()), ...(await b.untilHeld())];
    assert.equal(new Set(held).size, 2);
    await Promise.all([a.publish(1), b.publish(1)]);
    const again = scene.open('c', { addresses });
    again.hold(SMALL);
    assert.equal(held.includes((await again.untilHeld())[0] ?? ''), false);
  });

  test('with both families there is one key, and neither part is given out again', async () => {
    const { operator } = scene;
    const a = scene.open('a');
    a.hold(DUAL, ['10.244.5.0/24', 'fd00:0:0:2::/64']);
    await a.untilHeld();
    assert.notEqual(await operator.get(subnetKey('10.244.5.0-24&fd00:0:0:2::-64')), undefined);
    const b = scene.open('b');
    b.hold(SMALL, ['10.244.5.0/24']);
    assert.notDeepEqual(await b.untilHeld(), ['10.244.5.0/24']);
    const c = scene.open('c');
    c.hold(DUAL, ['10.244.7.0/24', 'fd00:0:0:2::/64']);
    const [first, second] = await c.untilHeld();
    assert.equal(first, '10.244.7.0/24');
    assert.notEqual(second, 'fd00:0:0:2::/64');
  });

  test('claims of one IPv6 subnet at once under different keys: one gives way', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const network = { ...SMALL, EnableIPv6: true, IPv6Network: 'fd00::/61' };
    const nodes = names.map((name, index) => {
      const node = scene.open(name);
      node.hold(network, [`10.244.${index + 5}.0/24`, 'fd00:0:0:2::/64']);
      return node;
    });
    const held = await Promise.all(nodes.map((node) => node.untilHeld()));
    assert.equal(new Set(held.map(([, second]) => second)).size, names.length);
    assert.equal(held.filter(([, second]) => second === 'fd00:0:0:2::/64').length, 1);
  });

  test('a reservation survives, whatever its value', async () => {
    const { operator } = scene;
    const text = '{"PublicIP":"10.1.2.3"}';
    await operator.put(subnetKey('10.244.8.0-24'), text);
    const node = scene.open('a');
    node.hold(SMALL, ['10.244.8.0/24']);
    assert.notDeepEqual(await node.untilHeld(), ['10.244.8.0/24']);
    assert.equal(await operator.get(subnetKey('10.244.8.0-24')), text);
    assert.deepEqual([...(node.cluster.nodes?.keys() ?? [])], ['a']);
  });

  test('malformed keys and values are problems of their own nodes alone', async () => {
    const { operator } = scene;
    const { layout } = operator;
    const lease = await operator.grant();
    await operator.put(subnetKey('10.244.9.0-24'), FLANNEL_VALUE, lease);
    await operator.put(subnetKey('10.244.10.0-24'), 'no JSON', lease);
    await operator.put(subnetKey('10.244.11.0-24'), '{"BackendType":"vxlan","PublicIP":7}', lease);
    await operator.put(subnetKey('10.244.12.0-99'), FLANNEL_VALUE, lease);
    await operator.put(subnetKey('nonsense'), FLANNEL_VALUE, lease);
    await operator.put(`${layout.holders}%ZZ`, '{}', lease);
    await operator.put(`${layout.holders}x`, '[]', lease);
    await operator.occupy('bad-advert', ['10.244.13.0/24']);
    await operator.put(keysOfNode(layout, 'bad-advert').advert, '{"v":7}', lease);
    const node = scene.open('a');
    node.hold(SMALL);
    await node.untilHeld();
    const problemsOf = (name: string): string =>
      node.cluster.nodes?.get(name)?.problems.join() ?? 'not there';
    assert.equal(problemsOf('flannel:10.244.9.0-24'), '');
    assert.match(problemsOf('flannel:10.244.10.0-24'), /not a JSON object: "no JSON"/);
    assert.match(problemsOf('flannel:10.244.11.0-24'), /PublicIP: 7 is not an IPv4 address/);
    assert.match(problemsOf('flannel:10.244.12.0-99'), /is not the name of a subnet/);
    assert.match(problemsOf('flannel:nonsense'), /is not the name of a subnet/);
    assert.match(problemsOf('bad-advert'), /its advert: /);
    assert.deepEqual(node.cluster.nodes?.get('bad-advert')?.subnets, ['10.244.13.0/24']);
  });

  test('Flannel reads two keys of a node with two subnets, and the first anew when one goes', async () => {
    const { operator } = scene;
    const writtenAt = async (key: string): Promise<string> => {
      const { kvs } = await operator.etcd.kv.range({ key: Buffer.from(key) });
      return kvs[0]?.mod_revision ?? 'not there';
    };
    const saidOf = (subnet: string) => operator.get(subnetKey(subnet.replace('/', '-')));
    const before = scene.open('a');
    before.hold(SMALL);
    const [first = ''] = await before.untilHeld();
    await before.publish();
    const value = await saidOf(first);
    assert.match(value ?? '', /"BackendType":"vxlan"/);
    await before.end();

    // Claimed before this process has published anything.
    const after = scene.open('a');
    after.hold(SMALL, [first], { counts: { ipv4: 2 }, spare: [] });
    await after.until('two subnets', () => after.subnets.length === 2);
    const further = after.subnets.find((subnet) => subnet !== first) ?? '';
    assert.deepEqual([await saidOf(first), await saidOf(further)], [value, value]);
    await after.publish(1);
    assert.equal(await saidOf(further), await saidOf(first));
    const firstKey = subnetKey(first.replace('/', '-'));
    const shown = await writtenAt(firstKey);
    await after.end();

    const last = scene.open('a');
    last.hold(SMALL, [first], { counts: {}, spare: [further as Cidr] });
    await last.until('one subnet', async () => (await saidOf(further)) === undefined);
    const holder = keysOfNode(operator.layout, 'a').holder;
    assert.notEqual(await writtenAt(firstKey), shown);
    assert.equal(await writtenAt(firstKey), await writtenAt(holder), 'in one transaction');
    assert.equal(await saidOf(first), value);
  });

  test('fifty claims at once share none', async (context) => {
    const startedMs = performance.now();
    const names = Array.from({ length: 50 }, (_, index) => `n${index}`);
    const nodes = names.map((name) => {
      const node = scene.open(name);
      node.hold({ Network: '10.244.0.0/16' });
      return node;
    });
    const held = await Promise.all(nodes.map((node) => node.untilHeld()));
    context.diagnostic(`the last one after ${Math.round(performance.now() - startedMs)} ms`);
    assert.equal(new Set(held.flat()).size, names.length);
  });
});
