// One process's client of the API, behind the same port as the one over HTTP: answers take time,
// come wrong, late or never, as the weather of the machine's connection has it. When the process
// dies nothing that it waited for comes any more.

import type { Advert } from '../../src/cluster/advert.ts';
import type { Answer } from '../../src/lab/api/answer.ts';
import { StatusError } from '../../src/lab/api/status.ts';
import { assert } from '../../src/lib/assert.ts';
import { DeadlineError, withDeadline } from '../../src/lib/deadline.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import type { ApiCall, KubernetesApi } from '../../src/source/kubernetes/api.ts';
import { KubernetesApiError, statusError } from '../../src/source/kubernetes/api-error.ts';
import type { ListEnvelope } from '../../src/source/kubernetes/list-stream.ts';
import type { SimApiServer } from './api-server.ts';
import type { ProcessClock } from './clock.ts';
import type { Mutations } from './mutations.ts';
import type { Random } from './random.ts';
import type { Trace } from './trace.ts';
import { WatchConnection } from './watch-connection.ts';
import type { Weather } from './weather.ts';

export type SimApiClientParts = {
  readonly server: SimApiServer;
  readonly weather: Weather;
  readonly clock: ProcessClock;
  readonly random: Random;
  readonly trace: Trace;
  readonly who: string;
  readonly mutations: Mutations;
  /** A watch that was dead in silence is noticed, or gone with its process. */
  readonly onSilenceEnd: () => void;
};

const DEFAULT_TIMEOUT_MS = 30_000;

export class SimApiClient implements KubernetesApi {
  readonly #parts: SimApiClientParts;
  readonly #connections = new Set<WatchConnection>();
  /** Paths of watches that lost an event: a server that did so has to say 410 one day. */
  readonly #tainted = new Set<string>();

  constructor(parts: SimApiClientParts) {
    this.#parts = parts;
  }

  async call(call: ApiCall, stop?: AbortSignal): Promise<unknown> {
    const answer = await this.#exchange(call, stop);
    return JSON.parse(answer);
  }

  async list(
    call: ApiCall,
    onItem: (item: unknown) => void,
    stop?: AbortSignal,
  ): Promise<ListEnvelope> {
    const answer = await this.#exchange(call, stop);
    const { items, ...rest } = JSON.parse(answer) as { items: unknown[] } & ListEnvelope;
    for (const item of items) onItem(item);
    return rest;
  }

  async open(call: ApiCall, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const { server, weather, clock, random } = this.#parts;
    const operation = `GET ${call.path}`;
    try {
      await this.#travel(signal);
      this.#refuse(call);
      this.#refuseTheFuture(call);
      const answer = server.answer(call, queryOf(call));
      assert(answer.kind === 'watch', 'a watch is asked for');
      await this.#travel(signal);
      const connection = new WatchConnection({
        ...{ weather, clock, random, signal },
        isExpired: this.#tainted.delete(call.path),
        onSkip: () => this.#tainted.add(call.path),
        onEnd: (ended) => {
          this.#connections.delete(ended);
          if (ended.isSilent) this.#parts.onSilenceEnd();
        },
      });
      if (!connection.closed.aborted) this.#connections.add(connection);
      void server.hub.serve(answer.request, connection, connection.closed);
      return connection.pieces();
    } catch (error) {
      throw asApiError(operation, error);
    }
  }

