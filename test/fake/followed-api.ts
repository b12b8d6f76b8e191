// A reflector that follows the Nodes of an embedded API, with everything that it did and said.

import type { Server } from 'node:http';
import type { TestContext } from 'node:test';
import { NODES } from '../../src/lab/api/kinds.ts';
import { createObject, patchObject } from '../../src/lab/api/operations.ts';
import { mergePatch } from '../../src/lab/api/patch.ts';
import type { ApiServer, ApiServerOptions } from '../../src/lab/api/server.ts';
import type { Refusal } from '../../src/lab/api/status.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { KubernetesClient } from '../../src/source/kubernetes/client.ts';
import type { Reflected, ReflectorTiming } from '../../src/source/kubernetes/reflector.ts';
import { REFLECTOR_TIMING, Reflector } from '../../src/source/kubernetes/reflector.ts';
import { plainCredentials, portOf, startTestApi, until } from './kubernetes-api.ts';

export const FAST: ReflectorTiming = { ...REFLECTOR_TIMING, backoff: { baseMs: 5, capMs: 20 } };

export type Followed = {
  readonly events: Reflected<string>[];
  readonly problems: (string | undefined)[];
  /** Query strings of the requests, `list` or `watch` first. */
  readonly requests: string[];
  /** How often something was heard, bookmarks among it. */
  readonly contacts: () => number;
};

export async function startApi(
  context: TestContext,
  options: Partial<ApiServerOptions> = {},
  port = 0,
): Promise<ApiServer> {
  const api = await startTestApi(options, port);
  context.after(() => api.stop());
  return api;
}

type FollowOptions = { readonly timing?: ReflectorTiming; readonly port?: number };

export function follow(
  context: TestContext,
  api: ApiServer,
  options: FollowOptions = {},
): Followed {
  const { timing = FAST, port = portOf(api) } = options;
  const client = new KubernetesClient({ credentials: plainCredentials(port), clock: systemClock });
  const events: Reflected<string>[] = [];
  const problems: (string | undefined)[] = [];
  const requests: string[] = [];
  let contacts = 0;
  recordRequests(api, requests);
  const stopping = new AbortController();
  const running = new Reflector<string>({
    client,
    clock: systemClock,
    log: silentLog,
    random: () => 0.5,
    path: '/api/v1/nodes',
    pageSize: 2,
    timing,
    project: (object) => `${object.metadata?.name}@${object.metadata?.resourceVersion}`,
    onEvent: (event) => events.push(event),
    onContact: () => {
      contacts += 1;
    },
    onProblem: (problem) => problems.push(problem),
  }).run(stopping.signal);
  context.after(async () => {
    stopping.abort();
    await running;
    client.close();
  });
  return { events, problems, requests, contacts: () => contacts };
}

export async function listen(context: TestContext, server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  context.after(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  });
}

/** A rule that never applies sees every request. */
function recordRequests(api: ApiServer, requests: string[]): void {
  api.faults.add({
    matches: ({ query }) => {
      requests.push(`${query.has('watch') ? 'watch' : 'list'} ${query}`);
      return false;
    },
    effect: { kind: 'hang-up' },
  });
}

export const addNode = (api: ApiServer, name: string): void => {
  createObject(api.store, { kind: NODES }, { metadata: { name } });
};

export const touchNode = (api: ApiServer, name: string, value: string): void => {
  patchObject(api.store, { kind: NODES, name }, (current) =>
    mergePatch(current, { metadata: { annotations: { touched: value } } }),
  );
};

export const namesIn = (event: Reflected<string> | undefined): string | undefined =>
  event?.kind === 'listed'
    ? event.items.map((item) => item.split('@')[0]).join(',')
    : event?.kind === 'put'
      ? event.item.split('@')[0]
      : event?.name;

export const countOf = (requests: readonly string[], kind: 'list' | 'watch'): number =>
  requests.filter((request) => request.startsWith(kind)).length;

export type Scenario = (api: ApiServer, followed: Followed) => Promise<void>;

export const withReflector =
  (scenario: Scenario, timing = FAST) =>
  async (context: TestContext) => {
    const api = await startApi(context, { bookmarkIntervalMs: 20 });
    for (const name of ['a', 'b', 'c']) addNode(api, name);
    const followed = follow(context, api, { timing });
    await until('listed', () => followed.events.length > 0 && api.hub.size === 1);
    await scenario(api, followed);
  };

export const isWatch = ({ query }: { query: URLSearchParams }): boolean => query.has('watch');

export const refusal = (code: number, retryAfterSeconds?: number): Refusal => ({
  code,
  reason: code === 401 ? 'Unauthorized' : code === 410 ? 'Expired' : 'TooManyRequests',
  message: 'as the test wants it',
  ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
});
