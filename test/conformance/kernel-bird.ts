// BIRD's routes: read beside our own, told of like everything that others change, and of no concern
// to any op of ours to the same destination.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Family } from '../../src/net/family.ts';
import { FAMILIES } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { KernelState, Route, RouteHop } from '../../src/state/kernel-state.ts';
import type { KernelWorld, OpenWorld } from './world.ts';
import {
  add,
  cidr,
  done,
  ip,
  listen,
  remove,
  route,
  routeTo,
  SCOPE,
  underlayAndVxlan,
} from './world.ts';

const BIRD_SCOPE = { ...SCOPE, birdRoutes: true };
const TEXTS = {
  ipv4: { subnet: '10.244.3.0/24', gateways: [ip('192.168.7.2'), ip('192.168.7.3')] },
  ipv6: { subnet: 'fd00:3::/64', gateways: [ip('fd07::2'), ip('fd07::3')] },
} as const satisfies Record<Family, { subnet: string; gateways: readonly Ip[] }>;

function birdRoute(family: Family, changes: Partial<Route> = {}): Route {
  const { subnet, gateways } = TEXTS[family];
  const [gateway] = gateways;
  const via = { kind: 'gateway', link: 'eth0', gateway, onlink: false } as const;
  return { ...routeTo(subnet, via), metric: 32, protocol: 12, ...changes };
}

const birdRoutesOf = (world: KernelWorld): KernelState['birdRoutes'] =>
  world.kernel.read(BIRD_SCOPE).birdRoutes;

const print = (world: KernelWorld): string => world.kernel.fingerprint(BIRD_SCOPE);

export function kernelBird(open: OpenWorld): void {
  for (const family of FAMILIES) ofFamily(open, family);

  test('nobody reads them who does not ask', async () => {
    using world = open();
    await underlayAndVxlan(world);
    world.foreign(add(route(birdRoute('ipv4'))));
    assert.equal(world.kernel.read(SCOPE).birdRoutes.size, 0);
  });
}

function ofFamily(open: OpenWorld, family: Family): void {
  const { subnet, gateways } = TEXTS[family];

  test(`${family}: a route of BIRD is told of, read, and stands beside ours`, async () => {
    using world = open();
    await underlayAndVxlan(world);
    const ears = listen(world);
    const [theirs, before] = [birdRoute(family), print(world)];
    world.foreign(add(route(theirs)));
    await ears.until('route');
    assert.deepEqual([...birdRoutesOf(world)], [[cidr(subnet), theirs]]);
    assert.notEqual(print(world), before);
    const ours = routeTo(subnet, { kind: 'link', link: 'poplin4-1' });
    await done(world, [add(route(ours))]);
    const both = world.kernel.read(BIRD_SCOPE);
    assert.deepEqual([...both.routes.values()], [ours]);
    assert.deepEqual([...both.birdRoutes.values()], [theirs]);
    await done(world, [remove(route(ours))]);
    assert.deepEqual([...birdRoutesOf(world).values()], [theirs]);
    await ears.quiet();
    world.foreign(remove(route(theirs)));
    await ears.until('route');
    assert.equal(birdRoutesOf(world).size, 0);
    ears.stop();
  });

  test(`${family}: several nexthops, and one that is on the link by BIRD's word`, async () => {
    using world = open();
    await underlayAndVxlan(world);
    const hops = gateways.map(
      (gateway, index): RouteHop => ({ link: 'eth0', gateway, onlink: false, weight: index + 1 }),
    );
    const several = birdRoute(family, { via: { kind: 'multipath', hops } });
    world.foreign(add(route(several)));
    const gateway = ip(family === 'ipv4' ? '192.168.99.2' : 'fd99::2');
    const onlink = birdRoute(family, {
      destination: cidr(family === 'ipv4' ? '10.244.4.0/24' : 'fd00:4::/64'),
      via: { kind: 'gateway', link: 'eth0', gateway, onlink: true },
    });
    world.foreign(add(route(onlink)));
    assert.deepEqual(new Set(birdRoutesOf(world).values()), new Set([several, onlink]));
    // The way that a probe takes.
    const copy = { ...several, table: 113, metric: 16, protocol: 113 };
    await done(world, [add(route(copy)), add(route(copy))]);
    assert.deepEqual([...world.kernel.read(SCOPE).routes.values()], [copy]);
  });

  test(`${family}: of several metrics the smallest counts, and no other table`, async () => {
    using world = open();
    await underlayAndVxlan(world);
    const via = { kind: 'link', link: 'poplin4-1' } as const;
    const best = birdRoute(family, { metric: 20 });
    const others = [birdRoute(family, { via }), birdRoute(family, { table: 77, metric: 5 })];
    for (const each of [...others, best]) world.foreign(add(route(each)));
    assert.deepEqual([...birdRoutesOf(world).values()], [best]);
    world.foreign(remove(route(best)));
    assert.deepEqual([...birdRoutesOf(world).values()], [others[0]]);
  });

  test(`${family}: one that leads nowhere says so`, async () => {
    using world = open();
    await underlayAndVxlan(world);
    world.foreign(add(route(birdRoute(family, { via: { kind: 'unreachable' } }))));
    assert.deepEqual(birdRoutesOf(world).get(cidr(subnet))?.via, { kind: 'unreachable' });
  });
}
