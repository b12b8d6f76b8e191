// etcd as the datastore: configuration, subnets and adverts below one prefix, where Flannel's nodes
// have theirs, as ClusterEvents; the own subnet and what the node says of itself the other way.
// The parts: follower.ts keeps the table, subnet-keeper.ts the claim, connection.ts speaks to etcd.

import { renderAdvert } from '../../cluster/advert.ts';
import type { ClusterEvent } from '../../cluster/cluster.ts';
import type { Holding, SubnetWish } from '../../cluster/holding.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Ip } from '../../net/ip.ts';
import type {
  OperatorEvent,
  Publication,
  PublishedSummary,
  Source,
  SourceHealth,
} from '../source.ts';
import type { EtcdApi, Transaction } from './api.ts';
import { Changes } from './changes.ts';
import type { OwnKeys } from './claim.ts';
import { publishTransaction } from './claim.ts';
import type { FollowerTiming } from './follower.ts';
import { FOLLOWER_TIMING, Follower } from './follower.ts';
import type { KeyLayout } from './keys.ts';
import { keyLayout } from './keys.ts';
import { nodeWithoutKeys } from './node-record.ts';
import type { LeaseTiming } from './right.ts';
import { LEASE_TIMING } from './right.ts';
import { SHOWN_WITHIN_MS, SubnetKeeper } from './subnet-keeper.ts';
import { renderSubnetValue } from './subnet-value.ts';
import { EtcdTable, keysOfNode } from './table.ts';

export type EtcdSourceOptions = {
  /** Closed when the source ends. */
  readonly api: EtcdApi;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  readonly nodeName: string;
  /** By which peers may reach this node: etcd has no Node objects to say it. */
  readonly addresses: readonly Ip[];
  readonly prefix?: string;
  readonly lease?: LeaseTiming;
  readonly timing?: FollowerTiming;
  /** The configuration comes from somewhere else: that there is none here is no problem. */
  readonly isConfigUnused?: boolean;
  /** Whether `summaries` has those of all nodes. */
  readonly keepsSummaries?: boolean;
};

type Listener = (event: ClusterEvent) => void;

export class EtcdSource implements Source {
  readonly ownNode: ClusterNode;
  readonly #options: EtcdSourceOptions;
  readonly #layout: KeyLayout;
  readonly #table: EtcdTable;
  readonly #changes = new Changes();
  readonly #keeper: SubnetKeeper;
  #publication: Publication | undefined;
  /** Values that were written and that the table may not show yet. */
  #written = { revision: 0, untilMs: 0, value: '', advert: '' };
  #problem: string | undefined = 'etcd has not answered yet';
  #contactAtMs: number | undefined;

