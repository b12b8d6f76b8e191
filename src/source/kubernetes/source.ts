// The Kubernetes source: Nodes and the ConfigMap with the configuration, each followed by its own
// reflector, as ClusterEvents; the own Node's annotations and Events for the operator the other
// way. Nothing waits here between a change and the listener.

import type { ClusterEvent } from '../../cluster/cluster.ts';
import type { Holding, SubnetWish } from '../../cluster/holding.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { OperatorEvent, Publication, Source, SourceHealth } from '../source.ts';
import { AnnotationPublisher } from './annotation-publisher.ts';
import type { KubernetesApi } from './api.ts';
import type { ConfigLocation } from './config-record.ts';
import { configOrigin, configText, DEFAULT_CONFIG_LOCATION } from './config-record.ts';
import type { Annotations } from './flannel-annotations.ts';
import type { ObjectJson } from './json-types.ts';
import { annotationsOf, nodeRecord } from './node-record.ts';
import type { OperatorEventLimits } from './operator-events.ts';
import { OperatorEvents } from './operator-events.ts';
import { annotationsFor } from './publication.ts';
import type { Reflected, ReflectorTiming } from './reflector.ts';
import { Reflector } from './reflector.ts';

export type KubernetesSourceOptions = {
  /** Closed when the source ends. */
  readonly client: KubernetesApi;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  /** The Node that this agent runs on. */
  readonly nodeName: string;
  readonly config?: ConfigLocation;
  readonly flannelPrefix?: string;
  readonly pageSize?: number;
  readonly timing?: ReflectorTiming;
  readonly eventLimits?: OperatorEventLimits;
};

/** A node as peers know it and, of the own Node only, its annotations. */
type SeenNode = { readonly node: ClusterNode; readonly own?: Annotations };

type Listener = (event: ClusterEvent) => void;