  /** Something that it waits for comes no more, and it cannot know yet. */
  get isDeaf(): boolean {
    return [...this.#connections].some(({ isSilent }) => isSilent);
  }

  /** The connections that there are find out that the weather has changed. */
  weatherChanged(): void {
    for (const connection of [...this.#connections]) connection.weatherChanged();
  }

  /** Servers that lost events are replaced: their watches are told to list again. */
  expireTainted(): void {
    for (const connection of [...this.#connections]) {
      if (connection.hasSkipped) connection.expire();
    }
  }

  /** 410 to every watch. */
  expireAll(): void {
    for (const connection of [...this.#connections]) connection.expire();
  }

  cutAll(): void {
    for (const connection of [...this.#connections]) connection.destroy();
  }

  close(): void {
    this.cutAll();
  }

  /** The process is gone: the server notices, and nobody else. */
  die(): void {
    for (const connection of [...this.#connections]) connection.abandon();
  }

  async #exchange(call: ApiCall, stop: AbortSignal | undefined): Promise<string> {
    const { clock } = this.#parts;
    const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    try {
      return await withDeadline({ clock, timeoutMs, stop }, async (signal) => {
        await this.#travel(signal);
        const fate = this.#fate();
        if (fate === 'lost-before') await this.#never(signal);
        if (fate === 'reset-before') throw new Error('read ECONNRESET');
        const answer = this.#perform(call);
        if (call.method !== 'GET') this.#tell(call, fate === 'fine' ? 'done' : `done, ${fate}`);
        if (fate === 'lost-after') await this.#never(signal);
        if (fate === 'reset-after') throw new Error('read ECONNRESET');
        await this.#travel(signal);
        return answer;
      });
    } catch (error) {
      const refused = asApiError(`${call.method} ${call.path}`, error);
      if (stop?.aborted !== true) this.#tell(call, refused.message);
      throw refused;
    }
  }

  #tell({ method, path }: ApiCall, how: string): void {
    this.#parts.trace.add(this.#parts.who, () => `api: ${method} ${path}: ${how}`);
  }

  #perform(call: ApiCall): string {
    this.#refuse(call);
    const { server, mutations } = this.#parts;
    const answer =
      this.#mutated(call) ?? server.answer(misrepresented(call, mutations), this.#staleQuery(call));
    assert(answer.kind === 'body', 'no watch is asked for');
    const text = answer.bytes.toString();
    if (answer.code >= 400) throw statusError(`${call.method} ${call.path}`, JSON.parse(text));
    return text;
  }

  /** A broken API server, of which the checks must notice that it is broken. */
  #mutated(call: ApiCall): Answer | undefined {
    const { server, mutations } = this.#parts;
    if (mutations.losesPatches && call.method === 'PATCH') {
      return server.answer(
        { method: 'GET', path: call.path.replace(/\/status$/, '') },
        queryOf(call),
      );
    }
    if (!mutations.letsTwoCreate || call.method !== 'POST') return undefined;
    if (!call.path.endsWith('/leases')) return undefined;
    try {
      return server.answer(call, queryOf(call));
    } catch {
      const bytes = Buffer.from(JSON.stringify(call.body));
      return { kind: 'body', code: 201, contentType: 'application/json', bytes };
    }
  }

  /** One way, in one direction or the other. */
  async #travel(signal: AbortSignal): Promise<void> {
    const { weather, clock, random } = this.#parts;
    await clock.sleep(1 + random.next() * weather.latencyMs, signal);
    if (signal.aborted) throw new Error('aborted');
    if (weather.reach === 'refused') throw new Error('connect ECONNREFUSED');
    if (weather.reach === 'lost') await this.#never(signal);
  }

  async #never(signal: AbortSignal): Promise<never> {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    throw new Error('aborted');
  }

  #fate(): 'fine' | 'lost-before' | 'lost-after' | 'reset-before' | 'reset-after' {
    const { weather, random } = this.#parts;
    if (!random.chance(weather.lossRate)) return 'fine';
    return (
      random.pick(['lost-before', 'lost-after', 'reset-before', 'reset-after'] as const) ?? 'fine'
    );
  }

  /** Throws StatusError when the server does not want to. */
  #refuse(call: ApiCall): void {
    const { weather, random } = this.#parts;
    if (weather.isUnauthorized) throw refusal(401, 'Unauthorized');
    if (!random.chance(weather.refusalRate)) return;
    const code = random.pick(call.method === 'GET' ? [429, 500, 503, 410] : [429, 500, 503, 409]);
    if (code === 429) throw refusal(429, 'TooManyRequests', random.int(1, 3));
    if (code === 409 && call.method !== 'POST') throw refusal(409, 'Conflict');
    if (code === 410) throw refusal(410, 'Expired');
    throw refusal(code === 503 ? 503 : 500, 'InternalError');
  }

  /** A server that lags does not know yet where the client already was. */
  #refuseTheFuture({ query }: ApiCall): void {
    const { server, weather, random } = this.#parts;
    const revision = Number(query?.resourceVersion ?? 0);
    if (weather.lagMs === 0 || revision <= server.revisionBefore(weather.lagMs)) return;
    if (random.chance(0.5)) return;
    const message = `Too large resource version: ${revision}`;
    throw new StatusError({ code: 504, reason: 'Timeout', message });
  }

  /** Of a server that lags, the list as it was. */
  #staleQuery(call: ApiCall): URLSearchParams {
    const { server, weather } = this.#parts;
    const query = queryOf(call);
    const isList = call.method === 'GET' && query.has('limit') && !query.has('continue');
    if (!isList || weather.lagMs === 0) return query;
    const revision = server.revisionBefore(weather.lagMs);
    if (revision >= server.store.revision || revision < server.store.oldestRevision) return query;
    query.set('resourceVersion', String(revision));
    query.set('resourceVersionMatch', 'Exact');
    return query;
  }
}

/** What an agent says of itself, when it does not keep to the truth. */
function misrepresented(call: ApiCall, { hidesSenders, promisesTooMuch }: Mutations): ApiCall {
  const { metadata } = (call.body ?? {}) as Partial<Publication>;
  const text = metadata?.annotations?.[ADVERT_ANNOTATION];
  if (typeof text !== 'string' || !(hidesSenders || promisesTooMuch)) return call;
  const advert = JSON.parse(text) as Advert;
  const { vxlan } = advert.receives;
  const more = promisesTooMuch ? vxlan.map((each) => ({ ...each, vni: each.vni + 100 })) : [];
  const changed = {
    ...advert,
    receives: { ...advert.receives, vxlan: [...vxlan, ...more] },
    ...(hidesSenders ? { sends: [], sendsVxlan: [] } : {}),
  };
  const annotations = {
    ...metadata?.annotations,
    [ADVERT_ANNOTATION]: JSON.stringify(changed),
  };
  return { ...call, body: { ...(call.body as object), metadata: { ...metadata, annotations } } };
}

type Publication = {
  readonly metadata: { readonly annotations?: Readonly<Record<string, unknown>> };
};

function queryOf({ query = {} }: ApiCall): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params;
}

function refusal(
  code: number,
  reason: 'Unauthorized' | 'TooManyRequests' | 'Conflict' | 'Expired' | 'InternalError',
  retryAfterSeconds?: number,
): StatusError {
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  return new StatusError({ code, reason, message: 'the weather is bad', ...details });
}

function asApiError(operation: string, error: unknown): KubernetesApiError {
  if (error instanceof KubernetesApiError) return error;
  if (error instanceof StatusError) return statusError(operation, error.body);
  if (error instanceof DeadlineError) {
    return new KubernetesApiError(operation, error.message, { cause: error });
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new KubernetesApiError(operation, detail, { cause: error });
}
