// What the keeper of a subnet works with (subnet-keeper.ts): all of it comes in by parameter. This
// file holds no state and does nothing by itself.

import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Ip } from '../../net/ip.ts';
import type { EtcdApi } from './api.ts';
import type { Changes } from './changes.ts';
import type { KeyLayout } from './keys.ts';
import type { LeaseTiming } from './right.ts';
import type { EtcdTable } from './table.ts';

export type KeeperParts = {
  readonly api: EtcdApi;
  readonly layout: KeyLayout;
  readonly table: EtcdTable;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly nodeName: string;
  /** By which peers may reach this node, as far as it was told. */
  readonly addresses: readonly Ip[];
  readonly lease: LeaseTiming;
  /** What the node says of itself, for the values of the keys. */
  rendered(): { readonly value: string; readonly advert: string | undefined };
  problem(): string | undefined;
};
