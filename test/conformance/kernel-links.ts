// Links: the two ends of a veth pair, removal of several, sizes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VxlanLink } from '../../src/state/kernel-state.ts';
import type { OpenWorld } from './world.ts';
import {
  add,
  done,
  failures,
  ip,
  link,
  listen,
  mac,
  read,
  remove,
  SCOPE,
  underlayAndVxlan,
  VXLAN,
  veth,
} from './world.ts';

export function kernelLinks(open: OpenWorld): void {
  pairsAtOnce(open);
  severalLinks(open);
  goneLinks(open);
  test('the other end of a veth pair is made in its namespace', async () => {
    using world = open();
    await done(world, [add(link(veth(world, 'poplin012345678', 0x21)))]);
    assert.deepEqual(world.otherKernel.read(SCOPE).links.get('peer33'), {
      kind: 'veth',
      name: 'peer33',
      up: false,
      mtuBytes: 1500,
      mac: mac(0x22),
      group: 0,
      alias: '',
    });
  });

  test('one end of a veth pair takes the other along', async () => {
    using world = open();
    const pod = veth(world, 'poplin012345678', 0x21);
    await done(world, [add(link(pod))]);
    const { peer: _, ...other } = { ...pod, name: 'peer33' };
    assert.deepEqual(await world.otherKernel.apply([remove(link(other))]), []);
    assert.deepEqual([...read(world).links.keys()], ['lo']);
  });
}

const isPair = (name: string): boolean => name.startsWith('poplin0');

function pairsAtOnce(open: OpenWorld): void {
  test('pairs that are asked for at once are all made, or refused each for itself', async () => {
    using world = open();
    read(world);
    const watch = listen(world);
    const names = Array.from({ length: 20 }, (_, index) => `poplin0000000${index + 10}`);
    const ops = names.map((name, index) => add(link(veth(world, name, 0x40 + 2 * index))));
    const [first] = ops;
    assert.ok(first !== undefined);
    // The last takes the name of the first, with another Ethernet address.
    const taken = add(link(veth(world, names[0] ?? '', 0xf0)));
    const failures = await Promise.all([...ops, taken].map((op) => world.kernel.apply([op])));
    watch.stop();
    assert.deepEqual(
      failures.map((each) => each.length),
      [...names.map(() => 0), 1],
    );
    assert.deepEqual([...read(world).links.keys()].filter(isPair), names);
    assert.deepEqual(await watch.quiet(), []);
    assert.deepEqual(await world.kernel.apply([first]), [], 'what is there already is no failure');
  });
}

function severalLinks(open: OpenWorld): void {
  test('several links are removed in one list, whichever of them are there', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const links: VxlanLink[] = [2, 3, 4, 5].map((vni) => ({
      ...VXLAN,
      name: `poplin4-${vni}`,
      vni,
    }));
    await done(
      world,
      links.slice(1).map((value) => add(link(value))),
    );
    await done(
      world,
      links.map((value) => remove(link(value))),
    );
    assert.deepEqual([...read(world).links.keys()].sort(), ['eth0', 'lo', 'poplin4-1']);
    await done(
      world,
      links.map((value) => remove(link(value))),
    );
  });

  test('a link that cannot be removed keeps no other from it', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const texts = await failures(world, [
      remove(link({ ...VXLAN, name: 'lo' })),
      remove(link(VXLAN)),
    ]);
    assert.equal(texts.length, 1);
    assert.match(texts[0] ?? '', /^remove link lo: EOPNOTSUPP/);
    assert.deepEqual([...read(world).links.keys()].sort(), ['eth0', 'lo']);
  });

  test('a new VXLAN device is made as small as its underlay needs it', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const large = { ...VXLAN, mtuBytes: 1500, vni: 2, name: 'poplin4-2' };
    const large6 = { ...large, vni: 3, name: 'poplin6-3', local: ip('fd07::1'), udpChecksum: true };
    await done(world, [add(link(large)), add(link(large6))]);
    const { links } = read(world);
    assert.deepEqual(
      [links.get('poplin4-2')?.mtuBytes, links.get('poplin6-3')?.mtuBytes],
      [1450, 1430],
    );
  });

  test('a veth pair into a namespace that nobody holds is refused', async () => {
    using world = open();
    const pod = veth(world, 'poplin012345678', 0x21);
    const peer = { name: 'peer0', mac: mac(2), mtuBytes: 1500, netns: '/run/netns/no-such' };
    const texts = await failures(world, [add(link({ ...pod, peer }))]);
    assert.deepEqual(texts, ['use network namespace /run/netns/no-such: nobody holds it open']);
  });
}

function goneLinks(open: OpenWorld): void {
  test('a link that is told to be gone is, with all that lay on it', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const stop = world.kernel.watch(() => undefined);
    read(world);
    const told: string[] = [];
    const failures = await world.kernel.removeLinks(['poplin4-1', 'lo', 'absent'], (name) => {
      told.push(name);
      const { links, addresses, neighbours } = read(world);
      assert.deepEqual([...links.keys()].sort(), ['eth0', 'lo']);
      assert.ok([...addresses.values(), ...neighbours.values()].every((on) => on.link !== name));
    });
    stop();
    assert.deepEqual([told, failures.map(({ name }) => name)], [['poplin4-1'], ['lo']]);
    assert.match(failures[0]?.error.message ?? '', /remove link lo: EOPNOTSUPP/);
    await done(world, [add(link(VXLAN))]);
  });
}
