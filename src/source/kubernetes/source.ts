// The Kubernetes source: Nodes and the ConfigMap with the configuration, each followed by its own
// reflector, as ClusterEvents; the own Node's annotations and Events for the operator the other
// way. Nothing waits here between a change and the listener.

import type { ClusterEvent } from '../../cluster/cluster.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { OperatorEvent, Publication, Source, SourceHealth } from '../source.ts';
import { AnnotationPublisher } from './annotation-publisher.ts';
import { KubernetesClient } from './client.ts';
import type { ConfigLocation } from './config-record.ts';
import { configOrigin, configText, DEFAULT_CONFIG_LOCATION } from './config-record.ts';
import type { Credentials } from './credentials.ts';
import type { Annotations } from './flannel-annotations.ts';
import type { ObjectJson } from './json-types.ts';
import { annotationsOf, nodeRecord } from './node-record.ts';
import type { OperatorEventLimits } from './operator-events.ts';
import { OperatorEvents } from './operator-events.ts';
import type { Reflected, ReflectorTiming } from './reflector.ts';
import { Reflector } from './reflector.ts';

export type KubernetesSourceOptions = {
  readonly credentials: Credentials;
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
  readonly #client: KubernetesClient;
  readonly #publisher: AnnotationPublisher;
  readonly #events: OperatorEvents;
  readonly #location: ConfigLocation;
  readonly #listed = { nodes: false, config: false };
  readonly #problems: { nodes?: string | undefined; config?: string | undefined } = {};
  /** Why there is no configuration, while there is none. */
  #configMissing: string | undefined;
  #contactAtMs: number | undefined;

  constructor(options: KubernetesSourceOptions) {
    const { clock, credentials, log, nodeName, random, eventLimits } = options;
    this.#options = options;
    this.#location = options.config ?? DEFAULT_CONFIG_LOCATION;
    this.#client = new KubernetesClient({ credentials, clock });
    this.#publisher = new AnnotationPublisher({ client: this.#client, clock, random, nodeName });
    this.#events = new OperatorEvents({
      client: this.#client,
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

  async publish(annotations: Publication, stop: AbortSignal): Promise<void> {
    await this.#publisher.publish(annotations, stop);
    this.#onContact();
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
        this.#publisher.see(event.items.find(({ own }) => own !== undefined)?.own);
        listener({ kind: 'nodes-listed', nodes: event.items.map(({ node }) => node) });
        return;
      }
      case 'put': {
        const { node, own } = event.item;
        if (own !== undefined) this.#publisher.see(own);
        listener({ kind: 'node-put', node });
        return;
      }
      case 'gone':
        if (event.name === nodeName) this.#publisher.see(undefined);
        listener({ kind: 'node-gone', name: event.name, uid: event.uid });
    }
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
