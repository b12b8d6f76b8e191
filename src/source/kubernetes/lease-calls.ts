// Every request that claiming subnets takes: Leases, and the record of what gives the cluster its
// subnets. Nothing is retried or decided here; what the server refuses is a KubernetesApiError.

import type { Cidr } from '../../net/cidr.ts';
import type { ApiCall, KubernetesApi } from './api.ts';
import { KubernetesApiError } from './api-error.ts';
import type { InUse } from './assess.ts';
import type { NodeJson, ObjectJson } from './json-types.ts';
import { leaseName } from './lease-name.ts';
import type { Claimant, LeaseClaim, LeaseRecord } from './lease-record.ts';
import { leaseRecord, newLease, ownerReferences } from './lease-record.ts';
import { nodeRecord } from './node-record.ts';
import type { NewRecord, SubnetSourceRecord } from './subnet-source-record.ts';
import { RECORD_NAME, renderRecord } from './subnet-source-record.ts';

export type LeaseCallsOptions = {
  readonly client: KubernetesApi;
  readonly namespace: string;
  readonly nodeName: string;
};

const TIMEOUT_MS = 10_000;
const PAGE_SIZE = 500;

export const leasesPath = (namespace: string): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;

export const configMapsPath = (namespace: string): string =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`;

export class LeaseCalls {
  readonly #options: LeaseCallsOptions;

  constructor(options: LeaseCallsOptions) {
    this.#options = options;
  }

  /** `undefined`: somebody has it. */
  async claim(
    claim: LeaseClaim,
    claimant: Claimant,
    stop: AbortSignal,
  ): Promise<LeaseRecord | undefined> {
    const path = leasesPath(this.#options.namespace);
    const body = newLease(claim, claimant);
    return this.#record(await unless(409, this.#call({ method: 'POST', path, body }, stop)));
  }

  /** `undefined`: nobody has it. */
  async read(subnet: Cidr, stop: AbortSignal): Promise<LeaseRecord | undefined> {
    return this.#record(await this.#readLease(subnet, stop));
  }

  /**
   * Makes the Lease the Node's that exists now. Returns it as it is then; `undefined`: there is
   * none, and somebody else's stays as it is.
   */
  async adopt(
    subnet: Cidr,
    claimant: Claimant,
    stop: AbortSignal,
  ): Promise<LeaseRecord | undefined> {
    const found = await this.#readLease(subnet, stop);
    const record = this.#record(found);
    if (record?.own?.machine !== claimant.machine) return record;
    const { resourceVersion } = found?.metadata ?? {};
    const body = { metadata: { resourceVersion, ownerReferences: ownerReferences(claimant) } };
    const contentType = 'application/merge-patch+json';
    const path = this.#leasePath(subnet);
    const patched = this.#call({ method: 'PATCH', path, contentType, body }, stop);
    return this.#record(await unless(404, patched));
  }

  /** The one of this uid alone: of another the server says that there is a conflict. */
  async remove({ subnet, uid }: { subnet: Cidr; uid: string }, stop: AbortSignal): Promise<void> {
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      ...(uid === '' ? {} : { preconditions: { uid } }),
    };
    await unless(404, this.#call({ method: 'DELETE', path: this.#leasePath(subnet), body }, stop));
  }

  /** Of the own Node as it is now, whatever the watch has seen; `undefined`: there is none. */
  async readNodeUid(stop: AbortSignal): Promise<string | undefined> {
    const path = `/api/v1/nodes/${encodeURIComponent(this.#options.nodeName)}`;
    const node = await unless(404, this.#call({ method: 'GET', path }, stop));
    return node?.metadata?.uid;
  }

  /** `undefined`: nothing is decided yet. */
  readRecord(stop: AbortSignal): Promise<ObjectJson | undefined> {
    return unless(404, this.#call({ method: 'GET', path: this.#recordPath() }, stop));
  }

  /** `undefined`: somebody else was faster. */
  createRecord(record: NewRecord, stop: AbortSignal): Promise<ObjectJson | undefined> {
    const path = configMapsPath(this.#options.namespace);
    return unless(409, this.#call({ method: 'POST', path, body: renderRecord(record) }, stop));
  }

  /** `undefined`: it is not the one any more that the resourceVersion names. */
  replaceRecord(record: SubnetSourceRecord, stop: AbortSignal): Promise<ObjectJson | undefined> {
    const path = this.#recordPath();
    const body = renderRecord(record);
    return unless(409, this.#call({ method: 'PUT', path, body }, stop));
  }

  /** All that hold subnets now. */
  async leases(stop: AbortSignal): Promise<readonly LeaseRecord[]> {
    const leases: LeaseRecord[] = [];
    const { namespace, nodeName } = this.#options;
    await this.#list(leasesPath(namespace), stop, (object) => {
      const record = leaseRecord(object, nodeName);
      if (record !== undefined) leases.push(record);
    });
    return leases;
  }

  /** Who uses podCIDRs and Leases now, whatever the watches have seen. */
  async inUse(stop: AbortSignal): Promise<InUse> {
    const leases = await this.leases(stop);
    let podCidrNode: string | undefined;
    await this.#list('/api/v1/nodes', stop, (object) => {
      const { name, subnets } = nodeRecord(object as NodeJson);
      if (subnets.length > 0) podCidrNode ??= name;
    });
    return { leases: { records: () => leases }, nodes: { podCidrNode } };
  }

  async #list(path: string, stop: AbortSignal, take: (object: ObjectJson) => void): Promise<void> {
    let next: string | undefined;
    do {
      const query = { limit: PAGE_SIZE, continue: next };
      const page = await this.#options.client.list(
        { method: 'GET', path, query },
        (object) => take(object as ObjectJson),
        stop,
      );
      next = page.metadata?.continue;
    } while ((next ?? '') !== '');
  }

  #readLease(subnet: Cidr, stop: AbortSignal): Promise<ObjectJson | undefined> {
    return unless(404, this.#call({ method: 'GET', path: this.#leasePath(subnet) }, stop));
  }

  #record(object: ObjectJson | undefined): LeaseRecord | undefined {
    return object === undefined ? undefined : leaseRecord(object, this.#options.nodeName);
  }

  #leasePath(subnet: Cidr): string {
    return `${leasesPath(this.#options.namespace)}/${leaseName(subnet)}`;
  }

  #recordPath(): string {
    return `${configMapsPath(this.#options.namespace)}/${RECORD_NAME}`;
  }

  #call(call: ApiCall, stop: AbortSignal): Promise<unknown> {
    return this.#options.client.call({ ...call, timeoutMs: TIMEOUT_MS }, stop);
  }
}

/** `undefined` instead of a refusal with this status, which is an expected outcome. */
async function unless(status: number, answer: Promise<unknown>): Promise<ObjectJson | undefined> {
  try {
    return (await answer) as ObjectJson;
  } catch (error) {
    if (error instanceof KubernetesApiError && error.status === status) return undefined;
    throw error;
  }
}
