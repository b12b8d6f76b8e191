// The embedded API with a client that speaks plain HTTP, and events of watches as they come in.

import type { TestContext } from 'node:test';
import type { ApiServer, ApiServerOptions } from '../../src/lab/api/server.ts';
import { readLines } from '../../src/source/kubernetes/lines.ts';
import { portOf, startTestApi } from './kubernetes-api.ts';

type Meta = {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly [member: string]: unknown;
};

export type Body = {
  readonly kind: string;
  readonly metadata: Meta;
  readonly items: readonly Body[];
  readonly reason?: string;
  readonly message?: string;
  readonly [member: string]: unknown;
};

export type Reply = { readonly status: number; readonly body: Body; readonly headers: Headers };

type Asking = {
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Ask = (method: string, path: string, asking?: Asking) => Promise<Reply>;

export async function startWithClient(
  context: TestContext,
  options: Partial<ApiServerOptions> = {},
): Promise<{ api: ApiServer; ask: Ask; watch: (path: string) => Promise<Body[]> }> {
  const api = await startTestApi(options);
  context.after(() => api.stop());
  const url = `http://127.0.0.1:${portOf(api)}`;
  const ask: Ask = async (method, path, { body, type, headers } = {}) => {
    const response = await fetch(url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { 'content-type': type ?? 'application/json', ...headers },
    });
    const json = (await response.json()) as Body;
    return { status: response.status, body: json, headers: response.headers };
  };
  return { api, ask, watch: (path) => collect(context, url + path) };
}

/** The events of a watch, as they come in. */
async function collect(context: TestContext, url: string): Promise<Body[]> {
  const stop = new AbortController();
  const events: Body[] = [];
  const response = await fetch(url, { signal: stop.signal });
  const reading = (async () => {
    const pieces = response.body as unknown as AsyncIterable<Buffer>;
    const buffers = (async function* () {
      for await (const piece of pieces) yield Buffer.from(piece);
    })();
    for await (const line of readLines(buffers, () => {})) events.push(JSON.parse(line) as Body);
  })().catch(() => undefined);
  context.after(async () => {
    stop.abort();
    await reading;
  });
  return events;
}

export const MERGE = 'application/merge-patch+json';
export const NODES_PATH = '/api/v1/nodes';
export const CONFIG_MAPS_PATH = '/api/v1/namespaces/poplin/configmaps';

export const objectOf = (event: Body | undefined): Body => (event?.object ?? {}) as Body;

export const typesOf = (events: readonly Body[]): string =>
  events.map((event) => `${String(event.type)} ${objectOf(event).metadata.name ?? ''}`).join(', ');
