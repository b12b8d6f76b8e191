// Writes the node's own annotations: a merge patch of those alone that differ from what the Node
// has as last seen, so that an unchanged advert costs no request. No resourceVersion is sent:
// others write other annotations of the same Node all the time, and ours are ours alone. They go
// through the Node's status, so that the agent needs no right to write any Node's spec.

import type { Clock } from '../../lib/clock.ts';
import type { KubernetesApi } from './api.ts';
import type { AnnotationPatch, Annotations } from './flannel-annotations.ts';
import type { ObjectJson } from './json-types.ts';
import { annotationsOf } from './node-record.ts';
import { patiently } from './patience.ts';
import { isOlder } from './revision.ts';

/** What a Node has. */
export type SeenAnnotations = {
  readonly annotations: Annotations;
  readonly revision: string | undefined;
};

export type PublisherOptions = {
  readonly client: KubernetesApi;
  readonly clock: Clock;
  readonly random: () => number;
  readonly nodeName: string;
};

const TIMEOUT_MS = 10_000;

export class AnnotationPublisher {
  readonly #options: PublisherOptions;
  /** As last seen; `undefined` until the Node was seen, or after it went. */
  #seen: SeenAnnotations | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** The Node as it is now. */
  see(seen: SeenAnnotations | undefined): void {
    this.#seen = seen;
  }

  /**
   * null removes. Whether anything had to be written; rejects with AppError after a bounded number
   * of tries.
   */
  async publish(wanted: AnnotationPatch, stop: AbortSignal): Promise<boolean> {
    const seen = this.#seen?.annotations;
    const differing = Object.entries(wanted).filter(
      ([name, value]) => seen === undefined || (seen[name] ?? null) !== value,
    );
    if (differing.length === 0) return false;
    const body = { metadata: { annotations: Object.fromEntries(differing) } };
    // Until the answer comes nobody knows which of them it has.
    this.#seen = undefined;
    const patched = await patiently(this.#options, stop, () => this.#patch(body, stop));
    const revision = patched.metadata?.resourceVersion;
    this.#answered({ annotations: annotationsOf(patched), revision });
    return true;
  }

  /** The watch may have been faster than the answer, and tell what somebody did after that. */
  #answered(answer: SeenAnnotations): void {
    const isNews = this.#seen === undefined || isOlder(this.#seen.revision, answer.revision);
    if (isNews) this.#seen = answer;
  }

  async #patch(body: unknown, stop: AbortSignal): Promise<ObjectJson> {
    const { client, nodeName } = this.#options;
    const patched = await client.call(
      {
        method: 'PATCH',
        path: `/api/v1/nodes/${encodeURIComponent(nodeName)}/status`,
        contentType: 'application/merge-patch+json',
        body,
        timeoutMs: TIMEOUT_MS,
      },
      stop,
    );
    return patched as ObjectJson;
  }
}
