// The Kubernetes source: Nodes, Leases, the ConfigMap with the configuration and the one that says
// what gives nodes their subnets, each followed by its own reflector, as ClusterEvents; the own
// Node's subnets, annotations, condition and Events for the operator the other way. Leases are
// followed only where they count. Nothing waits here between a change and the listener.

import type { ClusterEvent } from '../../cluster/cluster.ts';
import type { Holding, SubnetWish } from '../../cluster/holding.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import type { Backoff } from '../../lib/backoff.ts';
import type {
  OperatorEvent,
  Publication,
  PublishedSummary,
  Source,
  SourceHealth,
} from '../source.ts';
import type { SeenAnnotations } from './annotation-publisher.ts';
import { AnnotationPublisher } from './annotation-publisher.ts';
import type { KubernetesApi } from './api.ts';
import type { RecordView } from './claim-view.ts';
import { ClusterView } from './cluster-view.ts';
import { ConfigFollower } from './config-follower.ts';
import type { ConfigLocation } from './config-record.ts';
import { configText, DEFAULT_CONFIG_LOCATION } from './config-record.ts';
import type { ObjectJson } from './json-types.ts';
import { LabelSets } from './label-sets.ts';
import { configMapsPath, LeaseCalls, leasesPath } from './lease-calls.ts';
import type { LeaseRecord } from './lease-record.ts';
import { leaseRecord } from './lease-record.ts';
import { NodeCondition } from './node-condition.ts';
import { annotationsOf, hasNetwork, nodeRecord } from './node-record.ts';
import { NodeSummaries } from './node-summaries.ts';
import { OperatorEvents } from './operator-events.ts';
import { annotationsFor } from './publication.ts';
import type { Reflected } from './reflector.ts';
import { Reflector } from './reflector.ts';
import type { KubernetesSourceOptions } from './source-options.ts';
import { SubnetClaims } from './subnet-claims.ts';
import type { RecordParse } from './subnet-source-record.ts';
import { parseRecord, RECORD_NAME } from './subnet-source-record.ts';

/** A node as peers know it and, of the own Node only, what this node writes on it. */
type SeenNode = {
  readonly name: string;
  readonly node: ClusterNode;
  readonly summary: string | undefined;
  readonly own?: SeenAnnotations & { readonly hasNetwork: boolean };
};

/** What is followed. */
type Part = 'nodes' | 'config' | 'record' | 'leases';

type Listener = (event: ClusterEvent) => void;

/** So that a controller-manager that allocates podCIDRs has time to give out the first. */
const AUTO_GRACE_MS = 10_000;
const CLAIM_BACKOFF: Backoff = { baseMs: 250, capMs: 15_000 };

export class KubernetesSource implements Source {
  readonly #options: KubernetesSourceOptions;
  readonly #client: KubernetesApi;
  readonly #publisher: AnnotationPublisher;
  readonly #condition: NodeCondition;
  readonly #events: OperatorEvents;
  readonly #summaries: NodeSummaries;
  readonly #location: ConfigLocation;
  readonly #config: ConfigFollower;
  readonly #cluster: ClusterView;
  readonly #claims: SubnetClaims;
  readonly #problems = new Map<Part, string>();
  /** What is wrong with the record of the cluster's decision. */
  #recordProblem: string | undefined;
  #contactAtMs: number | undefined;
  /** Resolves when the Leases are to be followed. */
  readonly #leasesCount = Promise.withResolvers<void>();

  constructor(options: KubernetesSourceOptions) {
    const { client, clock, log, nodeName, random } = options;
    this.#options = options;
    this.#location = options.config ?? DEFAULT_CONFIG_LOCATION;
    this.#config = new ConfigFollower(this.#location, log);
    this.#client = client;
    this.#publisher = new AnnotationPublisher({ client, clock, random, nodeName });
    this.#condition = new NodeCondition({ client, clock, random, nodeName });
    this.#events = new OperatorEvents({ client, clock, log, nodeName });
    const keepsAll = options.keepsSummaries === true;
    this.#summaries = new NodeSummaries({ client, clock, random, nodeName, keepsAll });
    this.#cluster = new ClusterView({ nodeName, onChange: () => this.#claims.wake() });
    this.#claims = this.#makeClaims();
  }

