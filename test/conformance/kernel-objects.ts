// One object at a time: what is added is read back equal, and adding it again is a success; a
// change replaces it; what is removed is gone, and removing it again is a success.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelState } from '../../src/state/kernel-state.ts';
import {
  keyOfAddress,
  keyOfFdbEntry,
  keyOfNeighbour,
  keyOfNexthop,
  keyOfQdisc,
  keyOfRoute,
  keyOfRule,
} from '../../src/state/kernel-state.ts';
import type { Op, OpObject } from '../../src/state/op.ts';
import { OBJECT_CASES } from './object-cases.ts';
import type { KernelWorld, OpenWorld } from './world.ts';
import {
  add,
  change,
  done,
  fingerprint,
  ip,
  link,
  nexthop,
  onVxlan,
  read,
  remove,
  route,
  routeTo,
  underlayAndVxlan,
  veth,
} from './world.ts';

const LOOKS_MAX = 100;

export function kernelObjects(open: OpenWorld): void {
  for (const { sentence, first, second, needs } of OBJECT_CASES) {
    test(`${sentence}: added, changed and removed`, async () => {
      using world = open();
      await underlayAndVxlan(world);
      await done(world, (needs ?? []).map(add));
      await check(world, [add(first), add(first)], first);
      if (second !== undefined) await check(world, [change(second), change(second)], second);
      const last = second ?? first;
      await check(world, [remove(last)], { absent: last });
      await check(world, [remove(last)], { absent: last });
    });
  }

  routeMtus(open);
  test('a veth end is read back without what it cannot show', async () => {
    using world = open();
    const end = veth(world, 'poplin012345678', 0x21);
    const { peer: _, ...shown } = end;
    await check(world, [add(link(end)), add(link(end))], link(shown));
    const changed = { ...shown, mtuBytes: 1400, alias: 'ns/pod', up: false };
    await check(world, [change(link(changed))], link(changed));
    await check(world, [remove(link(end)), remove(link(end))], { absent: link(shown) });
  });
}

/** One op after the other, of which the fingerprint tells whether they changed anything; then the object must be there, or nothing of the absent one's key. */
async function check(
  world: KernelWorld,
  ops: readonly Op[],
  outcome: OpObject | { readonly absent: OpObject },
): Promise<void> {
  for (const op of ops) {
    const before = settledState(world);
    await done(world, [op]);
    const after = settledState(world);
    const [isSame, looksSame] = [after.text === before.text, after.print === before.print];
    assert.equal(looksSame, isSame, `${op.verb} ${op.object}`);
  }
  if ('absent' in outcome) assert.equal(find(read(world), outcome.absent), undefined);
  else assert.deepEqual(find(read(world), outcome), outcome.value);
}

/** The kernel changes things by itself in between, as when an IPv6 address ceases to be tentative. */
function settledState(world: KernelWorld): { readonly text: string; readonly print: string } {
  for (let attempt = 0; attempt < LOOKS_MAX; attempt += 1) {
    const print = fingerprint(world);
    const text = JSON.stringify(textOf(read(world)));
    const isStill = text === JSON.stringify(textOf(read(world)));
    if (isStill && fingerprint(world) === print) return { text, print };
  }
  return assert.fail('the fingerprint changes all the time');
}

const textOf = ({ nftSets, nftTable, ...maps }: KernelState): unknown => [
  Object.values(maps).map((map) => [...map].sort()),
  [...nftSets].map(([name, elements]) => [name, ...[...elements].sort()]),
  nftTable?.hash,
];

function routeMtus(open: OpenWorld): void {
  for (const isObject of [true, false]) {
    test(`a route ${isObject ? 'by a nexthop object ' : ''}loses its MTU again`, async () => {
      using world = open();
      await underlayAndVxlan(world);
      const gateway = '10.244.2.0';
      const via = isObject
        ? ({ kind: 'nexthop', link: 'poplin4-1', gateway: ip(gateway) } as const)
        : ({ kind: 'gateway', ...onVxlan(gateway) } as const);
      const plain = routeTo('10.244.2.0/24', via);
      const bounded = { ...plain, mtuBytes: 1350 };
      await done(world, [
        ...(isObject ? [add(nexthop(onVxlan(gateway)))] : []),
        add(route(bounded)),
      ]);
      assert.deepEqual(read(world).routes.get(keyOfRoute(plain)), bounded);
      await done(world, [change(route(plain))]);
      assert.deepEqual(read(world).routes.get(keyOfRoute(plain)), plain);
    });
  }
}

function find(state: KernelState, object: OpObject): unknown {
  switch (object.object) {
    case 'link':
      return state.links.get(object.value.name);
    case 'address':
      return state.addresses.get(keyOfAddress(object.value));
    case 'nexthop':
      return state.nexthops.get(keyOfNexthop(object.value));
    case 'route':
      return state.routes.get(keyOfRoute(object.value));
    case 'neighbour':
      return state.neighbours.get(keyOfNeighbour(object.value));
    case 'fdb':
      return state.fdb.get(keyOfFdbEntry(object.value));
    case 'qdisc':
      return state.qdiscs.get(keyOfQdisc(object.value));
    case 'rule':
      return state.rules.get(keyOfRule(object.value));
    default:
      return undefined;
  }
}
