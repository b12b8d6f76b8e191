// An embedded API as operators and machines of a test see it: Nodes that come and go, Leases and
// the record of what gives nodes their subnets, and sources that hold subnets by it.

import type { TestContext } from 'node:test';
import type { ClusterEvent, PartialCluster } from '../../src/cluster/cluster.ts';
import { fold, NOTHING_KNOWN } from '../../src/cluster/cluster.ts';
import type { Holding } from '../../src/cluster/holding.ts';
import { CONFIG_MAPS, LEASES, NODES } from '../../src/lab/api/kinds.ts';
import type { KubeObject } from '../../src/lab/api/object.ts';
import { createObject, deleteObject } from '../../src/lab/api/operations.ts';
import type { ApiServer } from '../../src/lab/api/server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { leaseName } from '../../src/source/kubernetes/lease-name.ts';
import { REFLECTOR_TIMING } from '../../src/source/kubernetes/reflector.ts';
import { KubernetesSource } from '../../src/source/kubernetes/source.ts';
import type { KubernetesSourceOptions } from '../../src/source/kubernetes/source-options.ts';
import { cidr, configFrom } from './config-from.ts';
import { plainClient, portOf, startTestApi, until } from './kubernetes-api.ts';

const NAMESPACE = 'poplin';
const RECORD = { kind: CONFIG_MAPS, namespace: NAMESPACE, name: 'poplin-subnet-source' };
const PATIENCE_MS = 20_000;

export type Held = {
  readonly source: KubernetesSource;
  readonly told: Holding[];
  readonly cluster: () => PartialCluster;
  readonly last: () => Holding | undefined;
  /** The text of what it holds, or why it holds nothing. */
  readonly words: () => string;
  untilHeld(): Promise<readonly Cidr[]>;
  untilWords(pattern: RegExp): Promise<void>;
  stop(): Promise<void>;
};

export type HoldOptions = Partial<KubernetesSourceOptions> & {
  readonly name?: string;
  readonly machine?: string;
  readonly keys?: Readonly<Record<string, unknown>>;
  readonly previous?: readonly string[];
};

export class LeaseApi {
  readonly api: ApiServer;
  /** `METHOD path` of every request that writes. */
  readonly writes: string[] = [];
  readonly #context: TestContext;

  constructor(api: ApiServer, context: TestContext) {
    this.api = api;
    this.#context = context;
    // A rule that never applies sees every request.
    api.faults.add({
      matches: ({ method, path }) => {
        if (method !== 'GET') this.writes.push(`${method} ${path}`);
        return false;
      },
      effect: { kind: 'hang-up' },
    });
  }

  static async start(context: TestContext): Promise<LeaseApi> {
    const api = await startTestApi();
    context.after(() => api.stop());
    return new LeaseApi(api, context);
  }

  addNode(name: string, podCIDRs: readonly string[] = [], annotations = {}): string {
    const spec = podCIDRs.length === 0 ? {} : { podCIDR: podCIDRs[0], podCIDRs };
    const node = { metadata: { name, annotations }, spec };
    return createObject(this.api.store, { kind: NODES }, node).object.metadata.uid ?? '';
  }

  removeNode(name: string): void {
    deleteObject(this.api.store, { kind: NODES, name });
  }

  /** The Node is another object from one moment to the next, before anybody collects its Leases. */
  replaceNode(name: string): string {
    const { store } = this.api;
    const uid = store.newUid();
    store.put(NODES, { metadata: { name, uid }, spec: {} });
    return uid;
  }

  addLease(subnet: string, owner?: { readonly name: string; readonly uid: string }): void {
    const reference = owner && [{ apiVersion: 'v1', kind: 'Node', ...owner }];
    const metadata = {
      name: leaseName(cidr(subnet)),
      ...(reference === undefined ? {} : { ownerReferences: reference }),
    };
    const spec = { holderIdentity: owner === undefined ? 'somebody' : `${owner.name}_machine` };
    createObject(this.api.store, { kind: LEASES, namespace: NAMESPACE }, { metadata, spec });
  }

  removeLease(subnet: string): void {
    const name = leaseName(cidr(subnet));
    deleteObject(this.api.store, { kind: LEASES, namespace: NAMESPACE, name });
  }

  lease(subnet: string): KubeObject | undefined {
    return this.api.store.get(LEASES, `${NAMESPACE}/${leaseName(cidr(subnet))}`)?.object;
  }

  leaseNames(): readonly string[] {
    const entries = this.api.store.list(LEASES);
    return (entries === 'expired' ? [] : entries).map(({ object }) => object.metadata.name ?? '');
  }

  /** What the record says. */
  record(): Readonly<Record<string, string>> | undefined {
    const found = this.api.store.get(CONFIG_MAPS, `${NAMESPACE}/${RECORD.name}`);
    return found?.object.data as Readonly<Record<string, string>> | undefined;
  }

  putRecord(data: Readonly<Record<string, string>>): void {
    const metadata = { name: RECORD.name, namespace: NAMESPACE };
    this.api.store.put(CONFIG_MAPS, { metadata, data });
  }

  removeRecord(): void {
    deleteObject(this.api.store, RECORD);
  }

  /** Runs a source that holds subnets until the test ends. */
  hold(options: HoldOptions = {}): Held {
    const { name = 'self', machine = 'machine', keys, previous = [], ...rest } = options;
    const source = new KubernetesSource({
      client: plainClient(portOf(this.api)),
      clock: systemClock,
      log: silentLog,
      random: Math.random,
      nodeName: name,
      timing: { ...REFLECTOR_TIMING, backoff: { baseMs: 5, capMs: 20 } },
      autoGraceMs: 20,
      ...rest,
    });
    const stopping = new AbortController();
    const told: Holding[] = [];
    const events: ClusterEvent[] = [];
    const config = configFrom(keys ?? { Network: '10.244.0.0/22', SubnetSource: 'lease' });
    const wish = { config, machine, previous: previous.map(cidr) };
    const ended = Promise.all([
      source.run((event) => events.push(event), stopping.signal),
      source.hold(wish, (holding) => told.push(holding), stopping.signal),
    ]);
    const stop = async (): Promise<void> => {
      stopping.abort();
      await ended;
    };
    this.#context.after(stop);
    const last = (): Holding | undefined => told.at(-1);
    const words = (): string => wordsOf(last());
    return {
      ...{ source, told, last, words, stop },
      cluster: () => events.reduce(fold, NOTHING_KNOWN),
      untilHeld: async () => {
        await until(`a subnet (${words()})`, () => last()?.kind === 'held', PATIENCE_MS);
        const holding = last();
        return holding?.kind === 'held' ? holding.subnets : [];
      },
      untilWords: (pattern) => until(`${pattern}`, () => pattern.test(words()), PATIENCE_MS),
    };
  }
}

export const wordsOf = (holding: Holding | undefined): string =>
  holding?.kind === 'held'
    ? `${holding.authority} ${holding.subnets.join()}: ${holding.explanation}`
    : `none ${holding?.authority}: ${holding?.reason}; ${holding?.explanation}`;
