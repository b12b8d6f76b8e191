// What an operator says of the addresses that a node is to be reached at, by flags, and what the
// datastore says in their absence. Parsed by src/cli/underlay-options.ts, obeyed by underlay.ts.
// The annotations of the Node that say the same are in src/cluster/node.ts.

import type { Ip } from '../net/ip.ts';

export type UnderlayWish = {
  /** Names or addresses of links, in the order in which they are tried. */
  readonly interfaces: readonly string[];
  /** Matched with addresses first, then with names. */
  readonly patterns: readonly { readonly text: string; readonly expression: RegExp }[];
  /** The links by which these are reached. */
  readonly canReach: readonly Ip[];
  /** At most one per family. */
  readonly publicIps: readonly Ip[];
  /** Absent: the Node's InternalIPs count. Where there are none of a family: the default route. */
  readonly nodeIps?: readonly Ip[];
};

export const NO_WISH: UnderlayWish = {
  interfaces: [],
  patterns: [],
  canReach: [],
  publicIps: [],
};

/** Whether links are named: then nothing else chooses one. */
export const namesLinks = ({ interfaces, patterns, canReach }: UnderlayWish): boolean =>
  interfaces.length + patterns.length + canReach.length > 0;
