// Our nftables table in a real kernel, with real packets: what the receiver sees as the source,
// what never arrives, and that loading it again or in another version keeps the sets. Needs root.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseRuleset } from '../../src/desired/nft-ruleset.ts';
import { renderNftTable } from '../../src/desired/nft-table.ts';
import { cidr, configFrom, DUAL_STACK } from '../fake/config-from.ts';
import type { Lab, Place } from './nft-lab.ts';
import { ADDRESSES as A, createLab, SPOOFED } from './nft-lab.ts';

const OWN = ['10.244.1.0/24', 'fd00:10:244:1::/64'].map((text) => cidr(text));
const KEYS = { ...DUAL_STACK, MasqueradeExclude: ['198.51.100.0/24', '2001:db8:51::/48'] };
const FAMILIES = ['4', '6'] as const;

/** Marks what goes to one host as kube-proxy does, among bits of others. */
const KUBE_PROXY = `
table inet kube {
  chain forward {
    type filter hook forward priority mangle;
    ip daddr ${A.host4} meta mark set meta mark | 0x4001
    ip6 daddr ${A.host6} meta mark set meta mark | 0x4001
  }
}`;

describe('the nftables table in a kernel', () => {
  let lab: Lab;
  const load = (text: string): string => lab.run('node', 'nft -f -', text);
  const loadTable = (keys: object = KEYS): void => {
    load(renderNftTable({ config: configFrom({ ...keys }), ownSubnets: OWN }).text);
  };
  const address = (name: string, family: string): string =>
    new Map(Object.entries({ ...A, ...SPOOFED })).get(`${name}${family}`) ?? assert.fail(name);

  /** On a busy machine one packet may take its time, or be dropped by a queue. */
  const untilSeen = async (
    place: Place,
    send: () => Promise<string>,
    from?: string,
  ): Promise<void> => {
    const payloads: string[] = [];
    const found = () => lab.probes[place].seen.find((one) => payloads.includes(one.payload));
    for (let tries = 0; tries < 20 && found() === undefined; tries += 1) {
      payloads.push(await send());
    }
    assert.ok(found() !== undefined, `nothing was seen at ${place}`);
    if (from !== undefined) assert.equal(found()?.from, from);
  };

  before(async () => {
    lab = await createLab();
  });
  after(() => lab.close());

  test('without it, spoofed packets arrive: the checks below can fail', async () => {
    for (const family of FAMILIES) {
      const [from, to] = [address('spoofed', family), address('node', family)];
      await untilSeen('out', () => lab.probes.pod.send(from, to), from);
    }
  });

  test('it loads twice, and the elements of its sets stay', () => {
    loadTable();
    load(`add element inet poplin nodes4 { ${A.node4} }`);
    load(`add element inet poplin nodes6 { ${A.node6} }`);
    const first = lab.run('node', 'nft -s list table inet poplin');
    loadTable();
    assert.equal(lab.run('node', 'nft -s list table inet poplin'), first);
    assert.match(first, /elements = \{ 192\.0\.2\.2 \}/);
  });

  test('the kernel gives back each rule’s number and the hash', () => {
    const { hash } = renderNftTable({ config: configFrom(KEYS), ownSubnets: OWN });
    const listed: unknown = JSON.parse(lab.run('node', 'nft -j list table inet poplin'));
    const comments = parseRuleset(listed).flatMap(({ rules }) => rules.map((r) => r.comment));
    const total = comments.length;
    assert.ok(total > 20);
    const expected = comments.map((_, index) => `poplin ${hash} ${index + 1}/${total}`);
    assert.deepEqual(comments.toSorted(), expected.toSorted());
  });

  const sources: readonly {
    readonly name: string;
    readonly place: Place;
    readonly from: string;
    readonly to: string;
    readonly seenAs: string;
  }[] = [
    {
      ...{ name: 'a pod reaches a pod of another node with its own address' },
      ...{ place: 'pod', from: 'pod', to: 'remotePod', seenAs: 'pod' },
    },
    {
      ...{ name: 'a pod reaches a node of the cluster with its own address' },
      ...{ place: 'pod', from: 'pod', to: 'node', seenAs: 'pod' },
    },
    {
      ...{ name: 'a pod reaches its own node with its own address' },
      ...{ place: 'pod', from: 'pod', to: 'self', seenAs: 'pod' },
    },
    {
      ...{ name: 'a pod reaches any other host with the node’s address' },
      ...{ place: 'pod', from: 'pod', to: 'host', seenAs: 'self' },
    },
    {
      ...{ name: 'a pod reaches a host behind another link with that link’s address' },
      ...{ place: 'pod', from: 'pod', to: 'client', seenAs: 'gateway' },
    },
    {
      ...{ name: 'a pod reaches an excluded host with its own address' },
      ...{ place: 'pod', from: 'pod', to: 'excluded', seenAs: 'pod' },
    },
    {
      ...{ name: 'a client outside reaches a pod of this node as itself' },
      ...{ place: 'ext', from: 'client', to: 'pod', seenAs: 'client' },
    },
    {
      ...{ name: 'a client outside reaches a pod of another node through this one’s address' },
      ...{ place: 'ext', from: 'client', to: 'remotePod', seenAs: 'self' },
    },
    {
      ...{ name: 'the node reaches a pod of another node with the address that it chose' },
      ...{ place: 'node', from: 'self', to: 'remotePod', seenAs: 'self' },
    },
    {
      ...{ name: 'the node reaches a pod of another node with its subnet address' },
      ...{ place: 'node', from: 'subnet', to: 'remotePod', seenAs: 'subnet' },
    },
    {
      ...{ name: 'the node’s other address is not translated toward pods either' },
      ...{ place: 'node', from: 'gateway', to: 'remotePod', seenAs: 'gateway' },
    },
    {
      ...{ name: 'a pod of another node reaches a pod as itself' },
      ...{ place: 'out', from: 'remotePod', to: 'pod', seenAs: 'remotePod' },
    },
  ];
  for (const { name, place, from, to, seenAs } of sources) {
    test(name, async () => {
      for (const family of FAMILIES) {
        const seen = await lab.probes[place].hear(address(from, family), address(to, family));
        assert.equal(seen, address(seenAs, family), `IPv${family}`);
      }
    });
  }

  test('what kube-proxy has marked is left to it, whatever other bits are set', async () => {
    load(KUBE_PROXY);
    for (const family of FAMILIES) {
      const seen = await lab.probes.pod.hear(address('pod', family), address('host', family));
      assert.equal(seen, address('pod', family));
    }
    load('delete table inet kube');
  });

  test('an address of another pod, of the node, or of nobody as source never arrives', async () => {
    lab.run('pod', `ip address add ${A.self4}/32 dev lo`);
    lab.run('pod', `ip address add 198.18.0.1/32 dev lo`);
    const spoofed = [SPOOFED.spoofed4, A.self4, '198.18.0.1'].map((from) => [from, A.host4]);
    for (const [from = '', to = ''] of [...spoofed, [SPOOFED.spoofed6, A.host6]]) {
      const payload = await lab.probes.pod.send(from, to);
      assert.ok(!lab.probes.out.seen.some((one) => one.payload === payload), from);
    }
    lab.run('pod', `ip address delete ${A.self4}/32 dev lo`);
    lab.run('pod', `ip address delete 198.18.0.1/32 dev lo`);
    assert.equal(await lab.probes.pod.hear(A.pod4, A.host4), A.self4);
  });

  test('a link-local source reaches the link and nothing behind it', async () => {
    const addresses = lab.run('pod', 'ip -6 -brief address show dev eth0 scope link');
    const linkLocal = /fe80:[0-9a-f:]+/.exec(addresses)?.[0] ?? assert.fail(addresses);
    lab.run('pod', `ping -6 -c 1 -W 10 -I ${linkLocal}%eth0 fe80::1%eth0`);
    const payload = await lab.probes.pod.send(`${linkLocal}%eth0`, A.self6);
    assert.ok(!lab.probes.node.seen.some((one) => one.payload === payload));
    lab.run('node', 'nft delete table inet poplin');
    await untilSeen('node', () => lab.probes.pod.send(`${linkLocal}%eth0`, A.self6));
    loadTable();
    load(`add element inet poplin nodes4 { ${A.node4} }`);
    load(`add element inet poplin nodes6 { ${A.node6} }`);
  });

  test('neighbour discovery and duplicate address detection pass', () => {
    const drops = (): string =>
      lab.run('node', 'nft list chain inet poplin pods_antispoof').replaceAll(/bytes \d+/g, '');
    const before = drops();
    lab.run('pod', 'ip -6 neighbour flush dev eth0');
    lab.run('pod', `ping -6 -c 1 -W 10 -I ${A.pod6} ${A.host6}`);
    lab.run('pod', 'sh -c "echo 1 > /proc/sys/net/ipv6/conf/eth0/accept_dad"');
    lab.run('pod', `ip address add fd00:10:244:1::77/128 dev eth0`);
    lab.run('pod', 'sh -c "sleep 1.5; ip -6 address show dev eth0 tentative"');
    lab.run('pod', `ip address delete fd00:10:244:1::77/128 dev eth0`);
    assert.equal(drops(), before);
  });

  test('a table of an older version becomes this one, and its elements stay', () => {
    const current = lab.run('node', 'nft -s list table inet poplin');
    load('add chain inet poplin forgotten { type filter hook forward priority 5; policy accept; }');
    load('add rule inet poplin forgotten drop');
    load('add chain inet poplin helper');
    load('add rule inet poplin forgotten jump helper');
    load('insert rule inet poplin pods_prerouting drop');
    // A chain that older versions had.
    load('add chain inet poplin pods_forward { type filter hook forward priority 0; }');
    load('add rule inet poplin pods_forward drop');
    loadTable();
    const chains = /\tchain (forgotten|helper) \{\n(\t\ttype .*\n)?\t\}\n*/g;
    const listed = lab.run('node', 'nft -s list table inet poplin');
    assert.equal(listed.match(chains)?.length, 2, 'what is left of old chains is empty');
    assert.equal(
      listed.replaceAll(chains, '').replaceAll(/\s+/g, ' '),
      current.replaceAll(/\s+/g, ' '),
    );
  });

  test('without Masquerade no source is translated, and pods are seen everywhere', async () => {
    loadTable({ ...KEYS, Masquerade: false });
    assert.doesNotMatch(lab.run('node', 'nft list table inet poplin'), /pods_postrouting/);
    for (const family of FAMILIES) {
      const seen = await lab.probes.pod.hear(address('pod', family), address('host', family));
      assert.equal(seen, address('pod', family));
    }
    loadTable();
    assert.equal(await lab.probes.pod.hear(A.pod4, A.host4), A.self4);
  });
});
