// What a Source that claims subnets must do when a node wishes for another set of families than
// before: what it holds already, and still wishes for, it holds all the while.

import assert from 'node:assert/strict';
import { configFrom } from '../fake/config-from.ts';
import type { LeaseScene, Machine } from './source-leases-machine.ts';
import { THREE, THREE_DUAL } from './source-leases-machine.ts';

type Scenario = (scene: LeaseScene) => Promise<void>;

const THREE_V6 = { ...THREE_DUAL, EnableIPv4: false } as const;

const ONE_AND_THE_OTHER = [
  { one: THREE, other: /^fd00:0:0:[123]::\/64$/ },
  { one: THREE_V6, other: /^10\.244\.[123]\.0\/24$/ },
] as const;

/** The same machine, with another wish. */
async function wish(machine: Machine, keys: Readonly<Record<string, unknown>>): Promise<void> {
  const { subnets } = machine;
  await machine.stopHolding();
  machine.hold(subnets, configFrom(keys));
}

export const FAMILY_SCENARIOS: Readonly<Record<string, Scenario>> = {
  'another family is claimed beside the one that is held': async (scene) => {
    for (const [index, { one, other }] of ONE_AND_THE_OTHER.entries()) {
      const machine = await scene.start({ name: `a${index}`, keys: one });
      const before = await machine.untilHeld();
      const since = machine.told.length;
      await wish(machine, THREE_DUAL);
      await machine.until('both families', () => machine.subnets.length === 2);
      scene.assertHeldSince(machine, since, before);
      const [added = ''] = machine.subnets.filter((subnet) => !before.includes(subnet));
      assert.match(added, other);
      assert.deepEqual(await scene.claimsOf(machine.name), [...machine.subnets].sort());
    }
  },

  'three nodes that claim another family at once share none': async (scene) => {
    const names = ['a', 'b', 'c'];
    const machines = await Promise.all(names.map((name) => scene.start({ name, keys: THREE })));
    const before = await Promise.all(machines.map((machine) => machine.untilHeld()));
    const since = machines.map(({ told }) => told.length);
    await Promise.all(machines.map((machine) => wish(machine, THREE_DUAL)));
    for (const machine of machines) {
      await machine.until('both families', () => machine.subnets.length === 2);
    }
    for (const [index, machine] of machines.entries()) {
      scene.assertHeldSince(machine, since[index] ?? 0, before[index] ?? []);
    }
    assert.equal(new Set(machines.flatMap(({ subnets }) => subnets)).size, 6);
    await scene.assertNoneShared();
  },

  'where another family has no free subnet, what is held stays so, and it is said': async (
    scene,
  ) => {
    for (const group of [1, 2, 3]) await scene.world.reserve(`fd00:0:0:${group}::/64`);
    const machine = await scene.start({ name: 'a', keys: THREE });
    const before = await machine.untilHeld();
    const since = machine.told.length;
    await wish(machine, THREE_DUAL);
    const lacks = (): string => {
      const last = machine.told.at(-1);
      return (last?.kind === 'held' ? last.lacks : undefined) ?? '';
    };
    await machine.until('that none is free', () => /no free subnet/.test(lacks()));
    await scene.world.unreserve('fd00:0:0:2::/64');
    await machine.until('both families', () => machine.subnets.length === 2);
    assert.equal(lacks(), '');
    scene.assertHeldSince(machine, since, before);
  },

  'a family that is not wished for any more is given back': async (scene) => {
    for (const [index, { one, other }] of ONE_AND_THE_OTHER.entries()) {
      const machine = await scene.start({ name: `a${index}`, keys: THREE_DUAL });
      await machine.untilHeld();
      const kept = machine.subnets.filter((subnet) => !other.test(subnet));
      const since = machine.told.length;
      await wish(machine, one);
      await machine.until('one family', () => machine.subnets.join() === kept.join());
      await machine.until('one claim', async () => {
        return (await scene.claimsOf(machine.name)).join() === kept.join();
      });
      scene.assertHeldSince(machine, since, kept);
    }
  },

  'a restart in the middle goes on with what was held': async (scene) => {
    const first = await scene.start({ name: 'a', keys: THREE });
    const before = await first.untilHeld();
    await scene.stop(first);
    const second = await scene.boot({ name: 'a', keys: THREE_DUAL, previous: before });
    await second.until('both families', () => second.subnets.length === 2);
    assert.deepEqual(second.subnets.slice(0, 1), before);
    assert.deepEqual(await scene.claimsOf('a'), [...second.subnets].sort());
  },
};
