// Summaries of nodes as annotations of their Nodes: the own one is written, with a condition that
// says the same to people and controllers, and those of all nodes are kept where they are asked
// for. Both go through the Node's status, in one request.

import type { PublishedSummary } from '../source.ts';
import { SUMMARY_ANNOTATION } from './annotations.ts';
import type { KubernetesApi } from './api.ts';
import type { NodeJson, ObjectJson } from './json-types.ts';
import { asObject, asTexts } from './json-types.ts';
import type { Patience } from './patience.ts';
import { patiently } from './patience.ts';
import type { Reflected } from './reflector.ts';

export type NodeSummariesOptions = Patience & {
  readonly client: KubernetesApi;
  readonly nodeName: string;
  /** Whether those of all nodes are kept: some hundred bytes for each. */
  readonly keepsAll: boolean;
};

const TIMEOUT_MS = 10_000;
export const SUMMARY_CONDITION = 'PoplinReady';

export class NodeSummaries {
  readonly #options: NodeSummariesOptions;
  readonly #texts = new Map<string, string>();
  /** What the condition was last known to say, and since when. */
  #said: { readonly status: string; readonly since: string } | undefined;

  constructor(options: NodeSummariesOptions) {
    this.#options = options;
  }

  /** Texts by node name; undefined where they are not kept. */
  get all(): ReadonlyMap<string, string> | undefined {
    return this.#options.keepsAll ? this.#texts : undefined;
  }

  /** What is to be kept of a Node; a copy, since it would keep the whole page of the list alive. */
  textOf(object: ObjectJson): string | undefined {
    if (!this.#options.keepsAll) return undefined;
    const text = asTexts(asObject((object as NodeJson).metadata).annotations)[SUMMARY_ANNOTATION];
    return text === undefined ? undefined : (JSON.parse(JSON.stringify(text)) as string);
  }

  see(event: Reflected<{ readonly name: string; readonly summary: string | undefined }>): void {
    if (event.kind === 'listed') this.#texts.clear();
    const items = event.kind === 'listed' ? event.items : event.kind === 'put' ? [event.item] : [];
    for (const { name, summary } of items) {
      if (summary !== undefined) this.#texts.set(name, summary);
      else this.#texts.delete(name);
    }
    if (event.kind === 'gone') this.#texts.delete(event.name);
  }

  /** Rejects with AppError after a bounded number of tries. */
  async publish({ text, isReady, words }: PublishedSummary, stop: AbortSignal): Promise<void> {
    const { client, clock, nodeName } = this.#options;
    const status = isReady ? 'True' : 'False';
    const time = `${clock.now().toISOString().slice(0, 19)}Z`;
    const since = this.#said?.status === status ? this.#said.since : time;
    const condition = {
      type: SUMMARY_CONDITION,
      status,
      reason: isReady ? 'NetworkWorks' : 'NetworkImpaired',
      message: words,
      lastHeartbeatTime: time,
      lastTransitionTime: since,
    };
    const call = {
      method: 'PATCH',
      path: `/api/v1/nodes/${encodeURIComponent(nodeName)}/status`,
      // Strategic: the list of conditions is merged by their type.
      contentType: 'application/strategic-merge-patch+json',
      body: {
        metadata: { annotations: { [SUMMARY_ANNOTATION]: text } },
        status: { conditions: [condition] },
      },
      timeoutMs: TIMEOUT_MS,
    } as const;
    await patiently(this.#options, stop, () => client.call(call, stop));
    this.#said = { status, since };
  }
}
