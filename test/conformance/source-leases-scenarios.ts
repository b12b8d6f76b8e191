// The scenarios that every Source which claims subnets must pass. Each is a sentence and needs only
// what a LeaseWorld offers, so that a datastore, a simulated one and a real server are judged by
// the same words.

import assert from 'node:assert/strict';
import { FAMILY_SCENARIOS } from './source-leases-families.ts';
import { FURTHER_SCENARIOS } from './source-leases-further.ts';
import type { LeaseScene, Machine } from './source-leases-machine.ts';
import { SMALL, THREE, THREE_DUAL } from './source-leases-machine.ts';

type Scenario = (scene: LeaseScene) => Promise<void>;

const CLAIMING: Readonly<Record<string, Scenario>> = {
  'what is known is told at once, before the datastore was asked': async (scene) => {
    const machine = await scene.boot({ name: 'a' });
    assert.equal(machine.told.length > 0, true);
    assert.equal(machine.told[0]?.kind, 'none');
    assert.notEqual(machine.reason, '');
  },

  'a node gets a subnet of the configuration, and its peers see it': async (scene) => {
    const a = await scene.start({ name: 'a' });
    const b = await scene.start({ name: 'b' });
    const subnets = await a.untilHeld();
    assert.match(subnets.join(), /^10\.244\.([1-9]|[1-5]\d|6[0-3])\.0\/24$/);
    assert.notEqual(a.told.at(-1)?.explanation, '');
    assert.deepEqual(await scene.claimsOf('a'), subnets);
    await b.until('the subnet of a', () => {
      return b.cluster.nodes?.get('a')?.subnets.join() === subnets.join();
    });
  },

  'a node that registers late gets one then': async (scene) => {
    const machine = await scene.boot({ name: 'a' });
    await scene.world.pass(50);
    await scene.world.register('a');
    await machine.untilHeld();
  },

  'what was held before is claimed before any other': async (scene) => {
    const machine = await scene.start({ name: 'a', previous: ['10.244.33.0/24'] });
    assert.deepEqual(await machine.untilHeld(), ['10.244.33.0/24']);
  },

  'what was held before is not claimed where it does not fit any more': async (scene) => {
    for (const [name, previous] of [
      ['a', '10.9.9.0/24'],
      ['b', '10.244.32.0/25'],
      ['c', '10.244.99.0/24'],
    ] as const) {
      const machine = await scene.start({ name, previous: [previous] });
      assert.match((await machine.untilHeld()).join(), /^10\.244\.([1-9]|[1-5]\d|6[0-3])\.0\/24$/);
    }
  },

  'of two nodes that had the same before, one gets another': async (scene) => {
    const previous = ['10.244.33.0/24'];
    const a = await scene.start({ name: 'a', previous });
    const b = await scene.start({ name: 'b', previous });
    const [first, second] = await Promise.all([a.untilHeld(), b.untilHeld()]);
    assert.notDeepEqual(first, second);
    assert.equal([...first, ...second].includes('10.244.33.0/24'), true);
    await scene.assertNoneShared();
  },

  'SubnetMin and SubnetMax bound what is given out': async (scene) => {
    const keys = { ...SMALL, SubnetMin: '10.244.7.0', SubnetMax: '10.244.8.0' };
    const machines = await Promise.all(['a', 'b', 'c'].map((name) => scene.start({ name, keys })));
    const holders = (): readonly Machine[] => machines.filter(({ subnets }) => subnets.length > 0);
    await scene.until(
      () => 'two holders',
      () => holders().length === 2,
    );
    const waiting = machines.find((machine) => !holders().includes(machine));
    await waiting?.untilNone(/no free subnet/);
    const held = holders().flatMap(({ subnets }) => subnets);
    assert.deepEqual(held.sort(), ['10.244.7.0/24', '10.244.8.0/24']);
  },

  'fifty nodes that start at once on 63 subnets share none': async (scene) => {
    const names = Array.from({ length: 50 }, (_, index) => `node-${index}`);
    const machines = await Promise.all(names.map((name) => scene.start({ name })));
    const held = await Promise.all(machines.map((machine) => machine.untilHeld()));
    assert.equal(new Set(held.flat()).size, 50);
    assert.equal((await scene.world.claims()).length, 50);
    await scene.assertNoneShared();
  },
};

