// List and watch of one kind: lists in pages, follows changes from there, and resumes after
// whatever happens to the connection or the server, without listing again where that can be
// avoided. It never gives up and never rejects; it ends when told to.
//
//   list (pages) ─► 'listed' ─► watch from its revision ─► 'put', 'gone' ─┐
//     ▲                            ▲                                      │
//     │ 410, a store gone back,    └── ended, cut, silent, refused ◄──────┤
//     └── silent twice ◄──────────────────────────────────────────────────┘

import { AssertionFailure, assertNever } from '../../lib/assert.ts';
import type { Backoff } from '../../lib/backoff.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { DeadlineError, withDeadline } from '../../lib/deadline.ts';
import { describeError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { KubernetesApi } from './api.ts';
import { KubernetesApiError, statusError } from './api-error.ts';
import { CatchUp } from './catch-up.ts';
import type { ObjectJson } from './json-types.ts';
import { readLines } from './lines.ts';
import type { ListEnvelope } from './list-stream.ts';
import { isOlder } from './revision.ts';

export type Reflected<Item> =
  | { readonly kind: 'listed'; readonly items: readonly Item[] }
  | { readonly kind: 'put'; readonly item: Item }
  | { readonly kind: 'gone'; readonly name: string; readonly uid: string };

export type ReflectorTiming = {
  /** A watch without a single byte for this long is dead: bookmarks come about once a minute. */
  readonly silenceMs: number;
  /** A request for a watch that is not answered for this long is given up. */
  readonly openingMs: number;
  /** The server ends a watch after a random time of this range, so that agents spread. */
  readonly watchSeconds: { readonly min: number; readonly max: number };
  /** A watch that lasted this long was a good one: the next failure is the first again. */
  readonly healthyAfterMs: number;
  readonly backoff: Backoff;
};

export const REFLECTOR_TIMING: ReflectorTiming = {
  silenceMs: 150_000,
  openingMs: 30_000,
  watchSeconds: { min: 300, max: 600 },
  healthyAfterMs: 5_000,
  backoff: { baseMs: 100, capMs: 30_000 },
};

export type ReflectorOptions<Item> = {
  readonly client: KubernetesApi;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  /** The collection: `/api/v1/nodes`. */
  readonly path: string;
  readonly fieldSelector?: string;
  readonly pageSize?: number;
  readonly timing?: ReflectorTiming;
  /** What is kept of an object; must not throw. */
  readonly project: (object: ObjectJson) => Item;
  readonly onEvent: (event: Reflected<Item>) => void;
  readonly onContact: () => void;
  /** `undefined`: all is well again. */
  readonly onProblem: (problem: string | undefined) => void;
};

type WatchEnd = 'ended' | 'expired' | 'silent';

type WatchEvent = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: ObjectJson;
};

/** As client-go has it. */
const DEFAULT_PAGE_SIZE = 500;

export class Reflector<Item> {
  readonly #options: ReflectorOptions<Item>;
  readonly #timing: ReflectorTiming;
  readonly #catchUp: CatchUp<Reflected<Item>>;
  /** Where the next watch starts; `undefined`: list first. */
  #revision: string | undefined;
  /** Failures since the last good watch. */
  #failures = 0;
  #silences = 0;

  constructor(options: ReflectorOptions<Item>) {
    this.#options = options;
    this.#timing = options.timing ?? REFLECTOR_TIMING;
    this.#catchUp = new CatchUp(options.clock, options.onEvent);
  }