  async run(listener: Listener, stop: AbortSignal): Promise<void> {
    this.#cluster.tell(listener);
    try {
      await Promise.all([
        this.#nodeReflector().run(stop),
        this.#configReflector(listener).run(stop),
        this.#recordReflector().run(stop),
        this.#followLeases(stop),
        this.#events.run(stop),
      ]);
    } finally {
      this.#client.close();
    }
  }

  async publish(publication: Publication, stop: AbortSignal): Promise<boolean> {
    const { flannelPrefix } = this.#options;
    const annotations = annotationsFor(publication, flannelPrefix);
    const isWritten = await this.#publisher.publish(annotations, stop);
    this.#onContact();
    return isWritten;
  }

  hold(wish: SubnetWish, listener: (holding: Holding) => void, stop: AbortSignal): Promise<void> {
    return this.#claims.hold(wish, listener, stop);
  }

  publishSummary(summary: PublishedSummary, stop: AbortSignal): Promise<void> {
    return this.#summaries.publish(summary, stop);
  }

  get summaries(): ReadonlyMap<string, string> | undefined {
    return this.#summaries.all;
  }

  setNetworkAvailable(stop: AbortSignal): Promise<void> {
    return this.#condition.setNetworkAvailable(stop);
  }

  async tell(event: OperatorEvent): Promise<void> {
    await this.#events.tell(event);
  }

  health(): SourceHealth {
    const problem = this.#contactProblem() ?? this.#claims.problem ?? this.#config.missing;
    const { clock } = this.#options;
    return {
      synced: this.#cluster.isComplete && this.#config.isListed,
      ...(problem === undefined ? {} : { problem }),
      ...(this.#contactAtMs === undefined
        ? {}
        : { lastContactAgeSeconds: (clock.monotonicMs() - this.#contactAtMs) / 1000 }),
    };
  }

  #makeClaims(): SubnetClaims {
    const { client, clock, log, nodeName, random, timing, autoGraceMs } = this.#options;
    const { namespace } = this.#location;
    return new SubnetClaims({
      ...{ clock, log, nodeName, random },
      calls: new LeaseCalls({ client, namespace, nodeName }),
      cluster: this.#cluster,
      backoff: timing?.backoff ?? CLAIM_BACKOFF,
      autoGraceMs: autoGraceMs ?? AUTO_GRACE_MS,
      contactProblem: () => this.#contactProblem(),
      onRecord: (record) => this.#onRecordKnown(record),
      onRefusal: (message) => this.#onRefusal(message),
    });
  }

  /** What keeps the cluster from being known. */
  #contactProblem(): string | undefined {
    const [problem] = this.#problems.values();
    return problem ?? this.#recordProblem;
  }

  #onContact(): void {
    this.#contactAtMs = this.#options.clock.monotonicMs();
  }

  #nodeReflector(): Reflector<SeenNode> {
    const { nodeName, flannelPrefix } = this.#options;
    const labelSets = new LabelSets();
    return new Reflector<SeenNode>({
      ...this.#reflectorOptions('nodes'),
      path: '/api/v1/nodes',
      project: (object) => {
        const node = nodeRecord(object, flannelPrefix, labelSets);
        const seen = { name: node.name, node, summary: this.#summaries.textOf(object) };
        if (node.name !== nodeName) return seen;
        const annotations = annotationsOf(object);
        const revision = object.metadata?.resourceVersion;
        return { ...seen, own: { annotations, revision, hasNetwork: hasNetwork(object) } };
      },
      onEvent: (event) => this.#onNodes(event),
    });
  }