const KEEPING: Readonly<Record<string, Scenario>> = {
  'a stop gives nothing back, and a restart finds it without remembering': async (scene) => {
    const first = await scene.start({ name: 'a' });
    const subnets = await first.untilHeld();
    await scene.stop(first);
    assert.deepEqual(await scene.claimsOf('a'), subnets);
    const second = await scene.boot({ name: 'a' });
    assert.deepEqual(await second.untilHeld(), subnets);
    assert.deepEqual(await scene.claimsOf('a'), subnets);
  },

  'who wishes again has what was held, from the first word on': async (scene) => {
    const machine = await scene.start({ name: 'a' });
    const subnets = await machine.untilHeld();
    await machine.stopHolding();
    const count = machine.told.length;
    machine.hold();
    assert.deepEqual(machine.subnets, subnets);
    await scene.world.pass(50);
    assert.deepEqual(machine.told.slice(count).map(kindOf), ['held']);
    assert.deepEqual(await scene.claimsOf('a'), subnets);
  },

  'a machine that registers again under its name gets its subnet back': async (scene) => {
    const machine = await scene.start({ name: 'a' });
    await scene.start({ name: 'b' });
    const subnets = await machine.untilHeld();
    await scene.world.outage(async () => {
      await scene.world.remove('a');
      await scene.world.register('a');
    });
    await machine.until('claimed again', async () => {
      return (await scene.claimsOf('a')).join() === subnets.join();
    });
    await machine.until('held again', () => machine.subnets.join() === subnets.join());
  },

  'another machine of the same name gets nothing before the first is gone': async (scene) => {
    const first = await scene.start({ name: 'a', machine: 'one' });
    const subnets = await first.untilHeld();
    await scene.stop(first);
    const second = await scene.boot({ name: 'a', machine: 'two', previous: subnets });
    await second.untilNone(/another machine/);
    await scene.world.pass(100);
    assert.equal(second.told.some(isHeld), false);
    assert.deepEqual(await scene.claimsOf('a'), subnets);
    await scene.world.remove('a');
    await scene.world.register('a');
    assert.deepEqual(await second.untilHeld(), subnets);
  },

  'an outage at the start is waited out': async (scene) => {
    await scene.world.register('a');
    let machine: Machine | undefined;
    await scene.world.outage(async () => {
      machine = await scene.boot({ name: 'a' });
      await machine.until('a problem', () => machine?.source.health().problem !== undefined);
      assert.equal(machine.told.some(isHeld), false);
    });
    await machine?.untilHeld();
  },

  'an outage takes nothing away': async (scene) => {
    const machine = await scene.start({ name: 'a' });
    const subnets = await machine.untilHeld();
    const count = machine.told.length;
    await scene.world.outage(async () => {
      await machine.until('a problem', () => machine.source.health().problem !== undefined);
      await scene.world.pass(100);
    });
    const other = await scene.start({ name: 'b' });
    await machine.until('b', () => machine.cluster.nodes?.get('b')?.subnets.length === 1);
    assert.equal(machine.told.slice(count).every(isHeld), true);
    assert.deepEqual(machine.subnets, subnets);
    assert.notDeepEqual(other.subnets, subnets);
  },

  'a stop ends the wish during an outage as well': async (scene) => {
    const machine = await scene.start({ name: 'a' });
    await machine.untilHeld();
    await scene.world.outage(async () => {
      const waiting = await scene.boot({ name: 'b' });
      await scene.stop(waiting);
      await machine.stopHolding();
    });
  },
};

