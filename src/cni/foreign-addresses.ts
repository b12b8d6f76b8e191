// Addresses of this node's subnets that pods of another network have: taken for ours. One that such
// a pod leaves rests like any other, so that a late packet reaches nobody.

import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Ip } from '../net/ip.ts';
import type { RestLog } from './rest-log.ts';

type Settings = {
  /** As they are now; absent where there is no other network. */
  readonly foreignAddresses?: (() => ReadonlySet<Ip>) | undefined;
  readonly log: Log;
};

export class ForeignAddresses {
  readonly #settings: Settings;
  readonly #restLog: Pick<RestLog, 'release'>;
  #known: ReadonlySet<Ip> = new Set();

  constructor(settings: Settings, restLog: Pick<RestLog, 'release'>) {
    this.#settings = settings;
    this.#restLog = restLog;
  }

  /** Those that are taken, and the foreign ones. */
  joined(taken: ReadonlySet<Ip>): ReadonlySet<Ip> {
    const now = this.#settings.foreignAddresses?.();
    if (now === undefined || now.size + this.#known.size === 0) return taken;
    const left = [...this.#known].filter((address) => !now.has(address));
    this.#known = new Set(now);
    if (left.length > 0) this.#rest(left);
    return now.size === 0 ? taken : new Set([...taken, ...now]);
  }

  #rest(addresses: readonly Ip[]): void {
    try {
      this.#restLog.release(addresses);
    } catch (error) {
      const told = { addresses, error: describeError(error) };
      this.#settings.log.warn(told, 'the order of released addresses is lost');
    }
  }
}
