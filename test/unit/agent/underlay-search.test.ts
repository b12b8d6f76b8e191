// The search over a kernel: which routes it looks up, and which addresses it says are gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnderlaySearcher } from '../../../src/agent/underlay-search.ts';
import type { UnderlayWish } from '../../../src/agent/underlay-wish.ts';
import { NO_WISH } from '../../../src/agent/underlay-wish.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { KernelState, Link } from '../../../src/state/kernel-state.ts';
import { EMPTY_STATE } from '../../../src/state/kernel-state.ts';
import type { RouteLookup } from '../../../src/state/route-lookup.ts';

function kernelWith(...entries: readonly string[]): KernelState {
  const addresses = entries.map((text) => {
    const [link = '', address = ''] = text.split(' ');
    const rest = { lengthBits: 24, scope: 'global' as const, protocol: 0 };
    return { link, address: address as Ip, ...rest };
  });
  return {
    ...EMPTY_STATE,
    links: new Map(addresses.map(({ link }) => [link, { name: link, mtuBytes: 1500 } as Link])),
    addresses: new Map(addresses.map((each) => [`${each.link} ${each.address}`, each])),
  };
}

type Run = { readonly asked: Ip[][]; readonly gone: Ip[][]; readonly searcher: UnderlaySearcher };

function searcherOf(underlayWish?: UnderlayWish, link = 'eth0'): Run {
  const asked: Ip[][] = [];
  const gone: Ip[][] = [];
  const searcher = new UnderlaySearcher({
    kernel: {
      lookUp: (ips) => {
        asked.push([...ips]);
        return new Map(ips.map((ip): [Ip, RouteLookup] => [ip, { kind: 'onlink', link }]));
      },
    },
    log: silentLog,
    underlayWish,
    addressesGone: (ips) => void gone.push([...ips]),
  });
  return { asked, gone, searcher };
}

test('without a word of the operator no route is looked up', () => {
  const { asked, searcher } = searcherOf();
  const self = { internalIps: ['10.0.0.1' as Ip] } as never;
  const { underlays } = searcher.search(kernelWith('eth0 10.0.0.1'), self, ['ipv4']);
  assert.equal(underlays[0]?.address, '10.0.0.1');
  assert.deepEqual(asked, []);
});

test('the route is looked up anew each time: a default route may have moved', () => {
  const canReach = ['10.9.9.9' as Ip];
  const { asked, searcher } = searcherOf({ ...NO_WISH, canReach }, 'eth1');
  const kernel = kernelWith('eth0 10.0.0.1', 'eth1 10.0.1.1');
  for (const _ of [1, 2]) {
    const { underlays } = searcher.search(kernel, undefined, ['ipv4']);
    assert.equal(underlays[0]?.address, '10.0.1.1');
  }
  assert.deepEqual(asked, [canReach, canReach]);
});

test('addresses that went are told once, those that moved to another link are not', () => {
  const { gone, searcher } = searcherOf();
  const search = (...entries: readonly string[]) =>
    searcher.search(kernelWith(...entries), undefined, ['ipv4']);
  search('eth0 10.0.0.1', 'eth0 10.0.0.2', 'poplin4-1 10.244.0.0');
  search('eth1 10.0.0.1', 'eth0 10.0.0.2');
  assert.deepEqual(gone, []);
  search('eth1 10.0.0.1');
  search('eth1 10.0.0.1');
  assert.deepEqual(gone, [['10.0.0.2']]);
});
