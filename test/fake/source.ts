// A datastore in memory for several nodes, and the Source of each of them: lists and watches,
// claims of subnets that exclude each other, rights with an end, outages and revocations. What a
// test does to it is what an operator or another node would do. Nothing is delivered to a source
// that is cut off; when it is back it lists again, as a real one does.

import type { ClusterEvent, ConfigText } from '../../src/cluster/cluster.ts';
import type { Holding, SubnetWish } from '../../src/cluster/holding.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { AppError } from '../../src/lib/errors.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import type {
  OperatorEvent,
  Publication,
  PublishedSummary,
  Source,
  SourceHealth,
} from '../../src/source/source.ts';
import { FakeLeases } from './leases.ts';

export type FakeDatastoreOptions = {
  readonly clock: Clock;
  /** Rights end so long after the holder was last heard of, as in etcd; absent: never. */
  readonly rightMs?: number;
};

export type FakeNodeObject = {
  readonly name: string;
  readonly internalIps: readonly Ip[];
  /** `spec.podCIDRs`. */
  readonly podCIDRs?: readonly Cidr[];
  readonly createdAt?: string;
  readonly flannel?: ClusterNode['flannel'];
};

export class FakeDatastore {
  readonly clock: Clock;
  readonly leases: FakeLeases;
  readonly nodes = new Map<string, ClusterNode>();
  /** Names of nodes whose condition says that the network works. */
  readonly available = new Set<string>();
  /** Texts by node name. */
  readonly summaries = new Map<string, string>();
  readonly told: (OperatorEvent & { readonly node: string })[] = [];
  config: ConfigText | undefined;
  isAway = false;
  /** Whether a deleted Node leaves its machine what it had, as podCIDRs do. */
  holdsDeleted = false;
  readonly #sources = new Set<FakeSource>();
  #made = 0;

