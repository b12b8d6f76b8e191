// How a node's subnets follow its pods: what is wished for, what new pods get, and the order in
// which an empty one goes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SubnetStockParts } from '../../../src/agent/subnet-stock.ts';
import { SubnetStock } from '../../../src/agent/subnet-stock.ts';
import type { FurtherWish, SubnetAuthority } from '../../../src/cluster/holding.ts';
import type { SubnetUsage } from '../../../src/cni/ipam.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { FakeClock } from '../../fake/clock.ts';
import { configOf } from '../../fake/cluster.ts';

const FIRST = '10.244.1.0/29' as Cidr;
const SECOND = '10.244.1.8/29' as Cidr;
const THIRD = '10.244.1.16/29' as Cidr;
const REST_MS = 60_000;

class Node {
  readonly clock = new FakeClock();
  readonly used = new Map<Cidr, number>();
  /** Of each subnet. */
  cooling = 0;
  readonly wishes: FurtherWish[] = [];
  counted: readonly SubnetUsage[] = [];
  passes = 0;
  authority: SubnetAuthority = 'lease';
  noFurther = '';
  synced = true;
  problem: string | undefined;
  readonly stock: SubnetStock;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #subnets: readonly Cidr[];

  constructor(subnets: readonly Cidr[], keys: Readonly<Record<string, unknown>> = {}) {
    this.#subnets = subnets;
    const config = configOf({ Network: '10.244.0.0/16', SubnetLen: 29, ...keys });
    this.stock = new SubnetStock(this.#parts(config));
    this.#running = this.stock.run(() => {
      this.passes += 1;
    }, this.#stop.signal);
  }

  get wish(): FurtherWish | undefined {
    return this.wishes.at(-1);
  }

  /** As the source says from now on. */
  async hold(...subnets: readonly Cidr[]): Promise<void> {
    this.#subnets = subnets;
    await this.#look();
  }

