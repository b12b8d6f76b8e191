// What a node does again and again with keys that are its own: it renews their lease, which yields
// the right until a later end, and says its addresses anew where it has others than when it
// claimed. Who decides when is subnet-keeper.ts.

import { NO_LEASE } from './api.ts';
import { addressTransaction } from './claim.ts';
import type { KeeperParts } from './keeper-parts.ts';
import type { Right } from './right.ts';
import { rightFrom } from './right.ts';
import type { HolderEntry } from './table.ts';

type RenewalParts = Pick<KeeperParts, 'api' | 'clock' | 'lease' | 'addresses' | 'table'>;

/** `undefined`: etcd says that the lease is no more. Rejects with AppError. */
export async function renewedRight(
  { api, clock, lease: timing, table }: RenewalParts,
  entry: HolderEntry,
  stop: AbortSignal,
): Promise<Right | undefined> {
  const asked = { boottimeMs: clock.boottimeMs(), wallClockMs: clock.now().getTime() };
  const { lease } = entry.item;
  const { subnetKey, machine } = entry.holder;
  const subnets = table.ownSubnets(entry);
  const identity = { lease, subnets, subnetKey, machine };
  // Somebody has pinned it for this node: it never ends.
  if (lease === NO_LEASE) {
    return rightFrom(identity, { ...asked, ttlMs: Number.POSITIVE_INFINITY }, timing);
  }
  const ttlSeconds = await api.renew(lease, stop);
  if (ttlSeconds === undefined) return undefined;
  return rightFrom(identity, { ...asked, ttlMs: ttlSeconds * 1000 }, timing);
}

/** The revision at which they were written; `undefined`: they are as they should be. */
export async function correctAddresses(
  { api, addresses }: RenewalParts,
  entry: HolderEntry,
  stop: AbortSignal,
): Promise<number | undefined> {
  const transaction = addressTransaction(entry, addresses);
  if (transaction === undefined) return undefined;
  const { succeeded, revision } = await api.transact(transaction, stop);
  return succeeded ? revision : 0;
}
