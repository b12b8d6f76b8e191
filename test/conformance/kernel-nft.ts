// Our nftables table: its structure as a whole, and the elements of its sets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpObject } from '../../src/state/op.ts';
import type { OpenWorld } from './world.ts';
import {
  add,
  change,
  done,
  element,
  failures,
  fingerprint,
  read,
  remove,
  SCOPE,
  table,
} from './world.ts';

const rules = (hash: string, count: number): string =>
  Array.from(
    { length: count },
    (_, index) => `    ip daddr @pods4 accept comment "poplin ${hash} ${index + 1}/${count}"`,
  ).join('\n');

/** As src/desired renders it: replaces the rules, keeps the table. */
const text = (hash: string, count = 2): string => `add table inet poplin
flush table inet poplin
table inet poplin {
  set pods4 {
    type ipv4_addr
  }
  set pods6 {
    type ipv6_addr
  }
  set sources {
    type ifname . ipv4_addr
  }
  map ports {
    type inet_proto . inet_service : ipv4_addr . inet_service
  }
  set networks {
    type ipv4_addr
    flags interval
    elements = { 10.244.0.0/16 }
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
${rules(hash, count)}
  }
}`;

const FIRST = table('a1', text('a1'));

export function kernelNft(open: OpenWorld): void {
  structures(open);
  elements(open);
  maps(open);
  manyElements(open);
  test('a table is added, read back by its hash, and removed', async () => {
    using world = open();
    assert.equal(read(world).nftTable, undefined);
    await done(world, [add(FIRST)]);
    assert.deepEqual(read(world).nftTable, { hash: 'a1', text: '' });
    assert.deepEqual([...read(world).nftSets.keys()].sort(), [
      'pods4',
      'pods6',
      'ports',
      'sources',
    ]);
    await done(world, [remove(FIRST)]);
    await done(world, [remove(FIRST)]);
    assert.equal(read(world).nftTable, undefined);
    assert.equal(read(world).nftSets.size, 0);
  });

  test('one that is switched off is none of ours, and loading it again switches it on', async () => {
    using world = open();
    await done(world, [add(FIRST), add(element('pods4', '10.244.1.5'))]);
    const awake = read(world);
    const off = text('a1').replace('table inet poplin {', 'table inet poplin {\n  flags dormant;');
    const print = fingerprint(world);
    await done(world, [change(table('a1', off))]);
    assert.deepEqual(read(world).nftTable, { hash: '', text: '', isDormant: true });
    assert.notEqual(fingerprint(world), print);
    await done(world, [change(FIRST)]);
    assert.deepEqual(read(world), awake);
  });

  test('nftables is not read when it is not asked for', async () => {
    using world = open();
    await done(world, [add(FIRST)]);
    const state = world.kernel.read({ ...SCOPE, nft: false });
    assert.deepEqual([state.nftTable, state.nftSets.size], [undefined, 0]);
  });
}

function elements(open: OpenWorld): void {
  test('each element and each structure has a fingerprint of its own', async () => {
    using world = open();
    const seen = new Set([fingerprint(world)]);
    for (const op of [
      add(FIRST),
      add(element('pods4', '10.244.1.5')),
      add(element('pods6', 'fd00::5')),
      add(element('sources', 'poplin012345678 . 10.244.1.5')),
      add(element('pods4', '10.244.1.6')),
      add(element('ports', 'tcp . 8080 : 10.244.1.5 . 80')),
      change(element('ports', 'tcp . 8080 : 10.244.1.5 . 81')),
      remove(element('pods4', '10.244.1.5')),
      change(table('b2', text('b2'))),
    ]) {
      await done(world, [op]);
      const now = fingerprint(world);
      assert.ok(!seen.has(now), `after ${op.verb} ${op.object}`);
      assert.equal(fingerprint(world), now);
      seen.add(now);
    }
  });

  test('elements are added and removed, also those that are there or gone already', async () => {
    using world = open();
    await done(world, [
      add(FIRST),
      add(element('pods4', '10.244.1.5')),
      add(element('pods4', '10.244.1.5')),
      add(element('pods6', 'fd00::5')),
      add(element('sources', 'poplin012345678 . 10.244.1.5')),
      add(element('pods4', '10.244.1.6')),
      remove(element('pods4', '10.244.1.5')),
      remove(element('pods4', '10.244.1.99')),
    ]);
    assert.deepEqual(
      read(world).nftSets,
      new Map([
        ['pods4', new Set(['10.244.1.6'])],
        ['pods6', new Set(['fd00::5'])],
        ['ports', new Set()],
        ['sources', new Set(['poplin012345678 . 10.244.1.5'])],
      ]),
    );
  });

  test('an element that cannot be added keeps no other away', async () => {
    using world = open();
    const bad = add(element('no-such-set', '10.244.1.5'));
    await done(world, [add(FIRST)]);
    const texts = await failures(world, [
      add(element('pods4', '10.244.1.5')),
      bad,
      add(element('pods4', 'this is no key')),
      add(element('pods4', '10.244.1.6')),
    ]);
    assert.equal(texts.length, 2);
    assert.ok(texts.some((failure) => /no-such-set: ENOENT/.test(failure)));
    assert.ok(texts.some((failure) => /this is no key of pods4: it is no key/.test(failure)));
    assert.deepEqual(read(world).nftSets.get('pods4'), new Set(['10.244.1.5', '10.244.1.6']));
  });
}

