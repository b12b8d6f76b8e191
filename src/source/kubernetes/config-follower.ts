// What the watch of the ConfigMap with the configuration means: the text for the agent, or why
// there is none. Whether the text is right is for src/config to say.

import type { ClusterEvent } from '../../cluster/cluster.ts';
import type { Log } from '../../lib/log.ts';
import type { ConfigLocation } from './config-record.ts';
import { configOrigin } from './config-record.ts';
import type { Reflected } from './reflector.ts';

export class ConfigFollower {
  readonly #location: ConfigLocation;
  readonly #log: Log;
  #isListed = false;
  #missing: string | undefined;

  constructor(location: ConfigLocation, log: Log) {
    this.#location = location;
    this.#log = log;
  }

  get isListed(): boolean {
    return this.#isListed;
  }

  /** Why there is no configuration, while there is none. */
  get missing(): string | undefined {
    return this.#missing;
  }

  see(event: Reflected<string | undefined>, listener: (event: ClusterEvent) => void): void {
    const { namespace, name, key } = this.#location;
    const origin = configOrigin(this.#location);
    this.#isListed = true;
    if (this.#location.isUnused === true) return;
    const items = event.kind === 'listed' ? event.items : event.kind === 'put' ? [event.item] : [];
    const [found] = items;
    if (found !== undefined) {
      this.#missing = undefined;
      listener({ kind: 'config-put', config: { text: found, origin } });
      return;
    }
    this.#missing =
      items.length > 0
        ? `ConfigMap ${namespace}/${name} has no key ${key}: waiting for it`
        : `ConfigMap ${namespace}/${name} does not exist: waiting for it`;
    this.#log.warn({ origin }, this.#missing);
    listener({ kind: 'config-gone' });
  }
}