export class KubernetesSource implements Source {
  readonly #options: KubernetesSourceOptions;
  readonly #client: KubernetesApi;
  readonly #publisher: AnnotationPublisher;
  readonly #events: OperatorEvents;
  readonly #location: ConfigLocation;
  readonly #listed = { nodes: false, config: false };
  readonly #problems: { nodes?: string | undefined; config?: string | undefined } = {};
  /** Why there is no configuration, while there is none. */
  #configMissing: string | undefined;
  #contactAtMs: number | undefined;
  readonly #holders = new Set<() => void>();
  #holding: Holding = {
    kind: 'none',
    authority: 'podCIDR',
    explanation: 'the controller-manager allocates',
    reason: 'the own Node has not been seen yet',
  };

  constructor(options: KubernetesSourceOptions) {
    const { client, clock, log, nodeName, random, eventLimits } = options;
    this.#options = options;
    this.#location = options.config ?? DEFAULT_CONFIG_LOCATION;
    this.#client = client;
    this.#publisher = new AnnotationPublisher({ client, clock, random, nodeName });
    this.#events = new OperatorEvents({
      client,
      clock,
      log,
      nodeName,
      ...(eventLimits === undefined ? {} : { limits: eventLimits }),
    });
  }

  async run(listener: Listener, stop: AbortSignal): Promise<void> {
    try {
      await Promise.all([
        this.#nodeReflector(listener).run(stop),
        this.#configReflector(listener).run(stop),
        this.#events.run(stop),
      ]);
    } finally {
      this.#client.close();
    }
  }

  async publish(publication: Publication, stop: AbortSignal): Promise<void> {
    const annotations = annotationsFor(publication, this.#options.flannelPrefix);
    await this.#publisher.publish(annotations, stop);
    this.#onContact();
  }

  async hold(
    _wish: SubnetWish,
    listener: (holding: Holding) => void,
    stop: AbortSignal,
  ): Promise<void> {
    const tell = (): void => listener(this.#holding);
    tell();
    this.#holders.add(tell);
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      else stop.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#holders.delete(tell);
  }

  async setNetworkAvailable(stop: AbortSignal): Promise<void> {
    const { nodeName } = this.#options;
    const condition = {
      type: 'NetworkUnavailable',
      status: 'False',
      reason: 'PoplinIsUp',
      message: 'Poplin is running on this node',
    };
    const path = `/api/v1/nodes/${encodeURIComponent(nodeName)}/status`;
    const contentType = 'application/strategic-merge-patch+json';
    const body = { status: { conditions: [condition] } };
    await this.#client.call({ method: 'PATCH', path, contentType, body }, stop);
  }

  async tell(event: OperatorEvent): Promise<void> {
    await this.#events.tell(event);
  }

  health(): SourceHealth {
    const problem = this.#problems.nodes ?? this.#problems.config ?? this.#configMissing;
    const { clock } = this.#options;
    return {
      synced: this.#listed.nodes && this.#listed.config,
      ...(problem === undefined ? {} : { problem }),
      ...(this.#contactAtMs === undefined
        ? {}
        : { lastContactAgeSeconds: (clock.monotonicMs() - this.#contactAtMs) / 1000 }),
    };
  }

  #onContact(): void {
    this.#contactAtMs = this.#options.clock.monotonicMs();
  }

  #nodeReflector(listener: Listener): Reflector<SeenNode> {
    const { nodeName, flannelPrefix } = this.#options;
    return new Reflector<SeenNode>({
      ...this.#reflectorOptions('nodes'),
      path: '/api/v1/nodes',
      project: (object) => {
        const node = nodeRecord(object, flannelPrefix);
        return node.name === nodeName ? { node, own: annotationsOf(object) } : { node };
      },
      onEvent: (event) => this.#onNodes(event, listener),
    });
  }

  #configReflector(listener: Listener): Reflector<string | undefined> {
    const { namespace, name, key } = this.#location;
    return new Reflector<string | undefined>({
      ...this.#reflectorOptions('config'),
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`,
      fieldSelector: `metadata.name=${name}`,
      project: (object: ObjectJson) => configText(object, key),
      onEvent: (event) => this.#onConfig(event, listener),
    });
  }

  #reflectorOptions(part: 'nodes' | 'config') {
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
        this.#problems[part] = problem;
      },
    };
  }

  #onNodes(event: Reflected<SeenNode>, listener: Listener): void {
    const { nodeName } = this.#options;
    switch (event.kind) {
      case 'listed': {
        this.#listed.nodes = true;
        const self = event.items.find(({ own }) => own !== undefined);
        this.#publisher.see(self?.own);
        this.#seeOwn(self?.node);
        listener({ kind: 'nodes-listed', nodes: event.items.map(({ node }) => node) });
        return;
      }
      case 'put': {
        const { node, own } = event.item;
        if (own !== undefined) {
          this.#publisher.see(own);
          this.#seeOwn(node);
        }
        listener({ kind: 'node-put', node });
        return;
      }
      case 'gone':
        if (event.name === nodeName) this.#publisher.see(undefined);
        listener({ kind: 'node-gone', name: event.name, uid: event.uid });
    }
  }

  /** A Node that was deleted takes nothing from a machine which lives on. */
  #seeOwn(node: ClusterNode | undefined): void {
    const { nodeName } = this.#options;
    const common = { authority: 'podCIDR', explanation: this.#holding.explanation } as const;
    if (node === undefined) {
      if (this.#holding.kind === 'held') return;
      this.#holding = { ...common, kind: 'none', reason: `there is no Node named ${nodeName}` };
    } else if (node.subnets.length > 0) {
      this.#holding = { ...common, kind: 'held', subnets: node.subnets };
    } else {
      const reason =
        `Node ${nodeName} has no podCIDR: start the controller-manager with ` +
        '--allocate-node-cidrs, or set spec.podCIDR';
      this.#holding = { ...common, kind: 'none', reason };
    }
    for (const tell of this.#holders) tell();
  }

  #onConfig(event: Reflected<string | undefined>, listener: Listener): void {
    const { namespace, name, key } = this.#location;
    const origin = configOrigin(this.#location);
    this.#listed.config = true;
    const items = event.kind === 'listed' ? event.items : event.kind === 'put' ? [event.item] : [];
    const [found] = items;
    if (found !== undefined) {
      this.#configMissing = undefined;
      listener({ kind: 'config-put', config: { text: found, origin } });
      return;
    }
    this.#configMissing =
      items.length > 0
        ? `ConfigMap ${namespace}/${name} has no key ${key}: waiting for it`
        : `ConfigMap ${namespace}/${name} does not exist: waiting for it`;
    this.#options.log.warn({ origin }, this.#configMissing);
    listener({ kind: 'config-gone' });
  }
}
