// What every Source must do, whatever stores the cluster: run by a test of each implementation,
// which supplies a `SourceWorld` (the datastore, as seen by an operator, and its outages).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Advert } from '../../src/cluster/advert.ts';
import type { ClusterEvent, PartialCluster } from '../../src/cluster/cluster.ts';
import { fold, NOTHING_KNOWN, synced } from '../../src/cluster/cluster.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Source } from '../../src/source/source.ts';
import { advertOf } from '../fake/cluster.ts';

export type SourceWorld = {
  readonly source: Source;
  /** The node that the source publishes for; it does not exist at the start. */
  readonly ownName: string;
  putNode(node: {
    readonly name: string;
    readonly subnets: readonly string[];
    readonly annotations?: Readonly<Record<string, string>>;
  }): Promise<void>;
  deleteNode(name: string): Promise<void>;
  putConfig(text: string): Promise<void>;
  deleteConfig(): Promise<void>;
  /** What others see of what the node published. */
  published(name: string): Promise<Readonly<Record<string, string>>>;
  /** Writes that the datastore has received so far. */
  writes(): number;
  /** Cuts every connection; the datastore goes on. */
  cut(): Promise<void>;
  /** Away, while `meanwhile` changes it, and back. */
  outage(meanwhile: () => Promise<void>): Promise<void>;
  /** What was remembered of past changes is forgotten, while the source is cut off. */
  forgetHistory(meanwhile: () => Promise<void>): Promise<void>;
  dispose(): Promise<void>;
};

export function sourceConformance(name: string, createWorld: () => Promise<SourceWorld>): void {
  describe(`source conformance: ${name}`, () => {
    for (const [sentence, scenario] of Object.entries(SCENARIOS)) {
      test(sentence, async () => {
        const world = await createWorld();
        const follower = new Follower();
        const stop = new AbortController();
        const running = world.source.run((event) => follower.take(event), stop.signal);
        try {
          await scenario(world, follower);
        } finally {
          stop.abort();
          await running;
          await world.dispose();
        }
      });
    }
  });
}

