// The small tables of the Linux adapter that need no kernel: links, numbers of nexthops, which
// sysctls go by netlink, and when our nftables structure counts as present.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressFrom } from '../../../src/kernel/from-messages.ts';
import { LinkTable } from '../../../src/kernel/links.ts';
import { NexthopIds } from '../../../src/kernel/nexthop-ids.ts';
import { hashOf } from '../../../src/kernel/nft-read.ts';
import { linkSettingOf } from '../../../src/kernel/sysctl.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import type { LinkMessage } from '../../../src/netlink/link.ts';
import { keyOfNexthop } from '../../../src/state/kernel-state.ts';

const linkMessage = (index: number, name: string): LinkMessage => ({
  index,
  name,
  up: true,
  mtuBytes: 1500,
  mac: '02:00:00:00:00:01' as Mac,
  group: 0,
  alias: '',
  kind: 'veth',
  ipv4Settings: [1, 0],
});

describe('the table of links', () => {
  test('the same message again is no news, another is', () => {
    const links = new LinkTable();
    assert.equal(links.set(linkMessage(3, 'eth0')), true);
    assert.equal(links.set(linkMessage(3, 'eth0')), false);
    assert.equal(links.set({ ...linkMessage(3, 'eth0'), ipv4Settings: [0, 0] }), true);
  });

  test('a renamed link is found by its new name only', () => {
    const links = new LinkTable();
    links.set(linkMessage(3, 'eth0'));
    links.set(linkMessage(3, 'wan0'));
    assert.deepEqual([links.indexOf('eth0'), links.indexOf('wan0')], [undefined, 3]);
    assert.equal(links.nameOf(3), 'wan0');
  });

  test('forgetting a link leaves the one that has its name now', () => {
    const links = new LinkTable();
    links.set(linkMessage(3, 'eth0'));
    links.set(linkMessage(4, 'eth0'));
    assert.equal(links.forget(3), true);
    assert.equal(links.forget(3), false);
    assert.equal(links.indexOf('eth0'), 4);
    assert.equal(links.nameOf(3), '');
  });
});

describe('numbers of nexthops', () => {
  const name = { link: 'poplin4-1', gateway: '10.244.3.0' as Ip };

  test('a fresh table chooses the same number again', () => {
    assert.equal(new NexthopIds().allocate(name), new NexthopIds().allocate(name));
  });

  test('a number that somebody else has is passed over', () => {
    const first = new NexthopIds().allocate(name);
    const ids = new NexthopIds();
    ids.record(first, undefined);
    assert.equal(ids.allocate(name), first + 1);
    assert.equal(ids.allocate(name), first + 1, 'and stays');
  });

  test('a nexthop that was read keeps its number, whatever it is', () => {
    const ids = new NexthopIds();
    ids.record(7, keyOfNexthop(name));
    assert.deepEqual([ids.allocate(name), ids.idOf(name)], [7, 7]);
    ids.forget(name);
    assert.equal(ids.idOf(name), undefined);
  });

  test('five thousand names have five thousand numbers', () => {
    const ids = new NexthopIds();
    const numbers = new Set<number>();
    for (let peer = 0; peer < 5000; peer += 1) {
      numbers.add(ids.allocate({ link: 'l', gateway: `10.1.${peer >> 8}.${peer & 255}` as Ip }));
    }
    assert.equal(numbers.size, 5000);
  });
});

describe('sysctls by netlink', () => {
  for (const [path, setting] of [
    ['ipv4/conf/eth0/rp_filter', { link: 'eth0', id: 8 }],
    ['ipv4/conf/eth0/forwarding', { link: 'eth0', id: 1 }],
    ['ipv4/conf/eth0/proxy_arp_pvlan', { link: 'eth0', id: 25 }],
    ['ipv4/conf/eth0/arp_evict_nocarrier', { link: 'eth0', id: 33 }],
    ['ipv4/conf/all/rp_filter', undefined],
    ['ipv4/conf/default/rp_filter', undefined],
    ['ipv4/conf/eth0/unheard_of', undefined],
    ['ipv6/conf/eth0/forwarding', undefined],
    ['ipv4/ip_forward', undefined],
  ] as const) {
    const how = setting === undefined ? 'a file' : `setting ${setting.id} of its link`;
    test(`${path} is ${how}`, () => assert.deepEqual(linkSettingOf(path), setting));
  }
});

describe('the hash of an nftables structure', () => {
  for (const [sentence, comments, hash] of [
    ['all rules once', ['poplin a 2/3', 'poplin a 1/3', 'poplin a 3/3'], 'a'],
    ['no rules', [], ''],
    ['one missing', ['poplin a 1/2'], ''],
    ['one twice', ['poplin a 1/2', 'poplin a 1/2'], ''],
    ['one twice beside all', ['poplin a 1/2', 'poplin a 2/2', 'poplin a 2/2'], ''],
    ['one of another structure', ['poplin a 1/2', 'poplin b 2/2'], ''],
    ['one without a comment', ['poplin a 1/1', ''], ''],
    ['numbers from zero', ['poplin a 0/2', 'poplin a 1/2'], ''],
    ['a number too large', ['poplin a 1/2', 'poplin a 3/2'], ''],
    ["somebody else's comment", ['poplin a 1/1', 'my own rule'], ''],
  ] as const) {
    test(`${sentence}: '${hash}'`, () => assert.equal(hashOf(comments), hash));
  }
});

describe('an address is not the best', () => {
  const cases: [name: string, flags: number, drawback: string | undefined][] = [
    ['no: permanent', 0x80, undefined],
    ['because a server gave it for a time', 0, 'dynamic'],
    ['because it is secondary or temporary', 0x81, 'secondary'],
    ['because it is deprecated, whatever else', 0x21, 'deprecated'],
    ['because its uniqueness is not known yet', 0xc0, 'tentative'],
    ['because another machine has it', 0xc8, 'duplicate'],
  ];
  for (const [name, flags, drawback] of cases) {
    test(name, () => {
      const address = 'fd00::1' as Ip;
      const message = { linkIndex: 3, address, lengthBits: 64, scope: 0, flags, protocol: 0 };
      assert.equal(addressFrom(message, new LinkTable()).drawback, drawback);
    });
  }
});
