// CHECK and GC by the real executable: every fault is found, and only what is unused is removed.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { egressLinkOf } from '../../../src/state/own.ts';
import type { Pod } from './node.ts';
import { add, attachmentFiles, del, errorIn, resultIn, runIn, TestNode } from './node.ts';

type Fault = readonly [string, (node: TestNode, pod: Pod, link: string) => void, RegExp];

const FAULTS: readonly Fault[] = [
  [
    'the pod address',
    (_, pod) => runIn(pod, 'ip', 'addr', 'flush', 'dev', 'eth0', 'scope', 'global'),
    /address 10\.244\.1\.\d+\/32 is missing on eth0 in the pod/,
  ],
  [
    'the default route',
    (_, pod) => runIn(pod, 'ip', 'route', 'del', 'default'),
    /route 0\.0\.0\.0\/0 is missing in the pod/,
  ],
  [
    'the IPv6 default route',
    (_, pod) => runIn(pod, 'ip', '-6', 'route', 'del', 'default'),
    /route ::\/0 is missing in the pod/,
  ],
  [
    'the gateway neighbour',
    (_, pod) => runIn(pod, 'ip', 'neigh', 'del', '169.254.1.1', 'dev', 'eth0'),
    /neighbour 169\.254\.1\.1 on eth0 in the pod is missing/,
  ],
  [
    'the right neighbour',
    (_, pod) =>
      runIn(
        pod,
        ...'ip neigh replace fe80::1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent'.split(' '),
      ),
    /neighbour fe80::1 .* has 02:00:00:00:00:01/,
  ],
  [
    'the pod link up',
    (_, pod) => runIn(pod, 'ip', 'link', 'set', 'eth0', 'down'),
    /link eth0 is down in the pod/,
  ],
  [
    'the Ethernet address',
    (_, pod) => runIn(pod, 'ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:02'),
    /link eth0 has the Ethernet address 02:00:00:00:00:02 instead of .* in the pod/,
  ],
  [
    'loopback',
    (_, pod) => runIn(pod, 'ip', 'link', 'set', 'lo', 'down'),
    /link lo is down in the pod/,
  ],
  [
    'IPv6',
    (_, pod) => runIn(pod, 'sysctl', '-qw', 'net.ipv6.conf.eth0.disable_ipv6=1'),
    /sysctl ipv6\/conf\/eth0\/disable_ipv6 is 1 instead of 0 in the pod/,
  ],
  [
    "the host's Ethernet address",
    (node, _, link) => node.run('ip', 'link', 'set', link, 'address', '02:00:00:00:00:03'),
    /link poplin.* has the Ethernet address 02:00:00:00:00:03 .* in the host/,
  ],
  [
    'the gateway address',
    (node, _, link) => node.run('ip', 'addr', 'del', '169.254.1.1/32', 'dev', link),
    /address 169\.254\.1\.1\/32 is missing on poplin.* in the host/,
  ],
  [
    "the pod's neighbour entry",
    (node, _, link) => node.run('ip', 'neigh', 'flush', 'dev', link, 'nud', 'permanent'),
    /neighbour 10\.244\.1\.\d+ on poplin.* in the host is missing/,
  ],
  [
    'the right host route',
    (node, _, link) => {
      const [route = ''] = node.run('ip', 'route', 'show', 'dev', link).split(' ');
      node.run('ip', 'route', 'replace', route, 'dev', 'lo', 'metric', '16', 'proto', '113');
    },
    /route 10\.244\.1\.\d+\/32 leads elsewhere in the host/,
  ],
  [
    'forwarding by the node',
    (node) => node.run('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0'),
    /sysctl ipv6\/conf\/all\/forwarding is 0 instead of 1 in the host/,
  ],
  [
    'forwarding from the pod',
    (node, _, link) => node.run('sysctl', '-qw', `net.ipv4.conf.${link}.forwarding=0`),
    /sysctl ipv4\/conf\/poplin.*\/forwarding is 0 instead of 1 in the host/,
  ],
  [
    'the lax reverse-path filter',
    (node, _, link) => node.run('sysctl', '-qw', `net.ipv4.conf.${link}.rp_filter=1`),
    /sysctl ipv4\/conf\/poplin.*\/rp_filter is 1 instead of 0 in the host/,
  ],
  [
    'the anti-spoofing table',
    (node) => node.run('nft', 'delete', 'table', 'inet', 'poplin'),
    /the nftables table with the anti-spoofing rules is missing/,
  ],
  [
    'one anti-spoofing rule',
    (node) => node.run('nft', 'flush', 'chain', 'inet', 'poplin', 'pods'),
    /rules of the nftables table were changed/,
  ],
  [
    'the table switched on',
    (node) => node.run('nft', 'add', 'table', 'inet', 'poplin', '{ flags dormant; }'),
    /the nftables table is dormant/,
  ],
  [
    "the host link's group",
    (node, _, link) => node.run('ip', 'link', 'set', link, 'group', 'default'),
    /link poplin\w+ is in group 0 instead of 113 in the host/,
  ],
  [
    'the best route',
    (node, _, link) => {
      const [route = ''] = node.run('ip', 'route', 'show', 'dev', link).split(' ');
      node.run('ip', 'route', 'add', `${route}/32`, 'dev', 'lo');
    },
    /a better route leads 10\.244\.1\.\d+ to lo in the host/,
  ],
  [
    'reachability',
    (node, _, link) => {
      const [route = ''] = node.run('ip', '-6', 'route', 'show', 'dev', link).split(' ');
      node.run('ip', 'route', 'add', 'prohibit', route, 'metric', '1');
    },
    /a better route or rule makes fd00:10:244:1::\w+ unreachable in the host/,
  ],
  [
    'the reservation',
    (node) => {
      for (const name of attachmentFiles(node)) rmSync(join(node.attachmentDirectory, name));
    },
    /its file on this node is gone/,
  ],
  [
    'the rate to the pod',
    (node, _, link) => node.run('tc', 'qdisc', 'del', 'dev', link, 'root'),
    /shaping: the rate of 1000000 bit\/s on poplin\w+ is missing in the host/,
  ],
  [
    'the right rate from the pod',
    (node, _, link) =>
      node.run(
        ...`tc qdisc change dev ${egressLinkOf(link)} root handle 71:`.split(' '),
        ...'tbf rate 5mbit burst 64k limit 98304'.split(' '),
      ),
    /shaping: the rate of 2000000 bit\/s on poplini\w+ is 5000000 bit\/s/,
  ],
  [
    'the redirection',
    (node, _, link) => node.run('tc', 'filter', 'del', 'dev', link, 'ingress'),
    /shaping: what poplin\w+ receives is not led to poplini\w+ in the host/,
  ],
  [
    'the link that shapes',
    (node, _, link) => node.run('ip', 'link', 'del', egressLinkOf(link)),
    /link poplini\w+ is missing in the host; shaping: the rate of 2000000 .* is missing/,
  ],
  [
    'the pair',
    (node, _, link) => node.run('ip', 'link', 'del', link),
    /link .* is missing in the host/,
  ],
  [
    'the host route',
    (node, _, link) => node.run('ip', 'route', 'flush', 'dev', link, 'proto', '113'),
    /route 10\.244\.1\.\d+\/32 is missing in the host/,
  ],
  [
    'the host link up',
    (node, _, link) => node.run('ip', 'link', 'set', link, 'down'),
    /link poplin.* is down in the host/,
  ],
];

