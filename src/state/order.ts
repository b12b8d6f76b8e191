// The order of a list of ops, as a table: what protects comes first (sysctls, filters), what gives
// reach comes last, and removal goes the other way round. Adds come before removals, so that a path
// is there before another goes; only a link that must be made anew is removed right before.

import type { Op, OpObject } from './op.ts';

const ADD_RANK = {
  'nft-table': 0,
  'nft-element': 1,
  link: 2,
  sysctl: 3,
  qdisc: 3.5,
  address: 4,
  // A neighbour that is changed to another Ethernet address must find that one's entry.
  fdb: 5,
  neighbour: 6,
  nexthop: 7,
  route: 8,
  rule: 9,
} as const satisfies Record<OpObject['object'], number>;

const REMOVALS_AFTER = 100;

function rank(op: Op, addedLinks: ReadonlySet<string>): number {
  if (op.verb !== 'remove') return ADD_RANK[op.object];
  if (op.object === 'link' && addedLinks.has(op.value.name)) return ADD_RANK.link - 0.5;
  return REMOVALS_AFTER - ADD_RANK[op.object];
}

/** A new, stably sorted list. */
export function order(ops: readonly Op[]): Op[] {
  const addedLinks = new Set<string>();
  for (const op of ops)
    if (op.verb === 'add' && op.object === 'link') addedLinks.add(op.value.name);
  return ops
    .map((op) => ({ op, rank: rank(op, addedLinks) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ op }) => op);
}