  async pods(...counts: readonly number[]): Promise<void> {
    for (const [index, count] of counts.entries()) {
      this.used.set(this.#subnets[index] ?? assert.fail(), count);
    }
    await this.#look();
  }

  async pass(ops: readonly never[] | readonly [never] = []): Promise<void> {
    this.stock.passed(this.#subnets.filter(this.stock.isKept), { ops, failures: [] });
    await this.#look();
  }

  states(): string {
    return this.stock.view.map(({ state }) => state).join();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #look(): Promise<void> {
    this.stock.hint();
    await this.clock.advance(1_000);
  }

  #parts(config: ReturnType<typeof configOf>): SubnetStockParts {
    const view = () => ({
      ...{ authority: this.authority, explanation: '', isKnown: true, subnets: this.#subnets },
      ...{ isInDoubt: false, startsPods: true, reason: '', lacks: '', noFurther: this.noFurther },
    });
    const usage = (subnets: readonly Cidr[]): readonly SubnetUsage[] =>
      subnets.map((subnet) => {
        const used = this.used.get(subnet) ?? 0;
        return { subnet, total: 5, used, resting: this.cooling, cooling: this.cooling };
      });
    return {
      ...{ config: { config }, pods: { usage }, clock: this.clock, log: silentLog },
      leases: {
        get view() {
          return view();
        },
        need: (wish) => void this.wishes.push(wish),
      },
      source: {
        health: () => ({
          synced: this.synced,
          ...(this.problem === undefined ? {} : { problem: this.problem }),
        }),
      },
      metrics: {
        addresses: (counted) => {
          this.counted = counted;
        },
      },
      subnetRestMs: REST_MS,
    };
  }
}

async function withNode(node: Node, work: (node: Node) => Promise<void>): Promise<void> {
  try {
    await work(node);
  } finally {
    await node.end();
  }
}

const NOTHING: FurtherWish = { counts: {}, spare: [] };

describe('the subnets of a node', () => {
  test('are one more as soon as few addresses are free, and not more than needed', () =>
    withNode(new Node([FIRST]), async (node) => {
      await node.pods(3);
      assert.deepEqual(node.wish, NOTHING);
      await node.pods(4);
      assert.deepEqual(node.wish, { counts: { ipv4: 2 }, spare: [] });
      assert.deepEqual(node.stock.whenFull, { kind: 'grows' });
      await node.hold(FIRST, SECOND);
      assert.deepEqual(node.wish, NOTHING);
      assert.equal(node.counted.length, 2);
      await node.pods(5, 4);
      assert.deepEqual(node.wish, { counts: { ipv4: 3 }, spare: [] });
    }));

  test('are one more while few have rested, without a word that they were scarce', () =>
    withNode(new Node([FIRST]), async (node) => {
      node.cooling = 3;
      node.noFurther = 'no free subnet: all are taken';
      await node.pods(1);
      assert.deepEqual(node.wish, { counts: { ipv4: 2 }, spare: [] });
      assert.deepEqual(node.stock.scarce, []);
      node.cooling = 0;
      await node.pods(1);
      assert.deepEqual(node.wish, NOTHING);
    }));

  test('are worth a wait while one that is drained has room', () =>
    withNode(new Node([FIRST, SECOND], { MaxSubnetsPerNode: 2 }), async (node) => {
      assert.equal(node.stock.whenFull.kind, 'stays');
      await node.pods(0, 1);
      assert.equal(node.states(), 'in use,draining');
      assert.equal(node.stock.whenFull.kind, 'grows');
    }));

  test('are not more than MaxSubnetsPerNode, which is said', () =>
    withNode(new Node([FIRST, SECOND], { MaxSubnetsPerNode: 2 }), async (node) => {
      await node.pods(5, 4);
      assert.deepEqual(node.wish, NOTHING);
      assert.match(node.stock.scarce.join(), /nearly all IPv4 .*MaxSubnetsPerNode is 2/);
      const { whenFull } = node.stock;
      assert.match(whenFull.kind === 'stays' ? whenFull.reason : '', /MaxSubnetsPerNode is 2/);
      await node.pods(5, 0);
      assert.deepEqual(node.stock.scarce, []);
    }));

  test('are not more than there are, which is said in the words of the source', () =>
    withNode(new Node([FIRST]), async (node) => {
      node.noFurther = 'no free subnet: all are taken';
      await node.pods(5);
      assert.deepEqual(node.wish, { counts: { ipv4: 2 }, spare: [] });
      assert.match(node.stock.scarce.join(), /no free subnet/);
      assert.equal(node.stock.whenFull.kind, 'stays');
    }));

  test('are what the podCIDR says, and what would help is said', () =>
    withNode(new Node([FIRST]), async (node) => {
      node.authority = 'podCIDR';
      await node.pods(5);
      assert.deepEqual(node.wishes, []);
      assert.match(node.stock.scarce.join(), /--node-cidr-mask-size.*SubnetSource "lease"/);
      assert.equal(node.stock.whenFull.kind, 'stays');
    }));

  test('are none before the first one is held: that is claimed anyway', () =>
    withNode(new Node([]), async (node) => {
      await node.hold();
      assert.deepEqual(node.wishes, []);
    }));
});

describe('an empty further subnet', () => {
  test('is drained, rests, goes out of the kernel, and is then given back', () =>
    withNode(new Node([FIRST, SECOND]), async (node) => {
      await node.pods(1, 1);
      assert.equal(node.states(), 'in use,in use', 'four are not free without the second');
      await node.pods(0, 1);
      assert.equal(node.states(), 'in use,draining');
      assert.equal(node.stock.isGiven(SECOND), false);
      await node.clock.advance(2 * REST_MS);
      assert.equal(node.states(), 'in use,draining', 'while it has a pod');
      await node.pods(0, 0);
      await node.clock.advance(REST_MS - 5_000);
      assert.equal(node.passes, 0);
      await node.clock.advance(10_000);
      assert.equal(node.states(), 'in use,leaving');
      assert.deepEqual([node.passes, node.stock.isKept(SECOND)], [1, false]);
      await node.pass([undefined as never]);
      assert.deepEqual(node.wish, NOTHING, 'its objects are just being removed');
      await node.pass();
      assert.deepEqual(node.wish, { counts: {}, spare: [SECOND] });
      await node.hold(FIRST);
      assert.deepEqual(node.wish, NOTHING);
      await node.hold(FIRST, SECOND);
      assert.equal(node.stock.isKept(SECOND), true, 'claimed anew it is like any other');
    }));

  test('comes back into use when it is needed again', () =>
    withNode(new Node([FIRST, SECOND]), async (node) => {
      await node.pods(0, 0);
      assert.equal(node.states(), 'in use,draining');
      await node.clock.advance(REST_MS / 2);
      await node.pods(4, 0);
      assert.equal(node.states(), 'in use,in use');
      await node.clock.advance(2 * REST_MS);
      assert.equal(node.passes, 0);
      assert.deepEqual(node.wish, NOTHING, 'and no other is claimed');
    }));

  for (const [what, answer] of [
    ['nothing more was removed by a pass that failed', { ops: [], failures: [undefined as never] }],
    ['a pass still had it', { ops: [], failures: [], subnets: [FIRST, SECOND] }],
  ] as const) {
    test(`is not given back while ${what}`, () =>
      withNode(new Node([FIRST, SECOND]), async (node) => {
        await node.pods(0, 0);
        await node.clock.advance(REST_MS + 10_000);
        assert.equal(node.states(), 'in use,leaving');
        const { subnets = [FIRST], ...outcome } = { subnets: undefined, ...answer };
        node.stock.passed(subnets, outcome);
        await node.pods(0, 0);
        assert.deepEqual(node.wish, NOTHING);
        assert.equal(node.stock.isGiven(SECOND), false, 'nor does a new pod get it');
        await node.pass();
        assert.deepEqual(node.wish, { counts: {}, spare: [SECOND] });
      }));
  }

  test('rests from when it was last empty, and not a look longer', () =>
    withNode(new Node([FIRST, SECOND]), async (node) => {
      await node.pods(0, 0);
      await node.clock.advance(REST_MS - 10_000);
      await node.pods(0, 1);
      await node.pods(0, 0);
      await node.clock.advance(10_000);
      await node.pods(0, 0);
      await node.clock.advance(REST_MS - 20_000);
      assert.equal(node.states(), 'in use,draining');
      await node.clock.advance(10_000);
      assert.equal(node.states(), 'in use,leaving');
    }));

  test('stays while the datastore is away', () =>
    withNode(new Node([FIRST, SECOND]), async (node) => {
      node.synced = false;
      await node.pods(0, 0);
      await node.clock.advance(2 * REST_MS);
      assert.equal(node.states(), 'in use,draining', 'nothing is known of it yet');
      node.synced = true;
      node.problem = 'the API does not answer';
      await node.pods(0, 0);
      await node.clock.advance(2 * REST_MS);
      assert.equal(node.states(), 'in use,draining');
      node.problem = undefined;
      await node.clock.advance(60_000);
      assert.equal(node.states(), 'in use,leaving');
    }));

  test('that is leaving does not count when another is needed', () =>
    withNode(new Node([FIRST, SECOND, THIRD]), async (node) => {
      await node.pods(0, 0, 0);
      await node.clock.advance(REST_MS + 10_000);
      const left = node.stock.view.filter(({ state }) => state !== 'leaving');
      assert.equal(left.length, 2);
      for (const { subnet } of left) node.used.set(subnet, 5);
      node.stock.hint();
      await node.clock.advance(1_000);
      assert.deepEqual(node.wish?.counts, { ipv4: 3 });
    }));
});
