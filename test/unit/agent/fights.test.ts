// When repairs become a fight, how long each next one waits, and when it is over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fights } from '../../../src/agent/fights.ts';
import { admitted, countRepairs } from '../../../src/agent/fought-ops.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { KernelState } from '../../../src/state/kernel-state.ts';
import { EMPTY_STATE } from '../../../src/state/kernel-state.ts';
import type { Op } from '../../../src/state/op.ts';
import {
  add,
  change,
  element,
  fdb,
  ip,
  link,
  mac,
  neighbour,
  nexthop,
  onVxlan,
  remove,
  route,
  routeTo,
  table,
  VXLAN,
} from '../../conformance/world.ts';
import { FakeClock } from '../../fake/clock.ts';

const OBJECT = { key: 'route a', intent: 'via b', name: 'route a via b' };

class Scene {
  readonly clock = new FakeClock();
  readonly fights = new Fights(this.clock);

  async repair(count: number, everyMs: number, repair = OBJECT): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      this.fights.repaired(repair);
      await this.clock.advance(everyMs);
    }
  }

  /** Passes over what somebody undoes at once, for so long; how many repairs there were. */
  async fight(durationMs: number, ops: readonly Op[], actual = EMPTY_STATE): Promise<number> {
    let repairs = 0;
    for (let passedMs = 0; passedMs < durationMs; passedMs += 20) {
      const done = admitted(this.fights, ops, actual);
      countRepairs(this.fights, done, []);
      this.fights.look();
      repairs += done.length;
      await this.clock.advance(20);
    }
    return repairs;
  }
}

test('twenty repairs in a minute are none, the next one is a fight', async () => {
  const scene = new Scene();
  await scene.repair(20, 100);
  assert.equal(scene.fights.count, 0);
  assert.equal(scene.fights.waitMs(OBJECT), 0);
  await scene.repair(1, 100);
  assert.equal(scene.fights.count, 1);
  assert.equal(scene.fights.waitMs(OBJECT), 900);
  assert.deepEqual(scene.fights.names, ['route a via b: somebody undoes each repair']);
  assert.deepEqual(scene.fights.descriptions, [
    'route a via b: put right 21 times since 2026-01-01T00:00:00.000Z, and undone by somebody each time',
  ]);
});

test('repairs that are far apart, or of different objects, are no fight', async () => {
  const scene = new Scene();
  await scene.repair(200, 3_500);
  for (let number = 0; number < 200; number += 1) {
    await scene.repair(1, 1, { ...OBJECT, key: `route ${number}` });
  }
  assert.equal(scene.fights.count, 0);
});

test('what is wanted otherwise each time is no fight', async () => {
  const scene = new Scene();
  for (let number = 0; number < 200; number += 1) {
    await scene.repair(1, 10, { ...OBJECT, intent: `via ${number % 2}` });
  }
  assert.equal(scene.fights.count, 0);
});

