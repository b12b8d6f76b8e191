// What a node is connected by: the InternalIP decides, the other family follows on the same link.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findUnderlays } from '../../../src/agent/underlay.ts';
import type { Family } from '../../../src/net/family.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { KernelState, Link } from '../../../src/state/kernel-state.ts';
import { EMPTY_STATE } from '../../../src/state/kernel-state.ts';

function kernelWith(addresses: readonly string[]): KernelState {
  const links = new Map<string, Link>();
  const entries = addresses.map((text) => {
    const [link = '', address = '', scope = 'global'] = text.split(' ');
    links.set(link, { kind: 'other', name: link, mtuBytes: link === 'eth1' ? 9000 : 1500 } as Link);
    return { link, address: address as Ip, lengthBits: 24, scope: scope as 'global', protocol: 0 };
  });
  return {
    ...EMPTY_STATE,
    links,
    addresses: new Map(entries.map((entry) => [`${entry.link} ${entry.address}`, entry])),
  };
}

const BOTH = ['ipv4', 'ipv6'] as const;

const cases: {
  name: string;
  kernel: readonly string[];
  internalIps: readonly string[];
  families: readonly Family[];
  found: readonly string[];
  problems: number;
}[] = [
  {
    name: 'takes the InternalIP, wherever else there are addresses',
    kernel: ['eth0 10.0.2.15', 'eth1 192.168.1.11'],
    internalIps: ['192.168.1.11'],
    families: ['ipv4'],
    found: ['192.168.1.11 eth1 9000'],
    problems: 0,
  },
  {
    name: 'finds the other family on the same link',
    kernel: ['eth1 192.168.1.11', 'eth0 fd00::9', 'eth1 fe80::1 link', 'eth1 fd01::11'],
    internalIps: ['192.168.1.11'],
    families: BOTH,
    found: ['192.168.1.11 eth1 9000', 'fd01::11 eth1 9000'],
    problems: 0,
  },
  {
    name: 'does not take link-local addresses, loopback or own links',
    kernel: ['lo 192.168.1.11', 'poplin4-1 192.168.1.11', 'eth0 192.168.1.11 link'],
    internalIps: ['192.168.1.11'],
    families: ['ipv4'],
    found: [],
    problems: 1,
  },
  {
    name: 'says which family is missing',
    kernel: ['eth0 192.168.1.11'],
    internalIps: ['192.168.1.11'],
    families: BOTH,
    found: ['192.168.1.11 eth0 1500'],
    problems: 1,
  },
];

describe('the underlay', () => {
  for (const { name, kernel, internalIps, families, found, problems } of cases) {
    test(name, () => {
      const search = findUnderlays(kernelWith(kernel), internalIps as readonly Ip[], families);
      const texts = search.underlays.map((u) => `${u.address} ${u.link} ${u.mtuBytes}`);
      assert.deepEqual(texts, found);
      assert.equal(search.problems.length, problems);
    });
  }

  test('names the InternalIP that no link has', () => {
    const { problems } = findUnderlays(kernelWith(['eth0 10.0.0.1']), ['10.9.9.9' as Ip], ['ipv4']);
    assert.deepEqual(problems, [
      'no link of this node has its InternalIP 10.9.9.9: IPv4 is not served here',
    ]);
  });
});
