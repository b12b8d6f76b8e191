// etcd as far as its keys go: transactions with their conditions on one map, and the table that a
// node makes of it. What others write comes by `put` and `delete`, between two looks or after one.
// Leases, watches and faults are left to the real server (test/system/etcd).

import assert from 'node:assert/strict';
import type {
  Committed,
  Condition,
  EtcdApi,
  KeyValue,
  LeaseId,
  Listing,
  Transaction,
} from '../../src/source/etcd/api.ts';
import type { KeyLayout } from '../../src/source/etcd/keys.ts';
import { EtcdTable } from '../../src/source/etcd/table.ts';

export class EtcdKeys implements EtcdApi {
  readonly revoked: LeaseId[] = [];
  readonly #items = new Map<string, KeyValue>();
  #revision = 1;

  get(key: string): KeyValue | undefined {
    return this.#items.get(key);
  }

  put(key: string, value: string, lease: LeaseId): void {
    this.#revision += 1;
    this.#put(key, value, lease);
  }

  delete(key: string): void {
    this.#revision += 1;
    this.#items.delete(key);
  }

  tableOf(layout: KeyLayout): EtcdTable {
    const table = new EtcdTable(layout);
    table.list(this.#listing());
    return table;
  }

  async list(): Promise<Listing> {
    return this.#listing();
  }

  async transact({ conditions, writes }: Transaction): Promise<Committed> {
    const succeeded = conditions.every((condition) => this.#holds(condition));
    if (succeeded && writes.length > 0) this.#revision += 1;
    for (const write of succeeded ? writes : []) {
      if (write.kind === 'put') this.#put(write.key, write.value, write.lease);
      else this.#items.delete(write.key);
    }
    return { succeeded, revision: this.#revision };
  }

  async probe(): Promise<number> {
    return this.#revision;
  }

  async grant(): Promise<LeaseId> {
    return assert.fail('no leases here');
  }

  async renew(): Promise<number | undefined> {
    return assert.fail('no leases here');
  }

  /** Its keys stay. */
  async revoke(lease: LeaseId): Promise<void> {
    this.revoked.push(lease);
  }

  async watch(): Promise<never> {
    return assert.fail('nothing is watched here');
  }

  close(): void {}

  #listing(): Listing {
    return { items: [...this.#items.values()], revision: this.#revision };
  }

  #put(key: string, value: string, lease: LeaseId): void {
    const createRevision = this.#items.get(key)?.createRevision ?? this.#revision;
    this.#items.set(key, { key, value, createRevision, modRevision: this.#revision, lease });
  }

  #holds(condition: Condition): boolean {
    const { from, end } = condition;
    if (condition.is === 'absent') {
      const inRange = (key: string): boolean =>
        end === undefined ? key === from : key >= from && key < end;
      return ![...this.#items.keys()].some(inRange);
    }
    const item = this.#items.get(from);
    if (condition.is === 'bound-to') return item?.lease === condition.lease;
    return item?.modRevision === condition.revision;
  }
}
