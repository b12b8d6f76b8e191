// How long sessions stay that the configuration no longer asks for: until each node says that it
// goes by the same configuration, and a while for the sessions that come instead. Only then there
// is another way for each route. One that is dead or stuck is waited for no longer than a few
// minutes. Nothing is remembered over a restart.

import { withKeptSessions } from '../bgp/keep-sessions.ts';
import type { Speaker } from '../bgp/speaker-types.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { Clock } from '../lib/clock.ts';

/** Sessions come up within some seconds, on a slow machine too, and then routes have to spread. */
const SETTLE_MS = 20_000;
/** A mounted ConfigMap takes the kubelet a minute or two. */
const KEEP_MS = 300_000;

type Keeping = {
  /** Of the configuration that ended them. */
  readonly hash: string;
  readonly sinceMs: number;
  /** Since when all nodes go by it. */
  readonly agreedMs: number | undefined;
};

type Asked = {
  readonly hash: string;
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  /** Of these nodes; theirs bring nothing. */
  readonly dead: ReadonlySet<string>;
};

export class KeptSessions {
  readonly #clock: Clock;
  #said: Speaker | undefined;
  #keeping: Keeping | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether what `with` yields would be another by now, if nothing else has changed. */
  get isOver(): boolean {
    return this.#keeping !== undefined && this.#isOver(this.#keeping);
  }

  /** What is to be said: what is wanted, and what has to stay beside it. */
  with(wanted: Speaker, { hash, nodes, dead }: Asked): Speaker {
    const merged = this.#merged(wanted, (name) => nodes.has(name) && !dead.has(name));
    if (merged === wanted) {
      this.#keeping = undefined;
    } else {
      const nowMs = this.#clock.monotonicMs();
      const before =
        this.#keeping?.hash === hash
          ? this.#keeping
          : { hash, sinceMs: nowMs, agreedMs: undefined };
      const agreedMs = isAgreed(hash, nodes) ? (before.agreedMs ?? nowMs) : undefined;
      this.#keeping = { ...before, agreedMs };
    }
    const isKept = this.#keeping !== undefined && !this.#isOver(this.#keeping);
    if (!isKept) this.#keeping = undefined;
    this.#said = isKept ? merged : wanted;
    return this.#said;
  }

  /** Nothing is said any more. */
  forget(): void {
    this.#said = undefined;
    this.#keeping = undefined;
  }

  #merged(wanted: Speaker, isAlive: (name: string) => boolean): Speaker {
    if (this.#said === undefined) return wanted;
    return withKeptSessions(wanted, this.#said, isAlive);
  }

  #isOver({ sinceMs, agreedMs }: Keeping): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isSettled = agreedMs !== undefined && nowMs - agreedMs >= SETTLE_MS;
    return isSettled || nowMs - sinceMs >= KEEP_MS;
  }
}

const isAgreed = (hash: string, nodes: Asked['nodes']): boolean =>
  [...nodes.values()].every(({ advert }) => advert === undefined || advert.config === hash);
