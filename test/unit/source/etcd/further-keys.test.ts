// What becomes of a node's further subnets when others write beside it: what it takes back, what it
// gives up, and that no transaction of its own is carried out on keys that have changed meanwhile.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { FurtherWish } from '../../../../src/cluster/holding.ts';
import { silentLog } from '../../../../src/lib/log.ts';
import type { Cidr } from '../../../../src/net/cidr.ts';
import type { LeaseId } from '../../../../src/source/etcd/api.ts';
import { Changes } from '../../../../src/source/etcd/changes.ts';
import { FurtherKeys } from '../../../../src/source/etcd/further-keys.ts';
import { parseHolder, renderHolder } from '../../../../src/source/etcd/holder.ts';
import { keyLayout, subnetKeyName } from '../../../../src/source/etcd/keys.ts';
import type { Right } from '../../../../src/source/etcd/right.ts';
import { LEASE_TIMING } from '../../../../src/source/etcd/right.ts';
import type { Claimed, EtcdTable } from '../../../../src/source/etcd/table.ts';
import { keysOfNode } from '../../../../src/source/etcd/table.ts';
import { FakeClock } from '../../../fake/clock.ts';
import { cidr, configFrom } from '../../../fake/config-from.ts';
import { EtcdKeys } from '../../../fake/etcd-keys.ts';

const LAYOUT = keyLayout();
const HOLDER = keysOfNode(LAYOUT, 'a').holder;
const LEASE = '7';
const OTHER_LEASE = '8';
const FIRST = cidr('10.244.1.0/24');
const FURTHER = cidr('10.244.2.0/24');
const NETWORK = { Network: '10.244.0.0/16' };
const WHATEVER_IS: FurtherWish = { counts: {}, spare: [] };
const SPARE: FurtherWish = { counts: {}, spare: [FURTHER] };
const STOP = new AbortController().signal;

const keyOf = (subnet: Cidr): string => LAYOUT.subnets + subnetKeyName([subnet]);

/** The keys of the node `a`, and what it makes of them. */
class Scene {
  readonly etcd = new EtcdKeys();
  table: EtcdTable = this.etcd.tableOf(LAYOUT);
  #keys: FurtherKeys | undefined;

  constructor() {
    this.etcd.put(keyOf(FIRST), 'first', LEASE);
    this.holds([FURTHER]);
    this.etcd.put(keyOf(FURTHER), 'further', LEASE);
  }

  /** What the holder's key says. */
  holds(further: readonly Cidr[], machine = 'machine'): void {
    const holder = { machine, subnets: [FIRST], further, addresses: [] };
    this.etcd.put(HOLDER, renderHolder(holder), LEASE);
  }

  /** The table as it is now; it does not follow what is written later. */
  look(): Claimed {
    this.table = this.etcd.tableOf(LAYOUT);
    const entry = this.table.holder('a') ?? assert.fail('no holder');
    const subnet = this.table.held(entry) ?? assert.fail('no first subnet');
    return { entry, subnet };
  }

  /** A process that has just been started, by the table of the last look. */
  get keys(): FurtherKeys {
    this.#keys ??= this.#open();
    return this.#keys;
  }

  step(claimed: Claimed, further: FurtherWish, network: Record<string, unknown> = NETWORK) {
    const config = configFrom(network);
    const wish = { config, machine: 'machine', previous: [], further };
    return this.keys.step(wish, claimed, STOP);
  }

  get further(): readonly Cidr[] {
    return parseHolder(this.etcd.get(HOLDER)?.value ?? '')?.further ?? assert.fail('no holder');
  }

  leaseOf(subnet: Cidr): LeaseId | undefined {
    return this.etcd.get(keyOf(subnet))?.lease;
  }

  #open(): FurtherKeys {
    const scene = this;
    return new FurtherKeys({
      ...{ api: this.etcd, layout: LAYOUT, lease: LEASE_TIMING, log: silentLog },
      ...{ changes: new Changes(), clock: new FakeClock(), nodeName: 'a', addresses: [] },
      get table() {
        return scene.table;
      },
      random: () => 0.5,
      rendered: () => ({ value: 'said', advert: 'said' }),
      problem: () => undefined,
    });
  }
}

const RIGHT: Right = {
  ...{ lease: LEASE, machine: 'machine', subnets: [FIRST, FURTHER] },
  subnetKey: subnetKeyName([FIRST]),
  end: { boottimeMs: Number.POSITIVE_INFINITY, wallClockMs: Number.POSITIVE_INFINITY },
  renewAtBoottimeMs: Number.POSITIVE_INFINITY,
};

