// etcd through the package etcd3: the only file that knows it, and the one place where it is made
// fit for use. Its lower half (one method per call, raw streams) is sound; what lies above is not
// used, and this is done instead:
// - Calls have no deadline: each gets one here, twice, since a call that waits for a token or a
//   connection has not started and does not count its own. A frozen server is left after it.
// - Its watcher forgets why it was cancelled, waits ever longer after an outage, and goes silent
//   at times: the bare stream is read here, which tells of compactions; HTTP/2 pings end it when
//   the server is frozen; who watches tries again at bounded intervals.
// - Its lease renews for ever, in a tight loop, one that is gone: a renewal here is one question
//   with one answer.
// - Of several endpoints it takes one by chance for each call, with a circuit breaker that fails
//   calls without trying: here is one client for one endpoint at a time, and the next after a
//   failure.
// - A stream opened with an expired token fails without renewing it, a new channel is made for
//   each token, certificates are read once: the client is made again after such a failure.

import type { Etcd3, IOptions } from 'etcd3';
import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/deadline.ts';
import type {
  Committed,
  EtcdApi,
  KeyRange,
  LeaseId,
  Listing,
  Transaction,
  WatchEnd,
  WatchRequest,
} from './api.ts';
import { EtcdError, failureOf } from './etcd-error.ts';
import { committedOf, itemOf, rangeRequest, transactionRequest } from './messages.ts';
import { readWatch } from './watch-stream.ts';

/** Read anew for each client, so that files which were replaced count. */
export type EtcdCredentials = {
  readonly tls?: {
    readonly ca?: Buffer;
    readonly certificate?: Buffer;
    readonly key?: Buffer;
  };
  readonly user?: { readonly name: string; readonly password: string };
};

export type EtcdConnectionOptions = {
  /** `http://HOST:PORT` or `https://HOST:PORT`, all of one kind. */
  readonly endpoints: readonly string[];
  credentials(): EtcdCredentials;
  readonly clock: Clock;
  readonly timing?: EtcdTiming;
  /** Keys in one answer to a list. */
  readonly pageSize?: number;
};

export type EtcdTiming = {
  readonly callTimeoutMs: number;
  /** Not below 5 s: etcd takes more frequent pings for an attack. */
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
};

export const ETCD_TIMING: EtcdTiming = {
  callTimeoutMs: 5_000,
  pingIntervalMs: 10_000,
  pingTimeoutMs: 5_000,
};