  #configReflector(listener: Listener): Reflector<string | undefined> {
    const { namespace, name, key } = this.#location;
    return new Reflector<string | undefined>({
      ...this.#reflectorOptions('config'),
      path: configMapsPath(namespace),
      fieldSelector: `metadata.name=${name}`,
      project: (object: ObjectJson) => configText(object, key),
      onEvent: (event) => this.#config.see(event, listener),
    });
  }

  #recordReflector(): Reflector<RecordParse> {
    return new Reflector<RecordParse>({
      ...this.#reflectorOptions('record'),
      path: configMapsPath(this.#location.namespace),
      fieldSelector: `metadata.name=${RECORD_NAME}`,
      project: parseRecord,
      onEvent: (event) => this.#onRecord(event),
    });
  }

  async #followLeases(stop: AbortSignal): Promise<void> {
    const { promise, resolve } = this.#leasesCount;
    if (stop.aborted) return;
    stop.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    if (stop.aborted) return;
    const { nodeName } = this.#options;
    await new Reflector<LeaseRecord | undefined>({
      ...this.#reflectorOptions('leases'),
      path: leasesPath(this.#location.namespace),
      project: (object) => leaseRecord(object, nodeName),
      onEvent: (event) => {
        this.#claims.seeLease(event);
        this.#cluster.seeLeases(event);
      },
    }).run(stop);
  }

  #reflectorOptions(part: Part) {
    const { clock, log, random, pageSize, timing } = this.#options;
    return {
      client: this.#client,
      clock,
      log,
      random,
      ...(pageSize === undefined ? {} : { pageSize }),
      ...(timing === undefined ? {} : { timing }),
      onContact: () => this.#onContact(),
      onProblem: (problem: string | undefined) => {
        if (problem === this.#problems.get(part)) return;
        if (problem === undefined) this.#problems.delete(part);
        else this.#problems.set(part, problem);
        this.#claims.wake();
      },
    };
  }

  #onNodes(event: Reflected<SeenNode>): void {
    this.#summaries.see(event);
    switch (event.kind) {
      case 'listed':
        this.#seeOwn(event.items.find(({ own }) => own !== undefined)?.own);
        this.#cluster.seeNodes({ kind: 'listed', items: event.items.map(({ node }) => node) });
        return;
      case 'put': {
        const { node, own } = event.item;
        if (own !== undefined) this.#seeOwn(own);
        this.#cluster.seeNodes({ kind: 'put', item: node });
        return;
      }
      case 'gone':
        if (event.name === this.#options.nodeName) this.#seeOwn(undefined);
        this.#cluster.seeNodes(event);
    }
  }

  #seeOwn(own: SeenNode['own']): void {
    this.#publisher.see(own);
    this.#condition.see(own?.hasNetwork === true);
  }

  #onRecord(event: Reflected<RecordParse>): void {
    const [found] =
      event.kind === 'listed' ? event.items : event.kind === 'put' ? [event.item] : [];
    const where = `ConfigMap ${this.#location.namespace}/${RECORD_NAME}`;
    this.#recordProblem =
      found?.kind === 'malformed'
        ? `${where} is not understood: ${found.problem}; correct or delete it`
        : undefined;
    if (this.#recordProblem === undefined) {
      this.#claims.seeRecord(found?.kind === 'is' ? found : { kind: 'none' });
      return;
    }
    this.#options.log.warn(this.#recordProblem);
    this.#claims.wake();
  }

  /** What was decided goes on when the record is deleted; without any, podCIDRs are what counts. */
  #onRecordKnown(record: RecordView): void {
    if (record.kind === 'is' && record.record.source === 'lease') this.#leasesCount.resolve();
    if (record.kind === 'is') this.#cluster.seeSource(record.record.source);
    else this.#cluster.seeUndecided();
  }

  #onRefusal(message: string): void {
    this.#options.log.warn(message);
    void this.#events.tell({ type: 'Warning', reason: 'SubnetSourceRefused', message });
  }
}