  constructor({ clock, rightMs }: FakeDatastoreOptions) {
    this.clock = clock;
    this.leases = new FakeLeases({ clock, rightMs, changed: () => this.#leasesChanged() });
  }

  source(nodeName: string): FakeSource {
    const source = new FakeSource(this, nodeName);
    this.#sources.add(source);
    return source;
  }

  putConfig(json: Readonly<Record<string, unknown>>): void {
    this.config = { text: JSON.stringify(json), origin: 'fake' };
    this.tellAll({ kind: 'config-put', config: this.config });
  }

  /** A new Node object, or the spec of one that is there. */
  putNode(object: FakeNodeObject): void {
    const { name, internalIps, podCIDRs = [], flannel } = object;
    const known = this.nodes.get(name);
    this.#made += known === undefined ? 1 : 0;
    const createdAt = object.createdAt ?? new Date(this.#made * 1000).toISOString();
    const uid = `uid-${this.#made}`;
    const node = known ?? { name, uid, createdAt, internalIps, subnets: [], problems: [] };
    this.leases.podCIDRs.set(name, podCIDRs);
    this.#put({ ...node, internalIps, ...(flannel === undefined ? {} : { flannel }) });
    this.#leasesChanged();
  }

  /** With the node's leases, whose owner it is. */
  deleteNode(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    this.nodes.delete(name);
    this.available.delete(name);
    this.leases.forget(name);
    this.tellAll({ kind: 'node-gone', name, uid: node.uid });
  }

  /** Whether it is another one. */
  publish(name: string, { advert }: Publication): boolean {
    const node = this.nodes.get(name);
    if (node === undefined) throw new AppError('KUBERNETES_API', 'publish', `no Node ${name}`);
    const isOther = JSON.stringify(node.advert) !== JSON.stringify(advert);
    if (isOther) this.#put({ ...node, advert });
    return isOther;
  }

  setAway(isAway: boolean): void {
    this.isAway = isAway;
    for (const source of this.#sources) source.connectionChanged();
  }

  tellAll(event: ClusterEvent): void {
    for (const source of this.#sources) source.deliver(event);
  }

  #put(node: ClusterNode): void {
    const subnets = this.leases.of(node.name);
    const whole = { ...node, subnets };
    this.nodes.set(node.name, whole);
    this.tellAll({ kind: 'node-put', node: whole });
  }

  #leasesChanged(): void {
    for (const node of this.nodes.values()) {
      if (this.leases.of(node.name).join() !== node.subnets.join()) this.#put(node);
    }
    for (const source of this.#sources) source.reconsider();
  }
}

type Holder = { readonly wish: SubnetWish; readonly listener: (holding: Holding) => void };

export class FakeSource implements Source {
  readonly nodeName: string;
  readonly #store: FakeDatastore;
  readonly #holders = new Set<Holder>();
  readonly #queue: ClusterEvent[] = [];
  #wake: () => void = () => undefined;
  #isRunning = false;
  #synced = false;
  #isCut = false;
  #mustList = true;
  #holding: Holding | undefined;
  /** How often subnets were asked for. */
  wishes = 0;

  constructor(store: FakeDatastore, nodeName: string) {
    this.#store = store;
    this.nodeName = nodeName;
  }

  async run(listener: (event: ClusterEvent) => void, stop: AbortSignal): Promise<void> {
    stop.addEventListener('abort', () => this.#wake(), { once: true });
    this.#isRunning = true;
    this.#mustList = true;
    while (!stop.aborted) {
      if (this.#isConnected) {
        const isBack = this.#mustList;
        if (isBack) this.#list();
        for (const event of this.#queue.splice(0)) listener(event);
        this.reconsider({ isRenewal: isBack });
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (stop.aborted || (this.#isConnected && this.#queue.length > 0)) resolve();
      });
    }
    this.#isRunning = false;
  }

  async hold(
    wish: SubnetWish,
    listener: (holding: Holding) => void,
    stop: AbortSignal,
  ): Promise<void> {
    const holder = { wish, listener };
    this.wishes += 1;
    this.#holders.add(holder);
    listener(this.#holding ?? NOT_ASKED);
    this.reconsider();
    while (!stop.aborted) {
      const { renewMs } = this.#store.leases;
      await this.#store.clock.sleep(renewMs, stop);
      if (!stop.aborted) this.reconsider({ isRenewal: true });
    }
    this.#holders.delete(holder);
  }

  async publish(publication: Publication): Promise<boolean> {
    this.#assertConnected('publish');
    return this.#store.publish(this.nodeName, publication);
  }

  async publishSummary({ text }: PublishedSummary): Promise<void> {
    this.#assertConnected('publish the summary');
    this.#store.summaries.set(this.nodeName, text);
  }

  async setNetworkAvailable(): Promise<void> {
    this.#assertConnected('set the condition');
    if (this.#store.nodes.has(this.nodeName)) this.#store.available.add(this.nodeName);
  }

  async tell(event: OperatorEvent): Promise<void> {
    if (this.#isConnected) this.#store.told.push({ ...event, node: this.nodeName });
  }

  health(): SourceHealth {
    const problem = this.#isConnected ? {} : { problem: 'the datastore does not answer' };
    return { synced: this.#synced, ...problem };
  }

  /** A partition between this node alone and the datastore. */
  cut(isCut: boolean): void {
    this.#isCut = isCut;
    this.connectionChanged();
  }

  connectionChanged(): void {
    if (!this.#isConnected) this.#mustList = true;
    this.#wake();
  }

  deliver(event: ClusterEvent): void {
    if (!this.#isConnected || this.#mustList) return;
    this.#queue.push(event);
    this.#wake();
  }

  /** What the datastore says of the wishes now. */
  reconsider({ isRenewal = false } = {}): void {
    if (!this.#isConnected || !this.#synced) return;
    if (this.#store.holdsDeleted && !this.#store.nodes.has(this.nodeName)) return;
    for (const { wish, listener } of this.#holders) {
      const holding = this.#store.leases.claim(this.nodeName, wish, this.#store.nodes);
      const isSame = JSON.stringify(holding) === JSON.stringify(this.#holding);
      if (isSame || (!isRenewal && sameRight(holding, this.#holding))) continue;
      this.#holding = holding;
      listener(holding);
    }
  }

  #list(): void {
    this.#mustList = false;
    this.#queue.length = 0;
    this.#queue.push({ kind: 'nodes-listed', nodes: [...this.#store.nodes.values()] });
    const { config } = this.#store;
    if (config !== undefined) this.#queue.push({ kind: 'config-put', config });
    this.#synced = true;
  }

  get #isConnected(): boolean {
    return this.#isRunning && !this.#isCut && !this.#store.isAway;
  }

  #assertConnected(operation: string): void {
    if (this.#isConnected) return;
    throw new AppError('KUBERNETES_API', operation, 'the datastore does not answer');
  }
}

const NOT_ASKED: Holding = {
  kind: 'none',
  authority: undefined,
  explanation: 'not decided yet',
  reason: 'the datastore has not been asked yet',
};

/** The same but for its end. */
const sameRight = (a: Holding, b: Holding | undefined): boolean =>
  JSON.stringify({ ...a, end: 0 }) === JSON.stringify({ ...b, end: 0 });
