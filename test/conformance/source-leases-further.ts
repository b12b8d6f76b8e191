// What a Source that claims subnets must do when a node needs more than one of a family: further
// ones come and go by themselves, the first one stays, and each is the node's own alone.

import assert from 'node:assert/strict';
import type { LeaseScene, Machine } from './source-leases-machine.ts';
import { THREE, THREE_DUAL } from './source-leases-machine.ts';

type Scenario = (scene: LeaseScene) => Promise<void>;

/** A machine with two subnets of IPv4. */
async function startWithTwo(scene: LeaseScene, name = 'a'): Promise<Machine> {
  const machine = await scene.start({ name, keys: THREE });
  await machine.untilHeld();
  await machine.need(2);
  await machine.untilCount(2);
  return machine;
}

export const FURTHER_SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a further subnet comes beside the first, and peers see it behind that': async (scene) => {
    // Of three, so that the first one is also the highest for one of the machines.
    const a = await scene.start({ name: 'a', keys: THREE, previous: ['10.244.3.0/24'] });
    const b = await scene.start({ name: 'b', keys: THREE });
    const first = await a.untilHeld();
    await b.untilHeld();
    const since = a.told.length;
    await a.need(2);
    const subnets = await a.untilCount(2);
    assert.deepEqual(subnets.slice(0, 1), first);
    scene.assertHeldSince(a, since, first);
    await b.until('both subnets of a', () => {
      return b.cluster.nodes?.get('a')?.subnets.join() === subnets.join();
    });
    assert.deepEqual(await scene.claimsOf('a'), [...subnets].sort());
    await scene.assertNoneShared();
  },

  'a restart keeps them all, whatever it remembers or wishes': async (scene) => {
    let machine = await startWithTwo(scene);
    const subnets = machine.subnets;
    for (const previous of [subnets, subnets.slice(0, 1), []]) {
      await scene.stop(machine);
      machine = await scene.boot({ name: 'a', keys: THREE, previous });
      assert.deepEqual(await machine.untilCount(2), subnets);
      assert.equal(
        machine.told.some((told) => told.kind === 'held' && told.subnets.length < 2),
        false,
      );
      await machine.need(1);
      await scene.world.pass(50);
      assert.deepEqual(machine.subnets, subnets);
    }
    assert.deepEqual(await scene.claimsOf('a'), [...subnets].sort());
  },

  'a spare one is given back and can be had by others, the first one never': async (scene) => {
    const a = await startWithTwo(scene);
    const [first = '', further = ''] = a.subnets;
    await scene.world.reserve(
      ['10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24'].find(
        (each) => !a.subnets.includes(each),
      ) ?? '',
    );
    const b = await scene.start({ name: 'b', keys: THREE });
    await b.untilNone(/no free subnet/);
    const since = a.told.length;
    await a.need(1, [first, further]);
    assert.deepEqual(await a.untilCount(1), [first]);
    assert.deepEqual(await b.untilHeld(), [further]);
    await a.need(1);
    await scene.world.pass(50);
    scene.assertHeldSince(a, since, [first]);
    assert.deepEqual(a.subnets, [first]);
    await scene.assertNoneShared();
  },

  'with both families a further one of IPv4 comes and goes alone': async (scene) => {
    const machine = await scene.start({ name: 'a', keys: THREE_DUAL });
    const [ipv4 = '', ipv6 = ''] = await machine.untilHeld();
    const since = machine.told.length;
    await machine.need(2);
    const subnets = await machine.untilCount(3);
    assert.deepEqual([subnets[0], subnets[2]], [ipv4, ipv6]);
    assert.match(subnets[1] ?? '', /^10\.244\.[123]\.0\/24$/);
    assert.deepEqual(await scene.claimsOf('a'), [...subnets].sort());
    await machine.need(1, [subnets[1] ?? '']);
    assert.deepEqual(await machine.untilCount(2), [ipv4, ipv6]);
    await machine.until('its claims', async () => (await scene.claimsOf('a')).length === 2);
    scene.assertHeldSince(machine, since, [ipv4, ipv6]);
  },

  'where none is free that is said, and it comes as soon as one is': async (scene) => {
    const machine = await scene.start({ name: 'a', keys: THREE });
    const [first = ''] = await machine.untilHeld();
    const others = ['10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24'].filter(
      (each) => each !== first,
    );
    for (const other of others) await scene.world.reserve(other);
    const since = machine.told.length;
    await machine.need(2);
    await machine.until('that none is free', () => /no free subnet/.test(machine.noFurther));
    await scene.world.unreserve(others[1] ?? '');
    assert.deepEqual(await machine.untilCount(2), [first, others[1]]);
    assert.equal(machine.noFurther, '');
    scene.assertHeldSince(machine, since, [first]);
  },

  'of nodes that want the last free one at once, one gets it': async (scene) => {
    const machines = await Promise.all(
      ['a', 'b'].map((name) => scene.start({ name, keys: THREE })),
    );
    const firsts = await Promise.all(machines.map((machine) => machine.untilHeld()));
    await Promise.all(machines.map((machine) => machine.need(2)));
    await scene.until(
      () => machines.map(({ subnets, noFurther }) => `${subnets}: ${noFurther}`).join('; '),
      () =>
        machines.some(({ subnets }) => subnets.length === 2) &&
        machines.some(({ noFurther }) => /no free subnet/.test(noFurther)),
    );
    assert.equal(new Set(machines.flatMap(({ subnets }) => subnets)).size, 3);
    for (const [index, machine] of machines.entries()) {
      assert.deepEqual(machine.subnets.slice(0, 1), firsts[index]);
    }
    await scene.assertNoneShared();
  },

  'a further one whose claim is gone is claimed again': async (scene) => {
    const machine = await startWithTwo(scene);
    const subnets = machine.subnets;
    const since = machine.told.length;
    await scene.world.unreserve(subnets[1] ?? '');
    await machine.until('claimed again', async () => {
      return (await scene.claimsOf('a')).join() === [...subnets].sort().join();
    });
    await machine.until('held again', () => machine.subnets.join() === subnets.join());
    scene.assertHeldSince(machine, since, subnets);
  },

  'a further one that somebody else has is lost alone': async (scene) => {
    const machine = await startWithTwo(scene);
    const [first = '', further = ''] = machine.subnets;
    const since = machine.told.length;
    await scene.world.outage(async () => {
      await scene.world.unreserve(further);
      await scene.world.occupy(further, 'thief');
    });
    await machine.until('it is gone', () => !machine.subnets.includes(further));
    scene.assertHeldSince(machine, since, [first]);
    await machine.until('another one', () => machine.subnets.length === 2);
    assert.deepEqual(await scene.claimsOf('thief'), [further]);
    await scene.assertNoneShared();
  },

  'when all claims are gone, all are made again': async (scene) => {
    const machine = await startWithTwo(scene);
    const { subnets } = machine;
    await scene.world.revoke('a');
    await machine.until('claimed again', async () => {
      return (await scene.claimsOf('a')).join() === [...subnets].sort().join();
    });
    await machine.until(
      'held again',
      () => [...machine.subnets].sort().join() === [...subnets].sort().join(),
    );
    await scene.assertNoneShared();
  },

  'when the first one alone is gone, it is claimed again': async (scene) => {
    const machine = await startWithTwo(scene);
    const { subnets } = machine;
    await scene.world.unreserve(subnets[0] ?? '');
    await machine.until('claimed again', async () => {
      return (await scene.claimsOf('a')).join() === [...subnets].sort().join();
    });
    await machine.until('held again', () => machine.subnets.length === 2);
    await scene.world.pass(50);
    assert.deepEqual([...machine.subnets].sort(), [...subnets].sort());
    await scene.assertNoneShared();
  },

  'an outage takes no further one away': async (scene) => {
    const machine = await startWithTwo(scene);
    const { subnets } = machine;
    const since = machine.told.length;
    await scene.world.outage(async () => {
      await machine.until('a problem', () => machine.source.health().problem !== undefined);
      await machine.need(3);
      await scene.world.pass(100);
    });
    await machine.untilCount(3);
    scene.assertHeldSince(machine, since, subnets);
  },
};
