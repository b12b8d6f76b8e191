// What an agent needs of whoever speaks BGP for its node: each pass tells it what there is to say,
// and it tells how its BIRD is. Without one the node works by all other backends.

import type { BirdLife } from '../backend/backend.ts';
import type { LocalAddress } from '../bgp/speaker-types.ts';
import type { SessionFacts } from '../bird/causes.ts';
import type { Remembered, Synced } from '../cluster/cluster.ts';
import type { Config } from '../config/config.ts';
import type { LastPass } from './reconciler.ts';

export type BgpPass = {
  /** With the families that are served. */
  readonly config: Config;
  readonly cluster: Synced | Remembered;
  readonly outcome: Pick<LastPass, 'desired' | 'underlay'> & {
    readonly addresses: readonly LocalAddress[];
  };
};

export interface BgpSpeaker {
  /** Undefined while nothing is known of a BIRD. */
  readonly life: BirdLife | undefined;
  /** What was configured and is left out on this node, in words. */
  readonly problems: readonly string[];
  /** By the name that a session has in BIRD; of those that are absent nothing is known. */
  readonly sessionFacts: ReadonlyMap<string, SessionFacts>;
  follow(pass: BgpPass): void;
  /** Until `stop`; `changed`: another pass is due, as what it says by is another. */
  run(changed: () => void, stop: AbortSignal): Promise<void>;
}