const PAGE_SIZE = 1_000;
/** Of one answer: a page of large values, or all that changed in one transaction. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

type Work<Result> = (client: Etcd3) => Promise<Result>;

export class EtcdConnection implements EtcdApi {
  readonly #options: EtcdConnectionOptions;
  readonly #timing: EtcdTiming;
  #endpoint = 0;
  #client: Promise<Etcd3> | undefined;

  constructor(options: EtcdConnectionOptions) {
    this.#options = options;
    this.#timing = options.timing ?? ETCD_TIMING;
  }

  async list(range: KeyRange, stop: AbortSignal): Promise<Listing> {
    const { pageSize = PAGE_SIZE } = this.#options;
    const items: Listing['items'][number][] = [];
    let revision: number | undefined;
    let from = range.from;
    for (;;) {
      const request = {
        ...rangeRequest({ ...range, from }),
        limit: pageSize,
        ...(revision === undefined ? {} : { revision }),
      };
      const page = await this.#call('list', (client) => client.kv.range(request), stop);
      revision ??= Number(page.header.revision);
      for (const item of page.kvs) items.push(itemOf(item));
      const last = items.at(-1);
      if (!page.more || last === undefined) return { items, revision };
      from = `${last.key}\0`;
    }
  }

  async probe(key: string, stop: AbortSignal): Promise<number> {
    const request = { ...rangeRequest({ from: key }), count_only: true };
    const answer = await this.#call('reach etcd', (client) => client.kv.range(request), stop);
    return Number(answer.header.revision);
  }

  async transact(transaction: Transaction, stop: AbortSignal): Promise<Committed> {
    const request = transactionRequest(transaction);
    return committedOf(await this.#call('write', (client) => client.kv.txn(request), stop));
  }

  async grant(ttlSeconds: number, stop: AbortSignal): Promise<LeaseId> {
    const request = { TTL: ttlSeconds };
    const granted = await this.#call(
      'grant a lease',
      (client) => client.leaseClient.leaseGrant(request),
      stop,
    );
    return granted.ID;
  }

  async revoke(lease: LeaseId, stop: AbortSignal): Promise<void> {
    const request = { ID: lease };
    await this.#call('revoke a lease', (client) => client.leaseClient.leaseRevoke(request), stop);
  }

  async renew(lease: LeaseId, stop: AbortSignal): Promise<number | undefined> {
    const ttlSeconds = await this.#call(
      'renew a lease',
      (client) => askRenewal(client, lease),
      stop,
    );
    return ttlSeconds > 0 ? ttlSeconds : undefined;
  }

  async watch(request: WatchRequest, stop: AbortSignal): Promise<WatchEnd> {
    let opened: Promise<Etcd3> | undefined;
    try {
      opened = this.#open();
      const client = await opened;
      const stream = await client.watchClient.watch();
      const { clock } = this.#options;
      const end = await readWatch({
        ...{ stream, request, clock, stop },
        openTimeoutMs: this.#timing.callTimeoutMs,
      });
      if (end.kind === 'ended' && !stop.aborted) this.#leave(opened);
      return end;
    } catch (error) {
      if (opened !== undefined) this.#leave(opened);
      return { kind: 'ended', problem: new EtcdError('watch', failureOf(error), error).message };
    }
  }

  close(): void {
    this.#drop();
  }

  /** The machine has lost an address: connections from it would hang until a ping finds out. */
  reconnect(): void {
    this.#drop();
  }

  async #call<Result>(operation: string, work: Work<Result>, stop: AbortSignal): Promise<Result> {
    const { clock } = this.#options;
    const { callTimeoutMs: timeoutMs } = this.#timing;
    let opened: Promise<Etcd3> | undefined;
    try {
      return await withDeadline({ clock, timeoutMs, stop }, (signal) => {
        opened = this.#open();
        return orAborted(opened.then(work), signal);
      });
    } catch (error) {
      const failure = stop.aborted ? 'away' : failureOf(error);
      const isServers = failure === 'away' || failure === 'auth';
      if (isServers && opened !== undefined && !stop.aborted) this.#leave(opened);
      throw error instanceof EtcdError ? error : new EtcdError(operation, failure, error);
    }
  }

  #open(): Promise<Etcd3> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  /** Away from an endpoint that failed, unless somebody has left it already. */
  #leave(failed: Promise<Etcd3>): void {
    if (this.#client !== failed) return;
    this.#endpoint = (this.#endpoint + 1) % this.#options.endpoints.length;
    this.#drop();
  }

  #drop(): void {
    this.#client?.then((client) => client.close()).catch(() => undefined);
    this.#client = undefined;
  }

  async #connect(): Promise<Etcd3> {
    const { Etcd3: Client } = await import('etcd3');
    return new Client(this.#clientOptions());
  }

  #clientOptions(): IOptions {
    const { endpoints, clock } = this.#options;
    const { callTimeoutMs, pingIntervalMs, pingTimeoutMs } = this.#timing;
    const { tls, user } = this.#options.credentials();
    return {
      hosts: endpoints[this.#endpoint] ?? '',
      ...(tls === undefined ? {} : { credentials: tlsOptions(tls) }),
      ...(user === undefined ? {} : { auth: { username: user.name, password: user.password } }),
      faultHandling: { global: NO_POLICY, host: () => NO_POLICY },
      defaultCallOptions: ({ isStream }) =>
        isStream ? {} : { deadline: clock.now().getTime() + callTimeoutMs },
      grpcOptions: {
        'grpc.keepalive_time_ms': pingIntervalMs,
        'grpc.keepalive_timeout_ms': pingTimeoutMs,
        'grpc.initial_reconnect_backoff_ms': 200,
        'grpc.max_reconnect_backoff_ms': 1_000,
        'grpc.max_receive_message_length': ANSWER_BYTES_MAX,
        // The proxy of the environment is for the world outside, not for the cluster's own etcd.
        'grpc.enable_http_proxy': 0,
        'grpc.service_config_disable_resolution': 1,
        // Connections of a client end with it: after a failure the next is made from nothing.
        'grpc.use_local_subchannel_pool': 1,
      },
    };
  }
}

type TlsOptions = NonNullable<IOptions['credentials']>;

/** Without a CA the system's; etcd3's type does not say that it may be absent. */
const tlsOptions = ({ ca, certificate, key }: NonNullable<EtcdCredentials['tls']>): TlsOptions =>
  ({
    rootCertificate: ca ?? null,
    privateKey: key ?? null,
    certChain: certificate ?? null,
  }) as unknown as TlsOptions;

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

/** No retries and no circuit breaker: whoever calls knows what may be repeated. */
const NO_POLICY = {
  execute: async <Result>(work: (context: { signal: AbortSignal }) => Result) =>
    work({ signal: new AbortController().signal }),
  onSuccess: () => ({ dispose: () => undefined }),
  onFailure: () => ({ dispose: () => undefined }),
} as unknown as Policy;

/** One question and its answer in seconds; 0 when the lease is gone. */
async function askRenewal(client: Etcd3, lease: LeaseId): Promise<number> {
  const stream = await client.leaseClient.leaseKeepAlive();
  try {
    return await new Promise<number>((resolve, reject) => {
      stream.on('data', (answer: { readonly TTL: string }) => resolve(Number(answer.TTL)));
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('14 UNAVAILABLE: the stream ended')));
      stream.write({ ID: lease });
    });
  } finally {
    stream.on('error', () => undefined);
    stream.cancel();
  }
}

/** `work`, or the rejection that `signal` stands for; what comes later is ignored. */
function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