  /** Runs until `stop`. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const retryAfterMs = await this.#round(stop);
      if (this.#failures === 0) continue;
      const { clock, random } = this.#options;
      const waitMs = backoffMs(this.#timing.backoff, this.#failures, random());
      await clock.sleep(retryAfterMs + waitMs, stop);
    }
  }

  /** One list, if one is due, and one watch; returns how long the server asked to wait. */
  async #round(stop: AbortSignal): Promise<number> {
    try {
      this.#revision ??= await this.#list(stop);
      this.#settle(await this.#watch(this.#revision, stop));
      return 0;
    } catch (error) {
      if (stop.aborted) return 0;
      // Ours, not the server's: ends the process, as everywhere.
      if (error instanceof AssertionFailure) throw error;
      const retryAfterMs = error instanceof KubernetesApiError ? (error.retryAfterMs ?? 0) : 0;
      if (error instanceof KubernetesApiError && error.isExpired) {
        this.#settle('expired');
        return retryAfterMs;
      }
      this.#failures += 1;
      this.#catchUp.fallBehind();
      const problem = describeError(error);
      this.#options.onProblem(problem);
      this.#options.log.warn({ problem, failures: this.#failures }, 'lost touch with the API');
      return retryAfterMs;
    }
  }

  #settle(end: WatchEnd): void {
    const { log, path } = this.#options;
    switch (end) {
      case 'ended':
        return;
      case 'expired':
        log.info({ path }, 'the API no longer knows where the watch was: listing again');
        this.#revision = undefined;
        this.#failures += 1;
        return;
      case 'silent':
        // Once may be a frozen server. Twice may be a store that was set back: nothing would come.
        this.#silences += 1;
        if (this.#silences >= 2) this.#revision = undefined;
        this.#catchUp.fallBehind();
        this.#failures += 1;
        log.warn({ path }, 'the watch was silent for too long: connecting again');
        return;
      default:
        assertNever(end);
    }
  }

  /** The whole list, page by page; returns its revision. */
  async #list(stop: AbortSignal): Promise<string> {
    const { client, path, fieldSelector, pageSize, project } = this.#options;
    const items: Item[] = [];
    let page: ListEnvelope = {};
    do {
      const query = {
        limit: pageSize ?? DEFAULT_PAGE_SIZE,
        continue: page.metadata?.continue,
        fieldSelector,
      };
      const take = (object: unknown): void => {
        items.push(project(object as ObjectJson));
      };
      page = await client.list({ method: 'GET', path, query }, take, stop);
      this.#options.onContact();
    } while ((page.metadata?.continue ?? '') !== '');
    const revision = page.metadata?.resourceVersion;
    if (revision === undefined) {
      throw new KubernetesApiError(`GET ${path}`, 'the list has no resourceVersion', {});
    }
    this.#silences = 0;
    this.#options.onProblem(undefined);
    this.#catchUp.forget();
    this.#options.onEvent({ kind: 'listed', items });
    return revision;
  }

  async #watch(revision: string, stop: AbortSignal): Promise<WatchEnd> {
    const { client, clock, path, fieldSelector, random } = this.#options;
    const { min, max } = this.#timing.watchSeconds;
    const query = {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: revision,
      timeoutSeconds: Math.round(min + (max - min) * random()),
      fieldSelector,
    };
    const startedMs = clock.monotonicMs();
    const deadline = { clock, timeoutMs: this.#timing.openingMs, stop };
    const open = new AbortController();
    try {
      return await withDeadline(deadline, async (signal, extend) => {
        const pieces = await client.open({ method: 'GET', path, query }, signal);
        extend(this.#timing.silenceMs);
        this.#options.onProblem(undefined);
        void this.#catchUp.follow(open.signal);
        const end = await this.#follow(pieces, () => {
          extend(this.#timing.silenceMs);
          this.#options.onContact();
        });
        // Ended at once, without a word: as bad as a refusal.
        const isHealthy = clock.monotonicMs() - startedMs >= this.#timing.healthyAfterMs;
        if (end === 'ended' && !isHealthy) this.#failures += 1;
        return end;
      });
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      this.#options.onProblem(`watch ${path}: ${error.message}`);
      return 'silent';
    } finally {
      open.abort('over');
      const isHealthy = clock.monotonicMs() - startedMs >= this.#timing.healthyAfterMs;
      if (isHealthy) this.#failures = 0;
    }
  }

  async #follow(pieces: AsyncIterable<Buffer>, onPiece: () => void): Promise<WatchEnd> {
    for await (const line of readLines(pieces, onPiece)) {
      const operation = `watch ${this.#options.path}`;
      const { type, object } = parseEvent(operation, line);
      if (type === 'ERROR') throw statusError(operation, object);
      const revision = object.metadata?.resourceVersion;
      if (type === 'BOOKMARK' && isOlder(revision, this.#revision)) return 'expired';
      this.#revision = revision ?? this.#revision;
      this.#silences = 0;
      this.#emit(type, object);
    }
    return 'ended';
  }

  #emit(type: Exclude<WatchEvent['type'], 'ERROR'>, object: ObjectJson): void {
    const { name = '', uid = '' } = object.metadata ?? {};
    switch (type) {
      case 'ADDED':
      case 'MODIFIED': {
        const event = { kind: 'put', item: this.#options.project(object) } as const;
        this.#catchUp.take({ name, isGone: false, event });
        return;
      }
      case 'DELETED':
        this.#catchUp.take({ name, isGone: true, event: { kind: 'gone', name, uid } });
        return;
      case 'BOOKMARK':
        return;
      default:
        // A type that a later server may add.
        this.#options.log.debug({ type }, 'a watch event of an unknown type');
    }
  }
}

function parseEvent(operation: string, line: string): WatchEvent {
  try {
    return JSON.parse(line) as WatchEvent;
  } catch (cause) {
    throw new KubernetesApiError(operation, 'an event is not JSON', { cause });
  }
}
