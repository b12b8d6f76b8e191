// What a node has left in the Kubernetes API: the annotations and the condition of its Node, and
// the Leases of this machine. The cluster's own objects (configuration, decision, rights) are the
// operator's. Flannel's annotations are taken for ours only beside our advert: without it they are
// those of a Flannel that runs here now.

import type { Trace, Withdrawal } from '../withdrawal.ts';
import { ADVERT_ANNOTATION, SUMMARY_ANNOTATION } from './annotations.ts';
import type { ApiCall, KubernetesApi } from './api.ts';
import { KubernetesApiError } from './api-error.ts';
import { flannelNames } from './flannel-annotations.ts';
import type { NodeJson } from './json-types.ts';
import { LeaseCalls } from './lease-calls.ts';
import { leaseName } from './lease-name.ts';
import { NETWORK_CONDITION } from './node-condition.ts';
import { annotationsOf, networkReasonOf } from './node-record.ts';
import { SUMMARY_CONDITION } from './node-summaries.ts';

export type KubernetesWithdrawalOptions = {
  readonly client: KubernetesApi;
  readonly namespace: string;
  readonly nodeName: string;
  /** Of this machine. */
  readonly machine: string;
};

const TIMEOUT_MS = 10_000;

export class KubernetesWithdrawal implements Withdrawal {
  readonly place = 'the Kubernetes API';
  readonly #options: KubernetesWithdrawalOptions;

  constructor(options: KubernetesWithdrawalOptions) {
    this.#options = options;
  }

  async adverts(stop: AbortSignal, keepsFlannel = false): Promise<readonly Trace[]> {
    const { nodeName } = this.#options;
    const node = await this.#readNode(stop);
    if (node === undefined) return [];
    const traces: Trace[] = [];
    const annotations = annotationsOf(node);
    if (annotations[ADVERT_ANNOTATION] !== undefined) {
      const names = [ADVERT_ANNOTATION, ...(keepsFlannel ? [] : flannelNames())].filter(
        (name) => annotations[name] !== undefined,
      );
      const metadata = { annotations: Object.fromEntries(names.map((name) => [name, null])) };
      traces.push({
        what: `annotations ${names.join(', ')} of Node ${nodeName}`,
        remove: (signal) => this.#patch('merge-patch', { metadata }, signal),
      });
    }
    if (annotations[SUMMARY_ANNOTATION] !== undefined) {
      const metadata = { annotations: { [SUMMARY_ANNOTATION]: null } };
      const status = { conditions: [{ type: SUMMARY_CONDITION, $patch: 'delete' }] };
      const names = `annotation ${SUMMARY_ANNOTATION} and condition ${SUMMARY_CONDITION}`;
      traces.push({
        what: `${names} of Node ${nodeName}`,
        remove: (signal) => this.#patch('strategic-merge-patch', { metadata, status }, signal),
      });
    }
    if (networkReasonOf(node) === NETWORK_CONDITION.reason) {
      const { type } = NETWORK_CONDITION;
      const status = { conditions: [{ type, $patch: 'delete' }] };
      traces.push({
        what: `condition ${type} of Node ${nodeName}`,
        remove: (signal) => this.#patch('strategic-merge-patch', { status }, signal),
      });
    }
    return traces;
  }

  async claims(stop: AbortSignal): Promise<readonly Trace[]> {
    const { machine, namespace } = this.#options;
    const calls = new LeaseCalls(this.#options);
    const leases = await calls.leases(stop);
    return leases
      .filter(({ own }) => own?.machine === machine)
      .map(({ subnet, own }) => ({
        what: `Lease ${namespace}/${leaseName(subnet)}`,
        remove: (signal) => calls.remove({ subnet, uid: own?.uid ?? '' }, signal),
      }));
  }

  close(): void {
    this.#options.client.close();
  }

  async #readNode(stop: AbortSignal): Promise<NodeJson | undefined> {
    try {
      return (await this.#call({ method: 'GET', path: this.#nodePath() }, stop)) as NodeJson;
    } catch (error) {
      if (error instanceof KubernetesApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #patch(kind: string, body: unknown, stop: AbortSignal): Promise<void> {
    const path = `${this.#nodePath()}/status`;
    const contentType = `application/${kind}+json`;
    await this.#call({ method: 'PATCH', path, contentType, body }, stop);
  }

  #nodePath(): string {
    return `/api/v1/nodes/${encodeURIComponent(this.#options.nodeName)}`;
  }

  #call(call: ApiCall, stop: AbortSignal): Promise<unknown> {
    return this.#options.client.call({ ...call, timeoutMs: TIMEOUT_MS }, stop);
  }
}
