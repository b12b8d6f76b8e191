// Says in the own Node's condition that the network works, once the peers are programmed and never
// before: until then the node stays tainted, and no pod is scheduled to it. Tried until it is
// taken, and again for each new Node object of this name. It never holds up the loop.

import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Source } from '../source/source.ts';
import type { RunResult } from './runner.ts';
import { BoundedRunner } from './runner.ts';
import { SOURCE_WRITE_LIMITS, trySourceWrite } from './source-write.ts';

export type NetworkConditionParts = {
  readonly source: Pick<Source, 'setNetworkAvailable'>;
  readonly clock: Clock;
  readonly log: Log;
};

export class NetworkCondition {
  readonly #parts: NetworkConditionParts;
  readonly #runner: BoundedRunner;
  /** Identity of the Node object for which the network works. */
  #uid: string | undefined;

  constructor(parts: NetworkConditionParts) {
    this.#parts = parts;
    this.#runner = new BoundedRunner((stop) => this.#set(stop), SOURCE_WRITE_LIMITS, parts.clock);
  }

  /** A pass has programmed every peer, on the node that this Node object stands for. */
  programmed(nodeUid: string): void {
    if (nodeUid === this.#uid) return;
    this.#uid = nodeUid;
    this.#runner.trigger();
  }

  run(stop: AbortSignal): Promise<void> {
    return this.#runner.run(stop);
  }

  async #set(stop: AbortSignal): Promise<RunResult> {
    if (this.#uid === undefined) return 'done';
    const { source, log } = this.#parts;
    const notYet = "the Node's condition is not set yet";
    return trySourceWrite((signal) => source.setNetworkAvailable(signal), { log, stop, notYet });
  }
}
