// The objects of the embedded API, in memory, under one revision counter that every write raises.
// Each object is serialised once and its bytes are kept, since lists and watches send them over and
// over. A bounded history of changes serves watches and lists at an earlier revision; who asks for
// more than it holds is told so ('expired'). It must not know HTTP or the rules of any kind.

import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Kind } from './kinds.ts';
import { apiVersionOf } from './kinds.ts';
import type { KubeObject } from './object.ts';

export type Entry = {
  readonly kind: Kind;
  /** `name`, or `namespace/name`: the order of lists. */
  readonly key: string;
  readonly object: KubeObject;
  readonly revision: number;
  /** The JSON text without its leading `{`, kind and apiVersion: see entryJson. */
  readonly tail: Buffer;
};

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

export type Change = {
  readonly type: ChangeType;
  readonly revision: number;
  /** After the change; for DELETED the last state, with the revision of the deletion. */
  readonly entry: Entry;
  /** Before the change; absent for ADDED. */
  readonly previous?: Entry;
};

/** What writing an object needs of the store; a dry run has another behind it. */
export type ObjectStore = Pick<Store, 'clock' | 'newUid' | 'get' | 'put' | 'remove'>;

export type StoreOptions = {
  readonly clock: Clock;
  readonly newUid: () => string;
  /** How many changes are kept for watches and old lists. */
  readonly historyLength?: number;
  /**
   * Where the revisions start. The default is the time of day in microseconds: a store that starts
   * again, empty, is then ahead of all that its former clients remember, and tells them 'expired'.
   */
  readonly firstRevision?: number;
};

export class Store {
  readonly clock: Clock;
  readonly newUid: () => string;
  readonly #historyLength: number;
  readonly #entries = new Map<Kind, Map<string, Entry>>();
  readonly #sortedKeys = new Map<Kind, readonly string[]>();
  readonly #listeners = new Set<(change: Change) => void>();
  #history: Change[] = [];
  #undelivered: Change[] = [];
  #revision: number;
  /** Changes up to this revision are forgotten. */
  #compacted: number;

  constructor(options: StoreOptions) {
    this.clock = options.clock;
    this.newUid = options.newUid;
    this.#historyLength = options.historyLength ?? 10_000;
    this.#revision = options.firstRevision ?? options.clock.now().getTime() * 1000;
    this.#compacted = this.#revision;
  }

  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision that a watch can still start from. */
  get oldestRevision(): number {
    return this.#compacted;
  }

  get(kind: Kind, key: string): Entry | undefined {
    return this.#entries.get(kind)?.get(key);
  }

  /** In the order of the keys, as they are now or were at `atRevision`. */
  list(kind: Kind, atRevision = this.#revision): readonly Entry[] | 'expired' {
    const entries = this.#entries.get(kind) ?? new Map<string, Entry>();
    if (atRevision >= this.#revision) {
      const keys = this.#sortedKeys.get(kind) ?? [...entries.keys()].sort();
      this.#sortedKeys.set(kind, keys);
      return keys.flatMap((key) => entries.get(key) ?? []);
    }
    const changes = this.changesSince(kind, atRevision);
    if (changes === 'expired') return 'expired';
    const past = new Map(entries);
    for (const { entry, previous } of changes.toReversed()) {
      if (previous === undefined) past.delete(entry.key);
      else past.set(entry.key, previous);
    }
    return [...past.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** The changes of one kind after `revision`, oldest first. */
  changesSince(kind: Kind, revision: number): readonly Change[] | 'expired' {
    if (revision < this.#compacted) return 'expired';
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#history[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#history.slice(low).filter((change) => change.entry.kind === kind);
  }

  /** Stores the object under a new revision, whatever was there before. */
  put(kind: Kind, object: KubeObject): Entry {
    const entry = makeEntry(kind, object, this.#revision + 1);
    const entries = this.#entries.get(kind) ?? new Map<string, Entry>();
    this.#entries.set(kind, entries);
    const previous = entries.get(entry.key);
    if (previous === undefined) this.#sortedKeys.delete(kind);
    entries.set(entry.key, entry);
    this.#commit(
      previous === undefined
        ? { type: 'ADDED', revision: entry.revision, entry }
        : { type: 'MODIFIED', revision: entry.revision, entry, previous },
    );
    return entry;
  }

  remove(previous: Entry): Entry {
    const removed = this.#entries.get(previous.kind)?.delete(previous.key) ?? false;
    assert(removed, `${previous.kind.resource} ${previous.key} is not in the store`);
    this.#sortedKeys.delete(previous.kind);
    const entry = makeEntry(previous.kind, previous.object, this.#revision + 1);
    this.#commit({ type: 'DELETED', revision: entry.revision, entry, previous });
    return entry;
  }

  /** Every later change, in order. A listener may write: its changes come after the current one. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets the history, as etcd's compaction does. */
  compact(): void {
    this.#history = [];
    this.#compacted = this.#revision;
  }

  #commit(change: Change): void {
    this.#revision = change.revision;
    this.#history.push(change);
    // In blocks, so that the array is not moved at each write.
    if (this.#history.length >= this.#historyLength * 2) {
      const forgotten = this.#history.splice(0, this.#history.length - this.#historyLength);
      this.#compacted = forgotten.at(-1)?.revision ?? this.#compacted;
    }
    this.#undelivered.push(change);
    if (this.#undelivered.length > 1) return;
    try {
      for (const next of this.#undelivered) {
        for (const listener of this.#listeners) listener(next);
      }
    } finally {
      this.#undelivered = [];
    }
  }
}

export const keyOf = (namespace: string | undefined, name: string): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** The complete JSON of an object, with kind and apiVersion. */
export const entryJson = (entry: Entry): Buffer =>
  Buffer.concat([kindHead(entry.kind), entry.tail]);

/** `{"kind":…,"apiVersion":…,`: what stands before an entry's tail when it is on its own. */
const kindHead = (kind: Kind): Buffer =>
  Buffer.from(`{"kind":"${kind.kind}","apiVersion":"${apiVersionOf(kind)}",`);

/** Answers as the store would, and keeps nothing: what is made keeps the revision that it has. */
export const dryRunOf = (store: Store): ObjectStore => ({
  clock: store.clock,
  newUid: store.newUid,
  get: (kind, key) => store.get(kind, key),
  put: (kind, object) => draftEntry(kind, object, store.revision),
  remove: (entry) => entry,
});

/** The same object under another revision. */
export const atRevision = ({ kind, object }: Entry, revision: number): Entry =>
  makeEntry(kind, object, revision);

function makeEntry(kind: Kind, object: KubeObject, revision: number): Entry {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...members } = object;
  const stored = { metadata: { ...metadata, resourceVersion: String(revision) }, ...members };
  return draftEntry(kind, stored, revision);
}

/** An entry that the store does not have; `stored` has neither kind nor apiVersion. */
export function draftEntry(kind: Kind, stored: KubeObject, revision: number): Entry {
  const { metadata } = stored;
  const key = keyOf(kind.namespaced ? metadata.namespace : undefined, metadata.name ?? '');
  return {
    kind,
    key,
    object: stored,
    revision,
    tail: Buffer.from(JSON.stringify(stored).slice(1)),
  };
}