  constructor(options: EtcdSourceOptions) {
    const { api, clock, log, random, nodeName, addresses } = options;
    this.#options = options;
    this.ownNode = nodeWithoutKeys(nodeName, addresses);
    this.#layout = keyLayout(options.prefix);
    this.#table = new EtcdTable(this.#layout, {
      keepsSummaries: options.keepsSummaries === true,
    });
    this.#keeper = new SubnetKeeper({
      ...{ api, clock, log, random, nodeName, addresses },
      layout: this.#layout,
      table: this.#table,
      changes: this.#changes,
      lease: options.lease ?? LEASE_TIMING,
      rendered: () => this.#rendered(),
      problem: () => this.#problem,
    });
  }

  async run(listener: Listener, stop: AbortSignal): Promise<void> {
    const { api, clock, log, random } = this.#options;
    const follower = new Follower({
      ...{ api, clock, log, random, layout: this.#layout, table: this.#table },
      timing: this.#options.timing ?? FOLLOWER_TIMING,
      onEvents: (events) => {
        for (const event of events) listener(event);
        this.#changes.tell();
      },
      onContact: () => {
        this.#contactAtMs = clock.monotonicMs();
      },
      onProblem: (problem) => {
        this.#problem = problem;
        this.#changes.tell();
      },
    });
    try {
      await follower.run(stop);
    } finally {
      api.close();
    }
  }

  async hold(
    wish: SubnetWish,
    listener: (holding: Holding) => void,
    stop: AbortSignal,
  ): Promise<void> {
    await this.#keeper.hold(wish, listener, stop);
  }

  /** Kept for the claim that is still to be made, when the node holds nothing yet. */
  async publish(publication: Publication, stop: AbortSignal): Promise<boolean> {
    this.#publication = publication;
    const own = this.#ownKeys(publication);
    if (own === undefined || own.advert === undefined) return false;
    const { api } = this.#options;
    const { value, advert } = own;
    const known = this.#knownOf(own);
    const differs = { value: known.value !== value, advert: known.advert !== advert };
    if (!differs.value && !differs.advert) return false;
    const committed = await api.transact(publishTransaction(own, differs), stop);
    this.#contactAtMs = this.#options.clock.monotonicMs();
    if (!committed.succeeded) {
      const subnets = own.subnets.join(', ');
      throw new AppError('ETCD', 'publish', `${subnets} is not, or not any more, this node's own`);
    }
    const untilMs = this.#options.clock.monotonicMs() + SHOWN_WITHIN_MS;
    this.#written = { revision: committed.revision, untilMs, value, advert };
    return true;
  }

  /** Bound to the node's lease, with which it goes; before that there is nothing to bind it to. */
  async publishSummary({ text }: PublishedSummary, stop: AbortSignal): Promise<void> {
    const { api, clock, nodeName } = this.#options;
    const entry = this.#table.holder(nodeName);
    if (entry === undefined) return;
    const { lease } = entry.item;
    const { holder, summary } = keysOfNode(this.#layout, nodeName);
    const transaction: Transaction = {
      conditions: [{ from: holder, is: 'bound-to', lease }],
      writes: [{ kind: 'put', key: summary, value: text, lease }],
    };
    const { succeeded } = await api.transact(transaction, stop);
    this.#contactAtMs = clock.monotonicMs();
    if (!succeeded) {
      throw new AppError('ETCD', 'publish the summary', 'the lease of the node is another by now');
    }
  }

  get summaries(): ReadonlyMap<string, string> | undefined {
    return this.#table.summaries;
  }

  /** etcd knows no conditions. */
  async setNetworkAvailable(_stop: AbortSignal): Promise<void> {}

  /** etcd knows no Events: they are in the log, where the agent has written them. */
  async tell(_event: OperatorEvent): Promise<void> {}

  health(): SourceHealth {
    const { clock } = this.#options;
    const isSynced = this.#table.revision !== undefined;
    const problem = this.#problem ?? (isSynced ? this.#configMissing() : undefined);
    return {
      synced: isSynced,
      ...(problem === undefined ? {} : { problem }),
      ...(this.#contactAtMs === undefined
        ? {}
        : { lastContactAgeSeconds: (clock.monotonicMs() - this.#contactAtMs) / 1000 }),
    };
  }

  #configMissing(): string | undefined {
    return this.#table.hasConfig || this.#options.isConfigUnused === true
      ? undefined
      : `etcd has no key ${this.#layout.config}: waiting for it`;
  }

  #rendered(): { readonly value: string; readonly advert: string | undefined } {
    const publication = this.#publication;
    const value = renderSubnetValue(this.#options.addresses, publication);
    return {
      value,
      advert: publication === undefined ? undefined : renderAdvert(publication.advert),
    };
  }

  /** By the table, so that a node which holds by a claim of before can publish as well. */
  #ownKeys({ advert }: Publication): OwnKeys | undefined {
    const { nodeName } = this.#options;
    const entry = this.#table.holder(nodeName);
    if (entry === undefined || entry.holder.machine !== advert.machine) return undefined;
    if (this.#table.held(entry) === undefined) return undefined;
    const { subnets } = entry.holder;
    const { lease } = entry.item;
    const further = this.#table.heldFurther(entry).flatMap((each) => each.subnets);
    return { layout: this.#layout, nodeName, lease, subnets, further, ...this.#rendered() };
  }

  #knownOf({ nodeName }: OwnKeys): { value: string | undefined; advert: string | undefined } {
    const isAwaited = this.#options.clock.monotonicMs() < this.#written.untilMs;
    if (isAwaited && this.#written.revision > (this.#table.revision ?? 0)) return this.#written;
    const entry = this.#table.holder(nodeName);
    const subnet = entry === undefined ? undefined : this.#table.held(entry);
    const others = entry === undefined ? [] : this.#table.heldFurther(entry);
    const isSame = others.every(({ item }) => item.value === subnet?.item.value);
    const value = isSame ? subnet?.item.value : undefined;
    return { value, advert: this.#table.advert(nodeName)?.value };
  }
}