function maps(open: OpenWorld): void {
  test('a key of a map leads to what was last said, whatever it led to', async () => {
    using world = open();
    await done(world, [
      add(FIRST),
      add(element('ports', 'tcp . 8080 : 10.244.1.5 . 80')),
      add(element('ports', 'udp . 8080 : 10.244.1.5 . 80')),
      add(element('ports', 'sctp . 8080 : 10.244.1.5 . 80')),
      add(element('ports', 'tcp . 8081 : 10.244.1.5 . 80')),
    ]);
    await done(world, [
      add(element('ports', 'tcp . 8080 : 10.244.1.5 . 80')),
      change(element('ports', 'udp . 8080 : 10.244.1.6 . 81')),
      add(element('ports', 'sctp . 8080 : 10.244.1.6 . 82')),
      change(element('ports', 'tcp . 9 : 10.244.1.6 . 83')),
      remove(element('ports', 'tcp . 8081 : 10.244.1.99 . 99')),
      remove(element('ports', 'tcp . 8082 : 10.244.1.99 . 99')),
    ]);
    assert.deepEqual(
      read(world).nftSets.get('ports'),
      new Set([
        'tcp . 8080 : 10.244.1.5 . 80',
        'udp . 8080 : 10.244.1.6 . 81',
        'sctp . 8080 : 10.244.1.6 . 82',
        'tcp . 9 : 10.244.1.6 . 83',
      ]),
    );
    const [refused] = await failures(world, [add(element('ports', 'tcp . 8080'))]);
    assert.match(refused ?? '', /ports: EINVAL/);
  });

  test('another structure keeps the elements of maps', async () => {
    using world = open();
    const entry = 'tcp . 8080 : 10.244.1.5 . 80';
    await done(world, [add(FIRST), add(element('ports', entry)), change(table('b2', text('b2')))]);
    assert.deepEqual([...(read(world).nftSets.get('ports') ?? [])], [entry]);
  });
}

function structures(open: OpenWorld): void {
  test('another structure keeps the elements of all sets', async () => {
    using world = open();
    await done(world, [
      add(FIRST),
      add(element('pods4', '10.244.1.5')),
      add(element('pods6', 'fd00::5')),
      add(element('sources', 'poplin012345678 . 10.244.1.5')),
      change(table('b2', text('b2', 5).replace(/set pods6 \{[^}]*\}/, ''))),
    ]);
    const state = read(world);
    assert.equal(state.nftTable?.hash, 'b2');
    assert.deepEqual(
      state.nftSets,
      new Map([
        ['pods4', new Set(['10.244.1.5'])],
        ['pods6', new Set(['fd00::5'])],
        ['ports', new Set()],
        ['sources', new Set(['poplin012345678 . 10.244.1.5'])],
      ]),
    );
  });

  test('a set that changes its type starts empty', async () => {
    using world = open();
    const other = text('b2').replace(/pods4 \{\s*type ipv4_addr/, 'pods4 {\n type ether_addr');
    await done(world, [
      add(FIRST),
      add(element('pods4', '10.244.1.5')),
      change(table('b2', other.replaceAll('ip daddr @pods4', 'ether daddr @pods4'))),
    ]);
    const state = read(world);
    assert.equal(state.nftTable?.hash, 'b2');
    assert.equal(state.nftSets.get('pods4')?.size ?? 0, 0);
  });

  test('text that nft does not accept changes nothing, and its words are passed on', async () => {
    using world = open();
    await done(world, [add(FIRST), add(element('pods4', '10.244.1.5'))]);
    const before = read(world);
    const refused = await world.kernel.apply([
      change(table('c3', 'table inet poplin { chain x { nonsense } }')),
    ]);
    assert.equal(refused.length, 1);
    assert.equal(refused[0]?.error.code, 'NFT');
    assert.match(refused[0]?.error.message ?? '', /^change nft-table c3: .*syntax error/);
    assert.deepEqual(read(world), before);
  });

  test('a rule too many or too few is another structure', async () => {
    for (const count of [1, 3]) {
      using world = open();
      const wrong = text('a1', count).replace(/\d+\/\d+"/g, (part) => part.replace(/\/\d+/, '/2'));
      await done(world, [add(table('a1', wrong))]);
      assert.deepEqual(read(world).nftTable, { hash: '', text: '' });
    }
  });
}

function manyElements(open: OpenWorld): void {
  test('two thousand elements of a map come and are changed in one go', async () => {
    using world = open();
    const ops = (pod: string): OpObject[] =>
      Array.from({ length: 2000 }, (_, index) =>
        element('ports', `tcp . ${index + 1} : ${pod} . 80`),
      );
    await done(world, [add(FIRST), ...ops('10.244.1.5').map(add)]);
    assert.equal(read(world).nftSets.get('ports')?.size, 2000);
    await done(world, ops('10.244.1.6').map(change));
    const { nftSets } = read(world);
    assert.ok([...(nftSets.get('ports') ?? [])].every((one) => one.includes(' 10.244.1.6 ')));
    assert.equal(nftSets.get('ports')?.size, 2000);
  });

  test('ten thousand elements go in one step', async () => {
    using world = open();
    const ops = Array.from({ length: 10_000 }, (_, index) =>
      add(element('pods4', `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`)),
    );
    await done(world, [add(FIRST), ...ops]);
    assert.equal(read(world).nftSets.get('pods4')?.size, 10_000);
  });
}
