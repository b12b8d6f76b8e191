// The right to a subnet as it follows from a lease in etcd: until when, and when to renew it. etcd
// counts from the moment at which it got the question, we count from the one before we asked: so
// ours ends first. The margin is for clocks that do not run alike. Pure.

import type { HoldingEnd } from '../../cluster/holding.ts';
import type { Cidr } from '../../net/cidr.ts';
import type { LeaseId } from './api.ts';
import { parseSubnetKeyName } from './keys.ts';

export type LeaseTiming = {
  /** How long a subnet stays a node's own without word of it. */
  readonly leaseSeconds: number;
  /** How long before the end the node stops using it. */
  readonly renewMarginSeconds: number;
};

/** Flannel's. */
export const LEASE_TIMING: LeaseTiming = { leaseSeconds: 86_400, renewMarginSeconds: 3_600 };

export type Right = {
  readonly lease: LeaseId;
  readonly machine: string;
  /** Further ones among them. */
  readonly subnets: readonly Cidr[];
  /** Name of the first subnet key. */
  readonly subnetKey: string;
  /** Infinity of what never ends. */
  readonly end: HoldingEnd;
  readonly renewAtBoottimeMs: number;
};

/** Renewals in the time that a right lasts, and at least this often. */
const RENEWALS = 4;
const RENEWAL_INTERVAL_MAX_MS = 600_000;

export function rightFrom(
  identity: Pick<Right, 'lease' | 'machine' | 'subnets' | 'subnetKey'>,
  asked: HoldingEnd & { readonly ttlMs: number },
  { leaseSeconds, renewMarginSeconds }: LeaseTiming,
): Right {
  const { boottimeMs, wallClockMs, ttlMs } = asked;
  // A lease of another length, from an agent with other options, keeps the margin's share.
  const marginMs = Math.min(renewMarginSeconds * 1000, (ttlMs * renewMarginSeconds) / leaseSeconds);
  const usableMs = Math.max(0, ttlMs - marginMs);
  return {
    ...identity,
    end: { boottimeMs: boottimeMs + usableMs, wallClockMs: wallClockMs + usableMs },
    renewAtBoottimeMs: boottimeMs + Math.min(usableMs / RENEWALS, RENEWAL_INTERVAL_MAX_MS),
  };
}

export const renewalDueMs = ({ renewAtBoottimeMs }: Right): number => renewAtBoottimeMs;

/** The first subnet of each family. */
export const firstOf = ({ subnetKey }: Pick<Right, 'subnetKey'>): readonly Cidr[] =>
  parseSubnetKeyName(subnetKey) ?? [];

/** What remains when the first subnets become these. */
export function withFirst(right: Right, firsts: readonly Cidr[]): Right {
  const given = firstOf(right).filter((subnet) => !firsts.includes(subnet));
  return { ...right, subnets: right.subnets.filter((subnet) => !given.includes(subnet)) };
}

/** Nothing of a right without end. */
export const holdingEnd = ({ end }: Right): { readonly end?: HoldingEnd } =>
  Number.isFinite(end.boottimeMs) ? { end } : {};
