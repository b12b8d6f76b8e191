// The verbs by the real executable, in real namespaces: what a runtime and a pod see.

import assert from 'node:assert/strict';
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Cidr } from '../../../src/net/cidr.ts';
import { linkLocalOf, parseMac } from '../../../src/net/mac.ts';
import { withinSomeTime } from '../some-time.ts';
import { NETWORK, READY } from './agent.ts';
import type { Pod } from './node.ts';
import { add, attachmentFiles, del, errorIn, resultIn, runIn, TestNode } from './node.ts';

const ping = (pod: Pod, address: string, ...more: readonly string[]): string =>
  runIn(pod, 'ping', '-c', '1', '-W', '10', ...more, address);

const addressesIn = (text: string): string[] =>
  [...text.matchAll(/inet6 (\S+)/g)].map(([, address = '']) => address);

describe('two pods of one node', () => {
  let node: TestNode;
  let pods: { pod: Pod; v4: string; v6: string }[];
  before(async () => {
    node = await TestNode.create('two');
    pods = [];
    for (const id of ['a', 'b']) {
      const pod = node.addPod(id);
      const [v4 = '', v6 = ''] = await add(node, pod);
      pods.push({ pod, v4, v6 });
    }
  });
  after(() => node.remove());

  test('reach each other and the node in both families from the first packet on', () => {
    const [a, b] = pods;
    assert.ok(a !== undefined && b !== undefined);
    for (const target of [b.v4, b.v6, '10.244.1.0', 'fd00:10:244:1::']) ping(a.pod, target);
    for (const target of [a.v4, a.v6]) ping(b.pod, target);
    for (const target of [a.v4, a.v6, b.v4, b.v6]) {
      node.run('ping', '-c', '1', '-W', '10', target);
    }
  });

  test('send what the link takes to each other, and no more than the route MTU elsewhere', () => {
    const [a, b] = pods;
    assert.ok(a !== undefined && b !== undefined);
    ping(a.pod, b.v4, '-M', 'do', '-s', String(1500 - 28));
    ping(a.pod, b.v6, '-M', 'do', '-s', String(1500 - 48));
    node.run('ip', 'address', 'add', '192.0.2.1/32', 'dev', 'lo');
    ping(a.pod, '192.0.2.1', '-M', 'do', '-s', String(1450 - 28));
    assert.throws(() => ping(a.pod, '192.0.2.1', '-M', 'do', '-s', String(1451 - 28)));
    // What the pod receives is not bounded by its routes: the node sends 1500.
    node.run('ping', '-c', '1', '-W', '10', '-M', 'do', '-s', String(1500 - 28), a.v4);
    node.run('ping', '-c', '1', '-W', '10', '-M', 'do', '-s', String(1500 - 48), a.v6);
  });

  test('are seen by the node with their own addresses and readable names', () => {
    assert.match(node.run('ip', 'link', 'show', 'group', '113'), /alias a\b[\s\S]*alias b\b/);
    assert.match(node.run('ip', 'route', 'get', pods[0]?.v4 ?? ''), /src 10\.244\.1\.0/);
  });

  test('pass CHECK right after their ADD', async () => {
    for (const { pod, v4, v6 } of pods) {
      const ips = [v4, v6].map((address) => ({ address: `${address}/32`, interface: 1 }));
      const interfaces = [{ name: 'x' }, { name: 'eth0', sandbox: pod.netns }];
      const prevResult = { cniVersion: '1.1.0', interfaces, ips };
      const outcome = await node.cni('CHECK', pod, { config: { prevResult } });
      assert.deepEqual([outcome.exitCode, outcome.stdout], [0, '']);
    }
  });
});

