// What a node has left in etcd: its advert, its holder key and the subnet keys that it names. They
// are deleted only as they were read, and only those of this machine.

import { parseAdvert } from '../../cluster/advert.ts';
import { AppError } from '../../lib/errors.ts';
import type { Trace, Withdrawal } from '../withdrawal.ts';
import type { Condition, EtcdApi, KeyValue } from './api.ts';
import { NO_LEASE } from './api.ts';
import { parseHolder } from './holder.ts';
import type { KeyLayout } from './keys.ts';
import { keyLayout, subnetKeyName } from './keys.ts';
import { keysOfNode } from './table.ts';

export type EtcdWithdrawalOptions = {
  readonly api: EtcdApi;
  readonly prefix: string;
  readonly nodeName: string;
  /** Of this machine. */
  readonly machine: string;
};

export class EtcdWithdrawal implements Withdrawal {
  readonly place = 'etcd';
  readonly #options: EtcdWithdrawalOptions;
  readonly #layout: KeyLayout;

  constructor(options: EtcdWithdrawalOptions) {
    this.#options = options;
    this.#layout = keyLayout(options.prefix);
  }

  async adverts(stop: AbortSignal): Promise<readonly Trace[]> {
    const { nodeName, machine } = this.#options;
    const item = await this.#read(keysOfNode(this.#layout, nodeName).advert, stop);
    const said = item === undefined ? undefined : parseAdvert(item.value);
    if (item === undefined || said?.kind !== 'ok' || said.advert.machine !== machine) return [];
    return [this.#trace([item])];
  }

  /** etcd's lease goes with them: nothing else is bound to it. */
  async claims(stop: AbortSignal): Promise<readonly Trace[]> {
    const { nodeName, machine } = this.#options;
    const item = await this.#read(keysOfNode(this.#layout, nodeName).holder, stop);
    const holder = item === undefined ? undefined : parseHolder(item.value);
    if (item === undefined || holder?.machine !== machine) return [];
    const names = [holder.subnetKey, ...holder.further.map((subnet) => subnetKeyName([subnet]))];
    const found = await Promise.all(
      names.map((name) => this.#read(this.#layout.subnets + name, stop)),
    );
    // One of another lease was written by somebody else since.
    const subnets = found.filter((each) => each?.lease === item.lease);
    const { what, remove } = this.#trace([...subnets.flatMap((each) => each ?? []), item]);
    const revoke = async (signal: AbortSignal): Promise<void> => {
      await remove(signal);
      if (item.lease !== NO_LEASE) await this.#options.api.revoke(item.lease, signal);
    };
    return [{ what, remove: revoke }];
  }

  close(): void {
    this.#options.api.close();
  }

  #trace(items: readonly KeyValue[]): Trace {
    const conditions = items.map(
      ({ key, modRevision }): Condition => ({
        from: key,
        is: 'modified-at',
        revision: modRevision,
      }),
    );
    const writes = items.map(({ key }) => ({ kind: 'delete', key }) as const);
    const names = items.map(({ key }) => key).join(', ');
    const what = `etcd ${items.length === 1 ? 'key' : 'keys'} ${names}`;
    return {
      what,
      remove: async (stop) => {
        const { succeeded } = await this.#options.api.transact({ conditions, writes }, stop);
        if (!succeeded) throw new AppError('ETCD', `delete ${what}`, 'somebody has written there');
      },
    };
  }

  async #read(key: string, stop: AbortSignal): Promise<KeyValue | undefined> {
    const { items } = await this.#options.api.list({ from: key }, stop);
    return items.find((item) => item.key === key);
  }
}
