// The Node's condition NetworkUnavailable: cloud providers set it to True on a new Node and taint
// it, until the pod network says otherwise. Only the one condition is written, and only when the
// Node as last seen does not say it already.

import type { KubernetesApi } from './api.ts';
import type { ObjectJson } from './json-types.ts';
import { hasNetwork } from './node-record.ts';
import type { Patience } from './patience.ts';
import { patiently } from './patience.ts';

export type NodeConditionOptions = Patience & {
  readonly client: KubernetesApi;
  readonly nodeName: string;
};

/** As this node says it. */
export const NETWORK_CONDITION = { type: 'NetworkUnavailable', reason: 'PoplinIsUp' } as const;

const TIMEOUT_MS = 10_000;

export class NodeCondition {
  readonly #options: NodeConditionOptions;
  #isSaid = false;

  constructor(options: NodeConditionOptions) {
    this.#options = options;
  }

  /** Whether the Node has the condition now; false also when there is no Node. */
  see(isSaid: boolean): void {
    this.#isSaid = isSaid;
  }

  /** Rejects with AppError after a bounded number of tries. */
  async setNetworkAvailable(stop: AbortSignal): Promise<void> {
    if (this.#isSaid) return;
    const { client, clock, nodeName } = this.#options;
    const time = `${clock.now().toISOString().slice(0, 19)}Z`;
    const condition = {
      ...NETWORK_CONDITION,
      status: 'False',
      message: 'Poplin is running on this node',
      lastHeartbeatTime: time,
      lastTransitionTime: time,
    };
    const call = {
      method: 'PATCH',
      path: `/api/v1/nodes/${encodeURIComponent(nodeName)}/status`,
      // Strategic: the list of conditions is merged by their type.
      contentType: 'application/strategic-merge-patch+json',
      body: { status: { conditions: [condition] } },
      timeoutMs: TIMEOUT_MS,
    } as const;
    const patched = await patiently(this.#options, stop, () => client.call(call, stop));
    this.#isSaid = hasNetwork(patched as ObjectJson);
  }
}
