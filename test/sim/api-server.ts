// The cluster's API as all clients share it: the store, the handler and the watch hub of the
// embedded API, without HTTP, and beside it what a controller-manager does: podCIDRs, and the
// removal of what belongs to a deleted Node, which comes some seconds later, as the real one's.

import type { Answer } from '../../src/lab/api/answer.ts';
import { handle } from '../../src/lab/api/api-handler.ts';
import type { Kind } from '../../src/lab/api/kinds.ts';
import { apiVersionOf, KINDS, NAMESPACES, NODES } from '../../src/lab/api/kinds.ts';
import { createObject } from '../../src/lab/api/operations.ts';
import type { PodCidrRange } from '../../src/lab/api/pod-cidr-allocator.ts';
import { PodCidrController } from '../../src/lab/api/pod-cidr-controller.ts';
import type { Change, Entry } from '../../src/lab/api/store.ts';
import { keyOf, Store } from '../../src/lab/api/store.ts';
import { WatchHub } from '../../src/lab/api/watch.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { ApiCall } from '../../src/source/kubernetes/api.ts';
import type { SimTime } from './clock.ts';
import { ProcessClock } from './clock.ts';
import type { Random } from './random.ts';

export type SimApiOptions = {
  readonly time: SimTime;
  readonly random: Random;
  /** Empty: nobody allocates podCIDRs. */
  readonly podCidrRanges: readonly PodCidrRange[];
};

const BOOKMARK_INTERVAL_MS = 60_000;
/** How late the garbage collector is at most. */
const COLLECTION_MS = 5_000;
const SWITCHED_NAMESPACES = ['default', 'poplin'];

export class SimApiServer {
  readonly store: Store;
  readonly hub: WatchHub;
  readonly #time: SimTime;
  readonly #random: Random;
  /** When the store had which revision: what a server that lags by some time shows. */
  readonly #revisions: { readonly atMs: number; readonly revision: number }[] = [];

  constructor({ time, random, podCidrRanges }: SimApiOptions) {
    this.#time = time;
    this.#random = random;
    const clock = new ProcessClock(time);
    let uids = 0;
    const newUid = (): string => {
      uids += 1;
      return `00000000-0000-4000-8000-${uids.toString(16).padStart(12, '0')}`;
    };
    this.store = new Store({ clock, newUid, firstRevision: 1000 });
    this.hub = new WatchHub(this.store, clock);
    for (const name of SWITCHED_NAMESPACES) {
      createObject(this.store, { kind: NAMESPACES }, { metadata: { name } });
    }
    this.store.subscribe((change) => this.#onChange(change));
    new PodCidrController(this.store, podCidrRanges, silentLog).start();
    this.#bookmarks();
  }

  /** Throws StatusError, as the handler does. */
  answer(call: ApiCall, query: URLSearchParams): Answer {
    return handle(this.store, {
      method: call.method,
      path: call.path,
      query,
      accept: 'application/json',
      contentType: call.contentType ?? 'application/json',
      body: Buffer.from(call.body === undefined ? '' : JSON.stringify(call.body)),
    });
  }

  /** The newest revision of `lagMs` ago. */
  revisionBefore(lagMs: number): number {
    const limitMs = this.#time.nowMs - lagMs;
    let at = this.#revisions.length - 1;
    while (at > 0 && (this.#revisions[at]?.atMs ?? 0) > limitMs) at -= 1;
    return this.#revisions[at]?.revision ?? this.store.revision;
  }

  entries(kind: Kind): readonly Entry[] {
    const entries = this.store.list(kind);
    return entries === 'expired' ? [] : entries;
  }

  #onChange({ type, entry }: Change): void {
    this.#revisions.push({ atMs: this.#time.nowMs, revision: entry.revision });
    const uid = entry.object.metadata.uid;
    if (type === 'DELETED' && entry.kind === NODES) {
      for (const kind of KINDS) {
        for (const dependent of this.entries(kind)) {
          const owners = dependent.object.metadata.ownerReferences ?? [];
          if (owners.some((owner) => owner.uid === uid)) this.#collectSoon(dependent);
        }
      }
    } else if (type !== 'DELETED' && (entry.object.metadata.ownerReferences ?? []).length > 0) {
      this.#collectSoon(entry);
    }
  }

  /** Removes the object in a while if its owners are all gone then. */
  #collectSoon({ kind, key, object }: Entry): void {
    this.#time.after(this.#random.next() * COLLECTION_MS, () => {
      const current = this.store.get(kind, key);
      if (current === undefined || current.object.metadata.uid !== object.metadata.uid) return;
      const owners = current.object.metadata.ownerReferences ?? [];
      const isOrphan = owners.length > 0 && !owners.some((owner) => this.#isThere(owner));
      if (isOrphan) this.store.remove(current);
    });
  }

  #isThere(owner: { readonly apiVersion: string; kind: string; name: string; uid: string }) {
    const kind = KINDS.find(
      (one) => one.kind === owner.kind && apiVersionOf(one) === owner.apiVersion,
    );
    if (kind === undefined) return true;
    return this.store.get(kind, keyOf(undefined, owner.name))?.object.metadata.uid === owner.uid;
  }

  #bookmarks(): void {
    this.#time.after(BOOKMARK_INTERVAL_MS, () => {
      this.hub.sendBookmarks();
      this.#bookmarks();
    });
  }
}
