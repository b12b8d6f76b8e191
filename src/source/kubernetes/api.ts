// The port to a Kubernetes API: requests, lists page by page, and answers that stream. client.ts is
// the one over HTTP; the simulation has another. Every method rejects with KubernetesApiError when
// the API refuses or does not answer.

import type { ListEnvelope } from './list-stream.ts';

export type ApiCall = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly timeoutMs?: number;
};

export interface KubernetesApi {
  /** The JSON of the answer. */
  call(call: ApiCall, stop?: AbortSignal): Promise<unknown>;
  /** One page of a list, object by object; returns what is around them. */
  list(call: ApiCall, onItem: (item: unknown) => void, stop?: AbortSignal): Promise<ListEnvelope>;
  /** The answer as it comes in, for a watch; the caller's signal ends it. */
  open(call: ApiCall, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** Closes the kept connections. */
  close(): void;
}
