// Watches: who follows which kind from which revision on. A change is rendered once for all that
// see it in the same way and then only written. A selector is applied to the object before and
// after the change: an object that leaves it is DELETED for this watcher. A reader that is too slow
// is dropped, as the real server does, since it can resume or list again.

import type { Clock } from '../../lib/clock.ts';
import type { Kind } from './kinds.ts';
import { apiVersionOf } from './kinds.ts';
import type { Representation } from './representation.ts';
import { renderEntry } from './representation.ts';
import type { Selector } from './selectors.ts';
import type { StatusBody } from './status.ts';
import { tooOldRevision } from './status.ts';
import type { Change, ChangeType, Entry, Store } from './store.ts';
import { atRevision } from './store.ts';

/** Where a watcher's lines go: one HTTP response. */
export type Sink = {
  write(bytes: Buffer): void;
  end(): void;
  destroy(): void;
  /** Written, but not yet taken by the connection. */
  bufferedBytes(): number;
};

export type WatchRequest = {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly selector: Selector | undefined;
  /** `undefined` or 0: the present objects first. */
  readonly revision: number | undefined;
  /** The present objects, then a bookmark that says so (WatchList). */
  readonly sendInitialEvents: boolean;
  readonly allowBookmarks: boolean;
  readonly timeoutMs: number;
  readonly representation: Representation;
};

type Watcher = WatchRequest & { readonly sink: Sink; readonly stop: AbortController };

/** The reason of a watcher's signal when its connection is not to be cut. */
const CLEAN_END = 'clean end';

const SLOWEST_READER_BYTES = 16 * 1024 * 1024;

export class WatchHub {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #watchers = new Set<Watcher>();
  readonly #unsubscribe: () => void;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#unsubscribe = store.subscribe((change) => this.#deliver(change));
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Serves one watch; resolves when it has ended, by its time, by either side, or by an error. */
  async serve(request: WatchRequest, sink: Sink, stop: AbortSignal): Promise<void> {
    const watcher: Watcher = { ...request, sink, stop: new AbortController() };
    if (!this.#begin(watcher)) {
      sink.end();
      return;
    }
    this.#watchers.add(watcher);
    const signal = AbortSignal.any([stop, watcher.stop.signal]);
    await this.#clock.sleep(request.timeoutMs, signal);
    this.#watchers.delete(watcher);
    if (!signal.aborted) {
      // The newest revision before a clean end, so that the client need not catch up.
      if (watcher.allowBookmarks) sink.write(bookmark(watcher.kind, this.#store.revision, false));
      sink.end();
    } else if (signal.reason === CLEAN_END) {
      sink.end();
    } else {
      sink.destroy();
    }
  }

  /** Tells every watcher that allows it how far the revisions are. */
  sendBookmarks(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.allowBookmarks) continue;
      watcher.sink.write(bookmark(watcher.kind, this.#store.revision, false));
    }
  }

  /** Ends watches in the rudest way; with `midLine` in the middle of an event. */
  drop(options: { readonly midLine: boolean }): void {
    for (const watcher of [...this.#watchers]) {
      if (options.midLine) watcher.sink.write(Buffer.from('{"type":"MODIFIED","object":{"meta'));
      this.#remove(watcher);
    }
  }

  /** Tells every watcher that its revision has expired, by an ERROR event, and ends the watches. */
  expireAll(): void {
    for (const watcher of [...this.#watchers]) {
      const { body } = tooOldRevision(0, this.#store.revision);
      watcher.sink.write(errorLine(body));
      this.#remove(watcher, CLEAN_END);
    }
  }

  stop(): void {
    this.#unsubscribe();
    for (const watcher of [...this.#watchers]) this.#remove(watcher);
  }

  /** What comes before the live changes; false when the watch is over already. */
  #begin(watcher: Watcher): boolean {
    const { kind, sink, revision } = watcher;
    const fromNow = revision === undefined || revision === 0;
    if (watcher.sendInitialEvents || fromNow) {
      const entries = this.#store.list(kind);
      for (const entry of entries === 'expired' ? [] : entries) {
        if (sees(watcher, entry)) sink.write(eventLine('ADDED', entry, watcher.representation));
      }
      if (watcher.sendInitialEvents && watcher.allowBookmarks) {
        sink.write(bookmark(kind, this.#store.revision, true));
      }
      return true;
    }
    // A revision from the future belongs to another life of the store.
    const changes =
      revision > this.#store.revision ? 'expired' : this.#store.changesSince(kind, revision);
    if (changes === 'expired') {
      sink.write(errorLine(tooOldRevision(revision, this.#store.oldestRevision).body));
      return false;
    }
    for (const change of changes) {
      const seen = seenChange(watcher, change);
      if (seen !== undefined) {
        sink.write(eventLine(seen.type, seen.entry, watcher.representation));
      }
    }
    return true;
  }

  #deliver(change: Change): void {
    const lines = new Map<string, Buffer>();
    for (const watcher of [...this.#watchers]) {
      if (watcher.kind !== change.entry.kind) continue;
      const seen = seenChange(watcher, change);
      if (seen === undefined) continue;
      const form = `${seen.type} ${watcher.representation.name}`;
      const line = lines.get(form) ?? eventLine(seen.type, seen.entry, watcher.representation);
      lines.set(form, line);
      watcher.sink.write(line);
      if (watcher.sink.bufferedBytes() > SLOWEST_READER_BYTES) this.#remove(watcher);
    }
  }

  #remove(watcher: Watcher, how?: typeof CLEAN_END): void {
    this.#watchers.delete(watcher);
    watcher.stop.abort(how);
  }
}

const sees = ({ namespace, selector }: WatchRequest, { object }: Entry): boolean =>
  (namespace === undefined || object.metadata.namespace === namespace) &&
  (selector === undefined || selector(object));

type SeenChange = { readonly type: ChangeType; readonly entry: Entry };

/** The change as this watcher sees it: what leaves its selection is deleted for it. */
function seenChange(watcher: WatchRequest, change: Change): SeenChange | undefined {
  const { entry, previous } = change;
  const before = previous !== undefined && sees(watcher, previous);
  const after = change.type !== 'DELETED' && sees(watcher, entry);
  if (after) return { type: before ? 'MODIFIED' : 'ADDED', entry };
  // As it last was for this watcher, under the revision by which it left.
  return before ? { type: 'DELETED', entry: atRevision(previous, entry.revision) } : undefined;
}

const LINE_END = Buffer.from('}\n');

const eventLine = (type: ChangeType, entry: Entry, representation: Representation): Buffer =>
  Buffer.concat([
    Buffer.from(`{"type":"${type}","object":`),
    renderEntry(entry, representation),
    LINE_END,
  ]);

const errorLine = (status: StatusBody): Buffer =>
  Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);

/** Only the revision and, once, the word that the initial objects are complete. */
function bookmark(kind: Kind, revision: number, initialEventsEnd: boolean): Buffer {
  const object = {
    kind: kind.kind,
    apiVersion: apiVersionOf(kind),
    metadata: {
      resourceVersion: String(revision),
      creationTimestamp: null,
      ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
  };
  return Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
}