describe('a single pod', () => {
  let node: TestNode;
  let pod: Pod;
  before(async () => {
    node = await TestNode.create('one');
    pod = node.addPod('p');
  });
  afterEach(async () => {
    node.readiness = READY;
    await node.cni('DEL', pod);
    assert.equal(node.leftovers(), '');
    assert.deepEqual(attachmentFiles(node), []);
  });
  after(() => node.remove());

  for (const cniVersion of ['0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
    test(`gets a result in ${cniVersion} and names its host veth there`, async () => {
      const outcome = await node.cni('ADD', pod, { config: { cniVersion } });
      const result = resultIn(outcome);
      assert.equal(result.cniVersion, cniVersion);
      assert.match(node.run('ip', '-br', 'link'), new RegExp(result.interfaces[0]?.name ?? '!'));
      assert.equal(result.interfaces[1]?.name, 'eth0');
    });
  }

  test('is removed once, twice, without its namespace, and though it never was', async () => {
    await add(node, pod);
    await del(node, pod);
    await del(node, pod);
    const other = node.addPod('gone');
    await add(node, other);
    node.removePod(other);
    await del(node, other);
    await del(node, { ...other, netns: '' });
    await del(node, { ...other, id: 'never' });
  });

  for (const isOff of [false, true]) {
    const where = isOff ? 'a namespace without IPv6' : 'a new namespace';
    test(`has in ${where} no address that waits for others, not even its link-local one`, async () => {
      runIn(pod, 'sysctl', '-qw', `net.ipv6.conf.all.disable_ipv6=${isOff ? 1 : 0}`);
      const [, v6 = ''] = await add(node, pod);
      const inPod = runIn(pod, 'ip', '-6', '-o', 'address', 'show', 'dev', 'eth0');
      const onHost = node.run('ip', '-6', '-o', 'address', 'show', 'scope', 'link');
      assert.doesNotMatch(`${inPod}${onHost}`, /tentative|optimistic|dadfailed/);
      const mac = /link\/ether (\S+)/.exec(runIn(pod, 'ip', 'link', 'show', 'eth0'))?.[1] ?? '';
      const linkLocal = linkLocalOf(parseMac(mac) ?? assert.fail(mac));
      assert.deepEqual(addressesIn(inPod).sort(), [`${linkLocal}/64`, `${v6}/128`].sort());
      assert.deepEqual(addressesIn(onHost), ['fe80::1/64']);
      runIn(pod, 'ping', '-6', '-c', '1', '-W', '10', '-I', `${linkLocal}%eth0`, 'fe80::1%eth0');
    });
  }

  test('cannot be added twice', async () => {
    const [v4 = ''] = await add(node, pod);
    const error = errorIn(await node.cni('ADD', pod));
    assert.equal(error.code, 102);
    assert.ok(error.details.includes(v4), error.details);
    node.run('ping', '-c', '1', '-W', '10', v4);
  });

  test('keeps an interface of somebody else', async () => {
    runIn(pod, 'ip', 'link', 'add', 'eth0', 'type', 'bridge');
    assert.equal(errorIn(await node.cni('ADD', pod)).code, 101);
    await del(node, pod);
    assert.match(runIn(pod, 'ip', '-br', 'link'), /eth0/);
    runIn(pod, 'ip', 'link', 'del', 'eth0');
  });

  const netnsCases: readonly [string, (node: TestNode) => string][] = [
    ['is the namespace of the node', ({ netns }) => netns],
    ['is not there', () => '/run/netns/pc-not-there'],
    ['is a directory', () => '/run'],
    ['is a namespace of another kind', () => '/proc/self/ns/uts'],
  ];
  for (const [name, netnsOf] of netnsCases) {
    test(`is refused with code 8 when CNI_NETNS ${name}`, async () => {
      const outcome = await node.cni('ADD', { ...pod, netns: netnsOf(node) });
      assert.equal(errorIn(outcome).code, 8, outcome.stdout);
      assert.ok(`${outcome.stdout}`.includes(netnsOf(node)) || name.includes('kind'));
    });
  }

  test('gets IPv6 where the runtime has switched it off', async () => {
    const off = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];
    const odd = node.addPod('odd');
    runIn(odd, 'sysctl', '-qw', ...off);
    const [, v6 = ''] = await add(node, odd);
    node.run('ping', '-c', '1', '-W', '10', v6);
    await del(node, odd);
    node.removePod(odd);
  });

  test('waits a moment for the node to be ready, then gets code 11 with the reason', async () => {
    node.readiness = { kind: 'not-ready', reason: 'no subnet yet' };
    const refused = await node.cni('ADD', pod);
    assert.equal(errorIn(refused).code, 11);
    assert.match(errorIn(refused).details, /no subnet yet/);
    assert.ok(refused.durationMs > 450, `${refused.durationMs}`);
    const waiting = node.cni('ADD', pod);
    setTimeout(() => {
      node.readiness = READY;
    }, 100);
    assert.equal((await waiting).exitCode, 0);
  });

  test('is told when no address is left', async () => {
    const network = { ...NETWORK, subnets: ['10.244.1.8/30', 'fd00::/64'] as Cidr[] };
    node.readiness = { kind: 'ready', network };
    const status = (): Promise<unknown> => node.cni('STATUS', pod).then((o) => o.stdout);
    assert.equal(await status(), '');
    await add(node, pod);
    const other = node.addPod('full');
    const refused = errorIn(await node.cni('ADD', other));
    assert.equal(refused.code, 11);
    assert.match(refused.details, /10\.244\.1\.8\/30/);
    assert.match(String(await status()), /"code":50.*10\.244\.1\.8\/30/);
    node.removePod(other);
  });

  test('is not added when its attachment cannot be written, and nothing stays', async () => {
    const inTheWay = node.attachmentDirectory;
    const files = readdirSync(inTheWay);
    renameSync(inTheWay, `${inTheWay}.away`);
    writeFileSync(inTheWay, '');
    const error = errorIn(await node.cni('ADD', pod));
    const status = errorIn(await node.cni('STATUS', pod));
    rmSync(inTheWay);
    renameSync(`${inTheWay}.away`, inTheWay);
    assert.equal(error.code, 5);
    assert.ok(error.details.includes(inTheWay), error.details);
    assert.equal(status.code, 50);
    assert.deepEqual(readdirSync(inTheWay), files);
    assert.equal(runIn(pod, 'ip', '-br', 'link').includes('eth0'), false);
  });
});

describe('STATUS', () => {
  let node: TestNode;
  before(async () => {
    node = await TestNode.create('status');
  });
  after(() => node.remove());

  for (const [kind, code] of [
    ['not-ready', 50],
    ['degraded', 51],
  ] as const) {
    test(`of a node that is ${kind} has code ${code} and the reason`, async () => {
      node.readiness = { kind, network: NETWORK, reason: 'for a reason' };
      const nobody = { id: '', name: '', netns: '' };
      const outcome = await node.cni('STATUS', nobody);
      assert.equal(errorIn(outcome).code, code);
      assert.match(errorIn(outcome).details, /for a reason/);
      // An ADD would wait for so long.
      await withinSomeTime(500, async () => (await node.cni('STATUS', nobody)).durationMs);
    });
  }
});
