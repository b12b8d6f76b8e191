// Nodes on one etcd for the tests of faults and neighbours: a relay that can be cut between them
// and the server, an operator with a way of his own, and waits for what must come.

import assert from 'node:assert/strict';
import type { ClusterEvent, PartialCluster } from '../../../src/cluster/cluster.ts';
import { fold, NOTHING_KNOWN } from '../../../src/cluster/cluster.ts';
import type { FurtherWish, Holding } from '../../../src/cluster/holding.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { EtcdConnectionOptions, EtcdTiming } from '../../../src/source/etcd/connection.ts';
import type { LeaseTiming } from '../../../src/source/etcd/right.ts';
import type { EtcdSource } from '../../../src/source/etcd/source.ts';
import type { Publication } from '../../../src/source/source.ts';
import { advertOf } from '../../fake/cluster.ts';
import { configFrom } from '../../fake/config-from.ts';
import { Relay } from '../../fake/relay.ts';
import type { EtcdServer } from './server.ts';
import { Operator, openEtcdSource } from './setting.ts';

const TIMEOUT_MS = 120_000;
const POLL_MS = 5;
const PREFIX = '/coreos.com/network';

export type NodeSettings = {
  readonly timing?: EtcdTiming;
  readonly lease?: LeaseTiming;
  readonly endpoints?: readonly string[];
  readonly addresses?: readonly string[];
  readonly credentials?: EtcdConnectionOptions['credentials'];
  readonly keepsSummaries?: boolean;
};

export class SceneNode {
  readonly name: string;
  readonly source: EtcdSource;
  readonly events: ClusterEvent[] = [];
  readonly told: Holding[] = [];
  cluster: PartialCluster = NOTHING_KNOWN;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];

  constructor(name: string, source: EtcdSource) {
    this.name = name;
    this.source = source;
    const running = source.run((event) => {
      this.events.push(event);
      this.cluster = fold(this.cluster, event);
    }, this.#stop.signal);
    this.#running.push(running);
  }

  hold(
    keys: Readonly<Record<string, unknown>>,
    previous: readonly string[] = [],
    further?: FurtherWish,
  ): void {
    const config = configFrom(keys);
    const common = { config, machine: this.name, previous: previous as readonly Cidr[] };
    const wish = { ...common, ...(further === undefined ? {} : { further }) };
    const listener = (holding: Holding): void => void this.told.push(holding);
    this.#running.push(this.source.hold(wish, listener, this.#stop.signal));
  }

  get subnets(): readonly string[] {
    const last = this.told.at(-1);
    return last?.kind === 'held' ? last.subnets : [];
  }

  get reason(): string {
    const last = this.told.at(-1);
    return last?.kind === 'none' ? last.reason : '';
  }

  /** CLOCK_BOOTTIME in milliseconds; 0 without a right. */
  get endMs(): number {
    const last = this.told.at(-1);
    return last?.kind === 'held' ? (last.end?.boottimeMs ?? 0) : 0;
  }

  async untilHeld(): Promise<readonly string[]> {
    await this.until('a subnet', () => this.subnets.length > 0);
    return this.subnets;
  }

  publish(number = 1, changes: Partial<Publication> = {}): Promise<boolean> {
    const advert = advertOf(number, { machine: this.name });
    return this.source.publish({ advert, backend: 'vxlan', ...changes }, this.#stop.signal);
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = performance.now() + TIMEOUT_MS;
    while (!(await holds())) {
      const { problem } = this.source.health();
      const last = JSON.stringify(this.told.at(-1));
      assert.ok(
        performance.now() < endMs,
        `${this.name}: not in time: ${what}; ${last}; ${problem}`,
      );
      await systemClock.sleep(POLL_MS);
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }
}

export class Scene {
  readonly operator: Operator;
  readonly relay: Relay;
  readonly #nodes: SceneNode[] = [];
  readonly #opened: Promise<void>;

  constructor(server: EtcdServer) {
    this.operator = new Operator(server.operator(), PREFIX);
    this.relay = new Relay(server.port);
    this.#opened = this.relay.open();
  }

  get ready(): Promise<void> {
    return this.#opened;
  }

  open(nodeName: string, settings: NodeSettings = {}): SceneNode {
    const { timing, lease, endpoints = [this.relay.url], addresses, credentials } = settings;
    const keepsSummaries = settings.keepsSummaries === true;
    const source = openEtcdSource({
      ...{ nodeName, endpoints, prefix: PREFIX },
      ...(addresses === undefined ? {} : { addresses }),
      connection: {
        ...(timing === undefined ? {} : { timing }),
        ...(credentials === undefined ? {} : { credentials }),
      },
      source: { keepsSummaries, ...(lease === undefined ? {} : { lease }) },
    });
    const node = new SceneNode(nodeName, source);
    this.#nodes.push(node);
    return node;
  }

  async end(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end()));
    this.operator.etcd.close();
    await this.relay.close();
  }
}