const RATES = { runtimeConfig: { bandwidth: { ingressRate: 1e6, egressRate: 2e6 } } };

describe('CHECK', () => {
  let node: TestNode;
  let pod: Pod;
  before(async () => {
    node = await TestNode.create('check');
    pod = node.addPod('p');
  });
  after(() => node.remove());

  for (const [what, damage, text] of FAULTS) {
    test(`finds that ${what} is missing`, async () => {
      node.makeWhole();
      const added = await node.cni('ADD', pod, { config: RATES });
      const prevResult = resultIn(added);
      const fine = await node.cni('CHECK', pod, { config: { prevResult } });
      assert.equal(fine.exitCode, 0, fine.stdout);
      damage(node, pod, prevResult.interfaces[0]?.name ?? '');
      const outcome = await node.cni('CHECK', pod, { config: { prevResult } });
      assert.equal(errorIn(outcome).code, 103, outcome.stdout);
      assert.match(errorIn(outcome).details, text);
      await del(node, pod);
    });
  }

  test('needs prevResult, an attachment, and the addresses of both to agree', async () => {
    const prevResult = { cniVersion: '1.1.0', interfaces: [], ips: [] };
    assert.equal(errorIn(await node.cni('CHECK', pod)).code, 7);
    const none = await node.cni('CHECK', pod, { config: { prevResult } });
    assert.match(errorIn(none).details, /no address is reserved/);
    await add(node, pod);
    const differs = await node.cni('CHECK', pod, { config: { prevResult } });
    assert.match(errorIn(differs).details, /prevResult does not list eth0; .*10\.244\.1\.\d+/);
    await del(node, pod);
  });

  test('allows what chained plugins change', async () => {
    const prevResult = resultIn(await node.cni('ADD', pod));
    runIn(pod, 'ip', 'link', 'set', 'eth0', 'mtu', '1400');
    runIn(pod, 'ip', 'addr', 'add', '192.0.2.1/32', 'dev', 'eth0');
    runIn(pod, 'ip', 'route', 'add', '198.51.100.0/24', 'dev', 'eth0');
    runIn(pod, 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra=2', 'net.core.somaxconn=512');
    const [hostLink = ''] = prevResult.interfaces.map(({ name }) => name);
    for (const qdisc of ['root handle 5: tbf rate 1mbit burst 64k limit 64k', 'clsact']) {
      node.run(...`tc qdisc add dev ${hostLink} ${qdisc}`.split(' '));
    }
    node.run('nft', 'add', 'table', 'inet', 'others');
    const outcome = await node.cni('CHECK', pod, { config: { prevResult } });
    assert.equal(outcome.exitCode, 0, outcome.stdout);
    await del(node, pod);
  });
});

describe('GC', () => {
  let node: TestNode;
  before(async () => {
    node = await TestNode.create('gc');
  });
  after(() => node.remove());

  for (const key of ['cni.dev/valid-attachments', 'cni.dev/attachments']) {
    test(`by ${key} removes what is not listed, of this network alone`, async () => {
      const pods = ['keep', 'drop', 'foreign'].map((id) => node.addPod(id));
      const [keep, drop, foreign] = pods;
      assert.ok(keep !== undefined && drop !== undefined && foreign !== undefined);
      await add(node, keep);
      await add(node, drop);
      await node.cni('ADD', foreign, { config: { name: 'othernet' } });
      const config = { [key]: [{ containerID: 'keep', ifname: 'eth0' }] };
      const outcome = await node.cni('GC', { ...keep, id: '', netns: '' }, { config });
      assert.deepEqual([outcome.exitCode, outcome.stdout], [0, '']);
      const left = node.service.attachments().map(({ containerId }) => containerId);
      assert.deepEqual(left.sort(), ['foreign', 'keep']);
      assert.equal(runIn(drop, 'ip', '-br', 'link').includes('eth0'), false);
      await del(node, keep);
      await node.cni('DEL', foreign, { config: { name: 'othernet' } });
      for (const pod of pods) node.removePod(pod);
      assert.equal(node.leftovers(), '');
    });
  }

  test('without a list changes nothing', async () => {
    const pod = node.addPod('p');
    await add(node, pod);
    assert.equal(errorIn(await node.cni('GC', pod)).code, 7);
    assert.equal(node.service.attachments().length, 1);
    await del(node, pod);
  });
});
