// What a node that comes from another network needs of its kernel: a device that is renamed while
// packets pass, and links that answer for addresses which are elsewhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Link } from '../../src/state/kernel-state.ts';
import type { KernelWorld, OpenWorld } from './world.ts';
import {
  add,
  address,
  done,
  fdb,
  ip,
  link,
  mac,
  neighbour,
  nexthop,
  onVxlan,
  read,
  route,
  routeTo,
  SCOPE,
  sysctl,
  underlayAndVxlan,
  VXLAN,
} from './world.ts';

const OLD = 'flannel.1';
const RENAME = { from: OLD, to: 'poplin4-2', alias: 'adopted' };
const DEVICE = { ...VXLAN, name: OLD, vni: 2, mac: mac(0x51), udpChecksum: true, alias: '' };
const PEER = '10.9.1.0';

/** As Flannel makes them. */
async function makeDevice(world: KernelWorld): Promise<void> {
  await underlayAndVxlan(world);
  const via = { kind: 'gateway', link: OLD, gateway: ip(PEER), onlink: true } as const;
  await done(world, [
    add(link(DEVICE)),
    add(
      address({
        ...{ link: OLD, address: ip('10.9.0.0'), lengthBits: 32, scope: 'global', protocol: 0 },
      }),
    ),
    add(fdb({ link: OLD, mac: mac(0x52), remote: ip('192.168.7.9') })),
    add(neighbour({ link: OLD, address: ip(PEER), mac: mac(0x52) })),
    add(route({ ...routeTo(`${PEER}/24`, via), metric: 0, protocol: 3 })),
  ]);
}

export function kernelForeignLinks(open: OpenWorld): void {
  test('a device that is up has another name, and all that lay on it', async () => {
    using world = open();
    await makeDevice(world);
    world.kernel.renameLink(RENAME);
    const state = world.kernel.read({ ...SCOPE, routeProtocol: 3 });
    assert.equal(state.links.get(OLD), undefined);
    assert.deepEqual(state.links.get('poplin4-2'), {
      ...DEVICE,
      ...{ name: 'poplin4-2', alias: 'adopted' },
    } satisfies Link);
    assert.ok(state.addresses.has('poplin4-2 10.9.0.0/32'));
    assert.equal(state.fdb.get(`poplin4-2 ${mac(0x52)}`)?.remote, '192.168.7.9');
    assert.equal(state.neighbours.get(`poplin4-2 ${PEER}`)?.mac, mac(0x52));
    assert.deepEqual(state.routes.get(`254 ${PEER}/24 0`)?.via, {
      ...{ kind: 'gateway', link: 'poplin4-2', gateway: PEER, onlink: true },
    });
  });

  test('nothing is renamed to a name that is taken, nor what is not there', async () => {
    using world = open();
    await makeDevice(world);
    assert.throws(() => world.kernel.renameLink({ ...RENAME, to: 'poplin4-1' }), /EEXIST/);
    assert.throws(() => world.kernel.renameLink({ ...RENAME, from: 'flannel.9' }), /ENODEV/);
    const { links } = read(world);
    assert.deepEqual([links.has(OLD), links.has('poplin4-1')], [true, true]);
  });

  test('a device with another name is changed by it, and its settings have that name', async () => {
    using world = open();
    await makeDevice(world);
    read(world);
    world.kernel.renameLink(RENAME);
    await done(world, [add(sysctl('ipv4/conf/poplin4-2/rp_filter', '2'))]);
    const sysctls = ['ipv4/conf/poplin4-2/rp_filter', `ipv4/conf/${OLD}/rp_filter`];
    const found = world.kernel.read({ ...SCOPE, sysctls }).sysctls;
    assert.deepEqual([...found], [['ipv4/conf/poplin4-2/rp_filter', '2']]);
  });

  test('a look at the routes of others takes nothing from ours', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const ours = onVxlan('10.9.1.0');
    await done(world, [
      add(neighbour({ link: 'poplin4-1', address: ip(PEER), mac: mac(0x52) })),
      add(nexthop(ours)),
    ]);
    read(world);
    world.kernel.read({ ...SCOPE, routeProtocol: 3, aside: true });
    await done(world, [add(route(routeTo(`${PEER}/24`, { ...ours, kind: 'nexthop' })))]);
    assert.equal(read(world).routes.size, 1);
  });

  test('a link answers for the addresses that it was told last, and for none', async () => {
    using world = open();
    await underlayAndVxlan(world);
    const { kernel } = world;
    kernel.answerFor('eth0', new Set([ip('fd00:9::2'), ip('fd00:9::3')]));
    kernel.answerFor('eth0', new Set([ip('fd00:9::3'), ip('fd00:9::4')]));
    kernel.answerFor('eth0', new Set([ip('fd00:9::3'), ip('fd00:9::4')]));
    assert.deepEqual(world.answered('eth0'), ['fd00:9::3', 'fd00:9::4']);
    kernel.answerFor('nolink', new Set([ip('fd00:9::3')]));
    kernel.answerFor('eth0', new Set());
    assert.deepEqual(world.answered('eth0'), []);
  });
}