test('pauses double up to half a minute', async () => {
  const scene = new Scene();
  await scene.repair(21, 0);
  const pauses: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    const waitMs = scene.fights.waitMs(OBJECT);
    pauses.push(waitMs);
    await scene.clock.advance(waitMs);
    assert.equal(scene.fights.waitMs(OBJECT), 0);
    scene.fights.repaired(OBJECT);
  }
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('a repair that is wanted otherwise does not wait', async () => {
  const scene = new Scene();
  await scene.repair(21, 0);
  assert.equal(scene.fights.waitMs({ ...OBJECT, intent: 'via c' }), 0);
  scene.fights.repaired({ ...OBJECT, intent: 'via c' });
  assert.equal(scene.fights.count, 0);
});

test('a fight ends ten seconds after the last time that something was undone', async () => {
  const scene = new Scene();
  await scene.repair(21, 0);
  await scene.clock.advance(9_000);
  scene.fights.waitMs(OBJECT);
  await scene.clock.advance(9_999);
  scene.fights.look();
  assert.equal(scene.fights.count, 1);
  assert.equal(scene.fights.dueAfterMs, 1);
  await scene.clock.advance(1);
  scene.fights.look();
  assert.equal(scene.fights.count, 0);
  assert.equal(scene.fights.dueAfterMs, undefined);
  // It begins from the beginning.
  await scene.repair(20, 0);
  assert.equal(scene.fights.count, 0);
});

test('of hundreds of objects five are named', async () => {
  const scene = new Scene();
  for (let number = 0; number < 200; number += 1) {
    await scene.repair(21, 0, { ...OBJECT, key: `route ${number}` });
  }
  assert.equal(scene.fights.count, 200);
  assert.equal(scene.fights.names.length, 6);
  assert.equal(scene.fights.names.at(-1), 'and 195 further objects');
});

const GATEWAY = onVxlan('10.244.3.0');
const LINK = link(VXLAN);
const NEIGHBOUR = neighbour({ link: 'poplin4-1', address: ip('10.244.3.0'), mac: mac(3) });
const FDB = fdb({ link: 'poplin4-1', mac: mac(3), remote: ip('192.168.7.3') });
const VIA = { kind: 'nexthop', link: 'poplin4-1', gateway: ip('10.244.3.0') } as const;
const ROUTE = route(routeTo('10.244.3.0/24', VIA));
const OTHER = route(routeTo('10.244.9.0/24', { kind: 'unreachable' }));
const withLink: KernelState = { ...EMPTY_STATE, links: new Map([['poplin4-1', VXLAN]]) };

test('a fight of a minute costs a few dozen repairs, and others do not wait', async () => {
  const scene = new Scene();
  const repairs = await scene.fight(60_000, [add(ROUTE)]);
  assert.ok(repairs >= 21 && repairs <= 27, `${repairs}`);
  assert.deepEqual(admitted(scene.fights, [add(ROUTE), add(OTHER)], withLink), [add(OTHER)]);
});

test('adding and changing put the same thing right, and so does making anew', async () => {
  const scene = new Scene();
  await scene.fight(400, [add(LINK)]);
  await scene.fight(20, [remove(LINK), add(LINK)]);
  assert.equal(scene.fights.count, 1);
  assert.deepEqual(admitted(scene.fights, [remove(LINK), add(LINK)], withLink), []);
  assert.deepEqual(admitted(scene.fights, [change(LINK)], withLink), []);
  assert.deepEqual(admitted(scene.fights, [remove(LINK)], withLink), [remove(LINK)]);
});

test('what lies on a link that waits to be made waits too; on one with a wrong MTU not', async () => {
  const scene = new Scene();
  await scene.fight(500, [add(LINK)]);
  const on = [add(NEIGHBOUR), add(FDB), add(nexthop(GATEWAY)), add(ROUTE)];
  assert.deepEqual(admitted(scene.fights, [add(LINK), ...on, add(OTHER)], EMPTY_STATE), [
    add(OTHER),
  ]);
  assert.deepEqual(admitted(scene.fights, [change(LINK), ...on], withLink), on);
  const down = { ...withLink, links: new Map([['poplin4-1', { ...VXLAN, up: false }]]) };
  assert.deepEqual(admitted(scene.fights, [change(LINK), ...on], down), []);
});

test('a route waits with its nexthop, an element with its table', async () => {
  const scene = new Scene();
  const nft = table('a1', 'table inet poplin {}');
  await scene.fight(500, [add(nexthop(GATEWAY)), add(nft)]);
  const ops = [add(nft), add(element('nodes4', '10.0.0.1')), add(nexthop(GATEWAY)), add(ROUTE)];
  assert.deepEqual(admitted(scene.fights, ops, withLink), []);
  const changed = [change(nft), add(element('nodes4', '10.0.0.1'))];
  assert.deepEqual(admitted(scene.fights, changed, withLink), [changed[1]]);
});

test('what the kernel refuses again and again is no fight', () => {
  const scene = new Scene();
  const error = new AppError('NETLINK', 'add', 'EBUSY');
  for (let count = 0; count < 100; count += 1) {
    const op = add(ROUTE);
    countRepairs(scene.fights, [op], [{ op, error }]);
  }
  assert.equal(scene.fights.count, 0);
});
