// What the lab asks of a Kubernetes API, embedded or real: Nodes and the ConfigMap. Through the
// official client, which is loaded only here and where a kubeconfig needs it.

import type { CoreV1Api, CoreV1Event, V1ConfigMap, V1Node } from '@kubernetes/client-node';
import { AppError, describeError } from '../lib/errors.ts';
import type { Ip } from '../net/ip.ts';
import type { LabSpec } from './plan.ts';

export const POPLIN_NAMESPACE = 'poplin';
export const CONFIG_MAP = 'poplin-config';
export const CONFIG_KEY = 'net-conf.json';

export type Labels = Readonly<Record<string, string>>;

/** On everything that a lab makes in a cluster. */
export const labelsOf = (labName: string): Labels => ({ 'poplin.dev/lab': labName });

export type NetConf = Readonly<Record<string, unknown>>;

export class ClusterApi {
  readonly #api: CoreV1Api;
  readonly #mergePatch: unknown;

  private constructor(api: CoreV1Api, mergePatch: unknown) {
    this.#api = api;
    this.#mergePatch = mergePatch;
  }

  static async open(kubeconfig: string): Promise<ClusterApi> {
    const library = await import('@kubernetes/client-node');
    const config = new library.KubeConfig();
    config.loadFromFile(kubeconfig);
    const mergePatch = library.setHeaderOptions('Content-Type', library.PatchStrategy.MergePatch);
    return new ClusterApi(config.makeApiClient(library.CoreV1Api), mergePatch);
  }

  /**
   * Rejects when there is one already: what a lab did not make it must not use, nor remove.
   * `rest`: further members, `spec` and annotations among them.
   */
  async createNode(name: string, internalIps: readonly Ip[], rest: V1Node = {}): Promise<void> {
    const addresses = addressesOf(name, internalIps);
    await this.#attempt(`create node ${name}`, () =>
      this.#api.createNode({
        body: { ...rest, metadata: { ...rest.metadata, name }, status: { addresses } },
      }),
    );
  }

  /** The namespace and the ConfigMap; an existing ConfigMap is somebody else's and left alone. */
  async createNetConf(text: string, labels: Labels): Promise<void> {
    await this.#unlessThere(`create namespace ${POPLIN_NAMESPACE}`, () =>
      this.#api.createNamespace({ body: { metadata: { name: POPLIN_NAMESPACE, labels } } }),
    );
    await this.#attempt(`create ConfigMap ${CONFIG_MAP}`, () =>
      this.#api.createNamespacedConfigMap({
        namespace: POPLIN_NAMESPACE,
        body: { metadata: { name: CONFIG_MAP, labels }, data: { [CONFIG_KEY]: text } },
      }),
    );
  }

  /** Everything that carries the lab's label: for clusters that outlive their labs. */
  async removeLabelled(labels: Labels): Promise<void> {
    const labelSelector = Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
    await this.#attempt(`remove what has the label ${labelSelector}`, async () => {
      const namespace = POPLIN_NAMESPACE;
      for (const { metadata } of (await this.#api.listNode({ labelSelector })).items) {
        await this.#api.deleteNode({ name: metadata?.name ?? '' });
      }
      const maps = await this.#api.listNamespacedConfigMap({ namespace, labelSelector });
      for (const { metadata } of maps.items) {
        await this.#api.deleteNamespacedConfigMap({ namespace, name: metadata?.name ?? '' });
      }
      for (const { metadata } of (await this.#api.listNamespace({ labelSelector })).items) {
        await this.#api.deleteNamespace({ name: metadata?.name ?? '' });
      }
    });
  }

  async deleteNode(name: string): Promise<void> {
    await this.#attempt(`delete node ${name}`, () => this.#api.deleteNode({ name }));
  }

  async readNode(name: string): Promise<V1Node> {
    return this.#attempt(`read node ${name}`, () => this.#api.readNode({ name }));
  }

  /** By a merge patch (RFC 7396). */
  async patchNode(name: string, body: object): Promise<void> {
    await this.#attempt(`patch node ${name}`, () =>
      this.#api.patchNode({ name, body }, this.#mergePatch as never),
    );
  }

  /** As the kubelet says them. */
  async sayInternalIps(name: string, internalIps: readonly Ip[]): Promise<void> {
    const body = { status: { addresses: addressesOf(name, internalIps) } };
    await this.#attempt(`patch the status of node ${name}`, () =>
      this.#api.patchNodeStatus({ name, body }, this.#mergePatch as never),
    );
  }

  async annotateNode(name: string, annotations: Record<string, string | null>): Promise<void> {
    await this.patchNode(name, { metadata: { annotations } });
  }

  /** Events of all namespaces. */
  async events(): Promise<readonly CoreV1Event[]> {
    const { items } = await this.#attempt('list events', () =>
      this.#api.listEventForAllNamespaces(),
    );
    return items;
  }

  async netConfText(): Promise<string> {
    const location = { name: CONFIG_MAP, namespace: POPLIN_NAMESPACE };
    const map = await this.#attempt(`read ConfigMap ${CONFIG_MAP}`, () =>
      this.#api.readNamespacedConfigMap(location),
    );
    return map.data?.[CONFIG_KEY] ?? '';
  }

  /** Changes the ConfigMap's text. */
  async putNetConf(text: string): Promise<void> {
    const location = { name: CONFIG_MAP, namespace: POPLIN_NAMESPACE };
    const body: V1ConfigMap = { data: { [CONFIG_KEY]: text } };
    await this.#attempt(`change ConfigMap ${CONFIG_MAP}`, () =>
      this.#api.patchNamespacedConfigMap({ ...location, body }, this.#mergePatch as never),
    );
  }

  async #unlessThere(operation: string, create: () => Promise<unknown>): Promise<void> {
    try {
      await create();
    } catch (error) {
      if (statusOf(error) === 409) return;
      throw new AppError('LAB', operation, describeError(error), error);
    }
  }

  async #attempt<T>(operation: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw new AppError('LAB', operation, describeError(error), error);
    }
  }
}

const addressesOf = (name: string, internalIps: readonly Ip[]) => [
  ...internalIps.map((address) => ({ type: 'InternalIP', address })),
  { type: 'Hostname', address: name },
];

/** The configuration of a lab's cluster at its start. */
export function netConfOf(spec: LabSpec): NetConf {
  const networks = new Map(spec.podNetworks.map((network) => [network.includes(':'), network]));
  const v4 = networks.get(false);
  const v6 = networks.get(true);
  return {
    ...(v4 === undefined ? { EnableIPv4: false } : { Network: v4 }),
    ...(v6 === undefined ? {} : { EnableIPv6: true, IPv6Network: v6 }),
    ...(spec.subnetSource === undefined ? {} : { SubnetSource: spec.subnetSource }),
    Backend: { Type: spec.backend },
  };
}

const statusOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number'
    ? error.code
    : undefined;
