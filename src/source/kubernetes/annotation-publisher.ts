// Writes the node's own annotations: a merge patch of those alone that differ from what the Node
// has as last seen, so that an unchanged advert costs no request. No resourceVersion is sent:
// others write other annotations of the same Node all the time, and ours are ours alone.

import type { Backoff } from '../../lib/backoff.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { KubernetesApi } from './api.ts';
import { KubernetesApiError } from './api-error.ts';
import type { AnnotationPatch, Annotations } from './flannel-annotations.ts';
import type { ObjectJson } from './json-types.ts';
import { annotationsOf } from './node-record.ts';

export type PublisherOptions = {
  readonly client: KubernetesApi;
  readonly clock: Clock;
  readonly random: () => number;
  readonly nodeName: string;
};

const TRIES = 4;
const BACKOFF: Backoff = { baseMs: 250, capMs: 5_000 };
const TIMEOUT_MS = 10_000;

export class AnnotationPublisher {
  readonly #options: PublisherOptions;
  /** As last seen; `undefined` until the Node was seen, or after it went. */
  #seen: Annotations | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** The Node as it is now. */
  see(annotations: Annotations | undefined): void {
    this.#seen = annotations;
  }

  /** null removes. Rejects with AppError after a bounded number of tries. */
  async publish(wanted: AnnotationPatch, stop: AbortSignal): Promise<void> {
    const differing = Object.entries(wanted).filter(
      ([name, value]) => this.#seen === undefined || (this.#seen[name] ?? null) !== value,
    );
    if (differing.length === 0) return;
    const body = { metadata: { annotations: Object.fromEntries(differing) } };
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#seen = annotationsOf(await this.#patch(body, stop));
        return;
      } catch (error) {
        const waitMs = this.#waitMs(error, attempt);
        if (stop.aborted || waitMs === undefined) throw error;
        await this.#options.clock.sleep(waitMs, stop);
        if (stop.aborted) throw error;
      }
    }
  }

  async #patch(body: unknown, stop: AbortSignal): Promise<ObjectJson> {
    const { client, nodeName } = this.#options;
    const patched = await client.call(
      {
        method: 'PATCH',
        path: `/api/v1/nodes/${encodeURIComponent(nodeName)}`,
        contentType: 'application/merge-patch+json',
        body,
        timeoutMs: TIMEOUT_MS,
      },
      stop,
    );
    return patched as ObjectJson;
  }

  /** `undefined` when trying again makes no sense: a refusal that will not pass by itself. */
  #waitMs(error: unknown, attempt: number): number | undefined {
    if (!(error instanceof KubernetesApiError) || attempt >= TRIES) return undefined;
    const { status } = error;
    const isPassing = status === undefined || status === 429 || status === 409 || status >= 500;
    if (!isPassing) return undefined;
    const waitMs = backoffMs(BACKOFF, attempt, this.#options.random());
    return waitMs + (error.retryAfterMs ?? 0);
  }
}