const LOSING: Readonly<Record<string, Scenario>> = {
  'a node without a subnet gets one as soon as one is free': async (scene) => {
    const machines: Machine[] = [];
    for (const name of ['a', 'b', 'c']) {
      const machine = await scene.start({ name, keys: THREE });
      await machine.untilHeld();
      machines.push(machine);
    }
    const waiting = await scene.start({ name: 'd', keys: THREE });
    await waiting.untilNone(/no free subnet/);
    const [gone] = machines;
    const freed = gone?.subnets ?? [];
    if (gone !== undefined) await scene.stop(gone);
    await scene.world.remove('a');
    assert.deepEqual(await waiting.untilHeld(), freed);
    await scene.assertNoneShared();
  },

  'a reserved subnet is never given out, before it is free again': async (scene) => {
    await scene.world.reserve('10.244.2.0/24');
    const a = await scene.start({ name: 'a', keys: THREE, previous: ['10.244.2.0/24'] });
    await a.untilHeld();
    const b = await scene.start({ name: 'b', keys: THREE });
    await b.untilHeld();
    const held = [...a.subnets, ...b.subnets].sort();
    assert.deepEqual(held, ['10.244.1.0/24', '10.244.3.0/24']);
    const c = await scene.start({ name: 'c', keys: THREE });
    await c.untilNone(/no free subnet/);
    await scene.world.unreserve('10.244.2.0/24');
    assert.deepEqual(await c.untilHeld(), ['10.244.2.0/24']);
  },

  'a reserved network of another length holds all subnets in it': async (scene) => {
    await scene.world.reserve('10.244.2.0/23');
    const a = await scene.start({ name: 'a', keys: THREE });
    assert.deepEqual(await a.untilHeld(), ['10.244.1.0/24']);
    const b = await scene.start({ name: 'b', keys: THREE });
    await b.untilNone(/no free subnet/);
  },

  'a claim that was revoked is made again': async (scene) => {
    const machine = await scene.start({ name: 'a' });
    const subnets = await machine.untilHeld();
    await scene.world.revoke('a');
    await machine.until('claimed again', async () => {
      return (await scene.claimsOf('a')).join() === subnets.join();
    });
    await machine.until('held', () => machine.subnets.join() === subnets.join());
    const held = machine.told.filter(isHeld).map((holding) => JSON.stringify(holding.subnets));
    assert.deepEqual([...new Set(held)], [JSON.stringify(subnets)]);
  },

  'who was too late to claim again says who has it, and gets another': async (scene) => {
    const machine = await scene.start({ name: 'a' });
    const [lost = ''] = await machine.untilHeld();
    await scene.world.outage(async () => {
      await scene.world.revoke('a');
      await scene.world.occupy(lost, 'thief');
    });
    const isOther = (): boolean => machine.subnets.length > 0 && machine.subnets[0] !== lost;
    await machine.until('another subnet', isOther);
    const words = machine.told.flatMap((holding) => (isHeld(holding) ? [] : [holding.reason]));
    assert.match(words.at(-1) ?? '', /thief/);
    assert.match(words.at(-1) ?? '', new RegExp(lost));
    assert.deepEqual(await scene.claimsOf('thief'), [lost]);
    await scene.assertNoneShared();
  },
};

const DUAL: Readonly<Record<string, Scenario>> = {
  'with both families a node gets one subnet of each': async (scene) => {
    const machine = await scene.start({ name: 'a', keys: THREE_DUAL });
    const subnets = await machine.untilHeld();
    assert.match(subnets[0] ?? '', /^10\.244\.[123]\.0\/24$/);
    assert.match(subnets[1] ?? '', /^fd00:0:0:[123]::\/64$/);
    assert.equal(subnets.length, 2);
    assert.deepEqual(await scene.claimsOf('a'), [...subnets].sort());
  },

  'with both families it is all or none': async (scene) => {
    for (const group of [1, 2, 3]) await scene.world.reserve(`fd00:0:0:${group}::/64`);
    const machine = await scene.start({ name: 'a', keys: THREE_DUAL });
    await machine.untilNone(/no free subnet/);
    await machine.until('nothing claimed', async () => (await scene.claimsOf('a')).length === 0);
    await scene.world.unreserve('fd00:0:0:2::/64');
    const subnets = await machine.untilHeld();
    assert.equal(subnets.length, 2);
    assert.equal(subnets[1], 'fd00:0:0:2::/64');
  },

  'both families are kept over a restart': async (scene) => {
    const first = await scene.start({ name: 'a', keys: THREE_DUAL });
    const subnets = await first.untilHeld();
    await scene.stop(first);
    const second = await scene.boot({ name: 'a', keys: THREE_DUAL });
    assert.deepEqual(await second.untilHeld(), subnets);
    assert.deepEqual(await scene.claimsOf('a'), [...subnets].sort());
  },
};

export const LEASE_SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...CLAIMING,
  ...KEEPING,
  ...LOSING,
  ...DUAL,
  ...FAMILY_SCENARIOS,
  ...FURTHER_SCENARIOS,
};

type Told = Machine['told'][number];

const kindOf = ({ kind }: Told): string => kind;
const isHeld = (holding: Told): holding is Extract<Told, { kind: 'held' }> =>
  holding.kind === 'held';