describe('further subnets in etcd', () => {
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene();
  });

  test('a claim anew keeps the lease of those that are left, unless etcd has ended it', () => {
    const { entry } = scene.look();
    assert.equal(scene.keys.leaseOf(entry, undefined), LEASE);
    assert.equal(scene.keys.leaseOf(entry, OTHER_LEASE), LEASE);
    assert.equal(scene.keys.leaseOf(entry, LEASE), undefined);
    scene.etcd.delete(keyOf(FURTHER));
    assert.equal(scene.keys.leaseOf(scene.look().entry, undefined), undefined);
  });

  test('a subnet that etcd forgot altogether, as by a backup from before it, comes back', async () => {
    scene.etcd.delete(keyOf(FURTHER));
    scene.holds([]);
    const claimed = scene.look();
    assert.deepEqual(scene.keys.remaining(RIGHT, claimed.entry).subnets, [FIRST]);
    assert.equal(typeof (await scene.step(claimed, WHATEVER_IS)), 'number');
    assert.deepEqual(scene.further, [FURTHER]);
    assert.equal(scene.leaseOf(FURTHER), LEASE);
    assert.equal(await scene.step(scene.look(), WHATEVER_IS), 'nothing');
  });

  test('what was forgotten so stays away when it is spare, or when another has it', async () => {
    scene.etcd.delete(keyOf(FURTHER));
    scene.holds([]);
    scene.keys.remaining(RIGHT, scene.look().entry);
    scene.etcd.put(keyOf(FURTHER), 'theirs', OTHER_LEASE);
    assert.equal(await scene.step(scene.look(), WHATEVER_IS), 'nothing');

    scene.etcd.delete(keyOf(FURTHER));
    scene.keys.remaining(RIGHT, scene.look().entry);
    assert.equal(await scene.step(scene.look(), SPARE), 'nothing');
    assert.equal(await scene.step(scene.look(), WHATEVER_IS), 'nothing');
    assert.deepEqual(scene.further, []);
  });

  test('one whose key is gone gets it again, also by a process that never had it', async () => {
    scene.etcd.delete(keyOf(FURTHER));
    assert.equal(typeof (await scene.step(scene.look(), WHATEVER_IS)), 'number');
    assert.equal(scene.leaseOf(FURTHER), LEASE);
    assert.deepEqual(scene.further, [FURTHER]);
  });

  test('one whose key another has taken is no longer named, and his key stays', async () => {
    scene.etcd.put(keyOf(FURTHER), 'theirs', OTHER_LEASE);
    assert.equal(typeof (await scene.step(scene.look(), WHATEVER_IS)), 'number');
    assert.deepEqual(scene.further, []);
    assert.equal(scene.etcd.get(keyOf(FURTHER))?.value, 'theirs');
  });

  test('of two claims at once the later one gives way', async () => {
    assert.equal(await scene.keys.giveWay(scene.look(), STOP), undefined);
    const half = cidr('10.244.2.128/25');
    scene.etcd.put(keyOf(half), 'younger', OTHER_LEASE);
    assert.equal(await scene.keys.giveWay(scene.look(), STOP), undefined);
    scene.etcd.delete(keyOf(FURTHER));
    scene.etcd.put(keyOf(FURTHER), 'further', LEASE);
    const claimed = scene.look();
    assert.notEqual((await scene.keys.giveWay(claimed, STOP)) ?? 0, 0);
    assert.deepEqual(scene.further, []);
    assert.deepEqual([scene.leaseOf(FURTHER), scene.leaseOf(half)], [undefined, OTHER_LEASE]);
    // By a table that is behind: look again at once.
    assert.equal(await scene.keys.giveWay(claimed, STOP), 0);
  });

  test('one outside the configured network is given back', async () => {
    assert.equal(await scene.step(scene.look(), WHATEVER_IS), 'nothing');
    const elsewhere = { Network: '10.99.0.0/16' };
    assert.equal(typeof (await scene.step(scene.look(), WHATEVER_IS, elsewhere)), 'number');
    assert.deepEqual(scene.further, []);
    assert.equal(scene.leaseOf(FURTHER), undefined);
  });

  test('a spare one goes, and the first key is written anew with the same', async () => {
    const { subnet } = scene.look();
    const revision = await scene.step(scene.look(), SPARE);
    assert.deepEqual(scene.further, []);
    assert.equal(scene.leaseOf(FURTHER), undefined);
    const first = scene.etcd.get(keyOf(FIRST));
    assert.deepEqual([first?.value, first?.modRevision], [subnet.item.value, revision]);
  });

  /** What others write after the look by which the node decides. */
  const MEANWHILE: Readonly<Record<string, { wish: FurtherWish; write(scene: Scene): void }>> = {
    'none is given back when the holder has changed': {
      wish: SPARE,
      write: (scene) => scene.holds([FURTHER], 'another machine'),
    },
    'none is given back whose key another has taken': {
      wish: SPARE,
      write: ({ etcd }) => etcd.put(keyOf(FURTHER), 'theirs', OTHER_LEASE),
    },
    'none is given back when the first key says something new': {
      wish: SPARE,
      write: ({ etcd }) => etcd.put(keyOf(FIRST), 'news', LEASE),
    },
    'none is claimed when the holder has changed': {
      wish: { counts: { ipv4: 3 }, spare: [] },
      write: (scene) => scene.holds([FURTHER], 'another machine'),
    },
  };
  for (const [sentence, { wish, write }] of Object.entries(MEANWHILE)) {
    test(sentence, async () => {
      const claimed = scene.look();
      write(scene);
      const before = await scene.etcd.list();
      assert.equal(await scene.step(claimed, wish), 'outrun');
      assert.deepEqual(await scene.etcd.list(), before);
    });
  }

  test('one that another has taken stays named when the holder has changed meanwhile', async () => {
    scene.etcd.put(keyOf(FURTHER), 'theirs', OTHER_LEASE);
    const claimed = scene.look();
    scene.holds([FURTHER], 'another machine');
    const before = await scene.etcd.list();
    assert.equal(await scene.step(claimed, WHATEVER_IS), 'outrun');
    assert.deepEqual(await scene.etcd.list(), before);
  });

  test('one that another claims meanwhile, with IPv6 too, is not taken from him', async () => {
    scene.etcd.delete(keyOf(FURTHER));
    const claimed = scene.look();
    const theirs = LAYOUT.subnets + subnetKeyName([FURTHER, cidr('fd00:0:0:2::/64')]);
    scene.etcd.put(theirs, 'theirs', OTHER_LEASE);
    assert.equal(await scene.step(claimed, WHATEVER_IS), 'outrun');
    assert.equal(scene.leaseOf(FURTHER), undefined);
  });
});
