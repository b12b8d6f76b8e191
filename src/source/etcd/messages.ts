// Our words for etcd's requests and answers in those of the package etcd3. Types only are imported:
// the package itself is loaded by connection.ts alone. Pure.

import type {
  ICompare,
  IEvent,
  IKeyValue,
  IRangeRequest,
  IRequestOp,
  ITxnRequest,
  ITxnResponse,
} from 'etcd3';
import type { Change, Committed, Condition, KeyRange, KeyValue, Transaction } from './api.ts';

export const rangeRequest = ({ from, end }: KeyRange): IRangeRequest => ({
  key: Buffer.from(from),
  ...(end === undefined ? {} : { range_end: Buffer.from(end) }),
});

/** A copy: a key or value must not keep the whole answer that it came in alive. */
export const itemOf = (item: IKeyValue): KeyValue => ({
  key: item.key.toString('utf8'),
  value: item.value.toString('utf8'),
  createRevision: Number(item.create_revision),
  modRevision: Number(item.mod_revision),
  lease: item.lease,
});

export type WatchedChange = Change & { readonly revision: number };

export function changeOf({ type, kv }: IEvent): WatchedChange {
  const revision = Number(kv.mod_revision);
  return String(type).toLowerCase() === 'delete'
    ? { kind: 'delete', key: kv.key.toString('utf8'), revision }
    : { kind: 'put', item: itemOf(kv), revision };
}

export function transactionRequest({ conditions, writes }: Transaction): ITxnRequest {
  const success: IRequestOp[] = writes.map((write) =>
    write.kind === 'put'
      ? {
          request_put: {
            key: Buffer.from(write.key),
            value: Buffer.from(write.value),
            lease: write.lease,
          },
        }
      : { request_delete_range: { key: Buffer.from(write.key) } },
  );
  return { compare: conditions.map(compareOf), success, failure: [] };
}

function compareOf(condition: Condition): ICompare {
  const range = rangeRequest(condition) as Pick<ICompare, 'key' | 'range_end'>;
  switch (condition.is) {
    case 'absent':
      return { ...range, ...compared('Version'), version: 0 };
    case 'modified-at':
      return { ...range, ...compared('Mod'), mod_revision: condition.revision };
    case 'bound-to':
      return { ...range, ...compared('Lease'), lease: condition.lease };
  }
}

/** The names of the protocol: etcd3's enumerations would have to be loaded for their numbers. */
const compared = (target: 'Version' | 'Mod' | 'Lease'): Pick<ICompare, 'target' | 'result'> =>
  ({ target, result: 'Equal' }) as unknown as Pick<ICompare, 'target' | 'result'>;

export const committedOf = ({ succeeded, header }: ITxnResponse): Committed => ({
  succeeded,
  revision: Number(header.revision),
});