type Scenario = (world: SourceWorld, follower: Follower) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'what exists at the start is listed, and synced says so': async (world, follower) => {
    await world.putConfig('{"Network":"10.244.0.0/16"}');
    await world.putNode({ name: 'a', subnets: ['10.244.1.0/24'] });
    await follower.until('node a', (cluster) => cluster.nodes?.has('a') === true);
    await follower.until('synced', (cluster) => synced(cluster) !== undefined);
    const node = follower.cluster.nodes?.get('a');
    assert.deepEqual(node?.subnets, ['10.244.1.0/24']);
    assert.notEqual(node?.uid, '');
    await follower.until('healthy', () => world.source.health().problem === undefined);
    assert.equal(world.source.health().synced, true);
    assert.ok((world.source.health().lastContactAgeSeconds ?? 99) < 5);
  },

  'a missing configuration is a problem in words until it comes': async (world, follower) => {
    await follower.until('problem', () => world.source.health().problem !== undefined);
    await follower.until('nodes listed', (cluster) => cluster.nodes !== undefined);
    assert.equal(follower.cluster.config, undefined);
    await world.putConfig('{}');
    await follower.until('configuration', (cluster) => cluster.config?.text === '{}');
    await follower.until('healthy', () => world.source.health().problem === undefined);
  },

  'a deleted configuration is told, and a new one replaces it': async (world, follower) => {
    await world.putConfig('{"a":1}');
    await follower.until('first', (cluster) => cluster.config?.text === '{"a":1}');
    await world.deleteConfig();
    await follower.untilEvent('config-gone', (event) => event.kind === 'config-gone');
    await follower.until('problem', () => world.source.health().problem !== undefined);
    await world.putConfig('{"a":2}');
    await follower.until('second', (cluster) => cluster.config?.text === '{"a":2}');
  },

  'changes arrive one by one': async (world, follower) => {
    await follower.until('listed', (cluster) => cluster.nodes !== undefined);
    await world.putNode({ name: 'a', subnets: ['10.244.1.0/24'] });
    await world.putNode({ name: 'b', subnets: ['10.244.2.0/24', 'fd00:0:0:2::/64'] });
    await follower.until('both', (cluster) => cluster.nodes?.size === 2);
    await world.deleteNode('a');
    await follower.until('b alone', (cluster) => namesOf(cluster) === 'b');
  },

  'a subnet that goes from one node to another stays with the second': async (world, follower) => {
    await world.putNode({ name: 'a', subnets: ['10.244.1.0/24'] });
    await follower.until('a', (cluster) => namesOf(cluster) === 'a');
    await world.outage(async () => {
      await world.deleteNode('a');
      await world.putNode({ name: 'b', subnets: ['10.244.1.0/24'] });
    });
    await follower.until('b alone', (cluster) => namesOf(cluster) === 'b');
    assert.deepEqual(follower.cluster.nodes?.get('b')?.subnets, ['10.244.1.0/24']);
  },

  'a node that is made again has another identity': async (world, follower) => {
    await world.putNode({ name: 'a', subnets: ['10.244.1.0/24'] });
    await follower.until('a', (cluster) => namesOf(cluster) === 'a');
    const uid = follower.cluster.nodes?.get('a')?.uid;
    await world.deleteNode('a');
    await world.putNode({ name: 'a', subnets: ['10.244.3.0/24'] });
    await follower.until(
      'new a',
      (cluster) => cluster.nodes?.get('a')?.subnets[0] === '10.244.3.0/24',
    );
    assert.notEqual(follower.cluster.nodes?.get('a')?.uid, uid);
  },

  'changes during cut connections are not missed': async (world, follower) => {
    await world.putNode({ name: 'a', subnets: [] });
    await follower.until('a', (cluster) => namesOf(cluster) === 'a');
    await world.cut();
    await world.putNode({ name: 'b', subnets: [] });
    await world.deleteNode('a');
    await follower.until('b alone', (cluster) => namesOf(cluster) === 'b');
  },

  'an outage is a problem in words, and everything is caught up after it': async (
    world,
    follower,
  ) => {
    await world.putConfig('{}');
    await world.putNode({ name: 'a', subnets: [] });
    await follower.until('healthy', () => world.source.health().problem === undefined);
    await world.outage(async () => {
      await follower.until('problem', () => world.source.health().problem !== undefined);
      await world.deleteNode('a');
      await world.putNode({ name: 'b', subnets: [] });
      await world.putConfig('{"later":true}');
    });
    await follower.until('b alone', (cluster) => namesOf(cluster) === 'b');
    await follower.until('later', (cluster) => cluster.config?.text === '{"later":true}');
    await follower.until('healthy', () => world.source.health().problem === undefined);
  },

  'a forgotten history leads to a new list': async (world, follower) => {
    await world.putNode({ name: 'a', subnets: [] });
    await world.putNode({ name: 'b', subnets: [] });
    await follower.until('both', (cluster) => namesOf(cluster) === 'a,b');
    await world.forgetHistory(async () => {
      await world.deleteNode('a');
      await world.putNode({ name: 'c', subnets: [] });
    });
    await follower.until('b and c', (cluster) => namesOf(cluster) === 'b,c');
  },

  'what is published reaches others, and unchanged it costs nothing': async (world, follower) => {
    const { signal } = new AbortController();
    await world.putNode({ name: world.ownName, subnets: ['10.244.1.0/24'] });
    await follower.until('self', (cluster) => namesOf(cluster) === world.ownName);
    const publication = { advert: advertOf(1), backend: 'vxlan' } as const;
    await world.source.publish(publication, signal);
    const seen = (): Advert | undefined => follower.cluster.nodes?.get(world.ownName)?.advert;
    await follower.until('the advert', () => seen()?.config === 'hash');
    assert.deepEqual(seen(), publication.advert);
    const writes = world.writes();
    await world.source.publish(publication, signal);
    assert.equal(world.writes(), writes);
    const other = { ...publication, advert: advertOf(1, { config: 'other' }) };
    await world.source.publish(other, signal);
    assert.equal(world.writes(), writes + 1);
    await follower.until('the other', () => seen()?.config === 'other');
  },

  'words for the operator never reject, also during an outage': async (world) => {
    await world.outage(async () => {
      await world.source.tell({ type: 'Warning', reason: 'Test', message: 'in an outage' });
    });
  },
};

const namesOf = (cluster: PartialCluster): string =>
  [...(cluster.nodes?.keys() ?? [])].sort().join(',');

/** Folds what a source says and waits for what must come. */
class Follower {
  cluster: PartialCluster = NOTHING_KNOWN;
  readonly #events: ClusterEvent[] = [];

  take(event: ClusterEvent): void {
    this.#events.push(event);
    this.cluster = fold(this.cluster, event);
  }

  async until(what: string, holds: (cluster: PartialCluster) => boolean): Promise<void> {
    const endMs = performance.now() + 60_000;
    while (!holds(this.cluster)) {
      assert.ok(performance.now() < endMs, `not in time: ${what}; nodes ${namesOf(this.cluster)}`);
      await systemClock.sleep(2);
    }
  }

  untilEvent(what: string, holds: (event: ClusterEvent) => boolean): Promise<void> {
    return this.until(what, () => this.#events.some(holds));
  }
}
