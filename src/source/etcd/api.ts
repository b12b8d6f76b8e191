// What is asked of etcd: ranges, transactions, leases and watches, in the words of etcd's own v3
// API, with keys and values as text and revisions as numbers. connection.ts speaks it to a real
// server. Everything that takes a signal is bounded in time and rejects with EtcdError alone.

/** A lease's number, which may be larger than a JavaScript number. '0' is no lease. */
export type LeaseId = string;

export const NO_LEASE: LeaseId = '0';

export type KeyValue = {
  readonly key: string;
  readonly value: string;
  /** Of the transaction that made the key: another one for a key that was made again. */
  readonly createRevision: number;
  readonly modRevision: number;
  readonly lease: LeaseId;
};

/** From `from` on, without `end`; with `end` absent the one key. */
export type KeyRange = { readonly from: string; readonly end?: string };

export type Condition = KeyRange &
  (
    | { readonly is: 'absent' }
    | { readonly is: 'modified-at'; readonly revision: number }
    | { readonly is: 'bound-to'; readonly lease: LeaseId }
  );

export type Write =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly value: string;
      readonly lease: LeaseId;
    }
  | { readonly kind: 'delete'; readonly key: string };

export type Transaction = {
  /** All must hold, else nothing is written. A range is absent when no key of it is there. */
  readonly conditions: readonly Condition[];
  readonly writes: readonly Write[];
};

export type Committed = {
  readonly succeeded: boolean;
  /** Of the store, after the transaction. */
  readonly revision: number;
};

export type Listing = { readonly items: readonly KeyValue[]; readonly revision: number };

export type Change =
  | { readonly kind: 'put'; readonly item: KeyValue }
  | { readonly kind: 'delete'; readonly key: string };

export type WatchHandlers = {
  /** The server has accepted the watch. */
  onOpen(): void;
  /** With these, all changes up to `revision` have come. */
  onChanges(changes: readonly Change[], revision: number): void;
};

export type WatchEnd =
  | { readonly kind: 'stopped' }
  /** The revision asked for is not there, forgotten or lost: only a new list helps. */
  | { readonly kind: 'compacted' }
  | { readonly kind: 'ended'; readonly problem: string };

export interface EtcdApi {
  /** All keys of a range at one revision, in pages. */
  list(range: KeyRange, stop: AbortSignal): Promise<Listing>;
  /** A read that a majority has agreed to: proves that etcd is there. Yields the revision. */
  probe(key: string, stop: AbortSignal): Promise<number>;
  /** After an EtcdError it may have been carried out or not. */
  transact(transaction: Transaction, stop: AbortSignal): Promise<Committed>;
  grant(ttlSeconds: number, stop: AbortSignal): Promise<LeaseId>;
  /** Seconds that the lease has from now on; undefined when it is no more. */
  renew(lease: LeaseId, stop: AbortSignal): Promise<number | undefined>;
  revoke(lease: LeaseId, stop: AbortSignal): Promise<void>;
  /** Never rejects; whoever wants to go on watches again. */
  watch(request: WatchRequest, stop: AbortSignal): Promise<WatchEnd>;
  close(): void;
}

export type WatchRequest = {
  readonly range: KeyRange;
  /** The first one that is told. */
  readonly fromRevision: number;
  readonly handlers: WatchHandlers;
};
