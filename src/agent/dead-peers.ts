// Which peers BIRD is to have no session with since they are dead: a BIRD that restarts waits for
// everybody that it has one with, and announces nothing meanwhile. Dead is only whom this agent has
// heard before and hears no more, for a good while and over every path, and of whom BIRD holds
// nothing either: no session, no routes. So nothing is lost by it, and a network that passes no
// probes has no dead peers. Who answers is alive at once, and so is who publishes something new.

import { isDeepStrictEqual } from 'node:util';
import { NODE_PREFIX, protocolName } from '../bgp/names.ts';
import type { BirdSession } from '../bird/sessions.ts';
import type { Advert } from '../cluster/advert.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { FAMILIES } from '../net/family.ts';
import type { BirdView } from './bird-keeper.ts';
import type { Tracks } from './path-track.ts';

/** Longer than most networks take to heal, and many nodes to start anew. */
const SILENT_MS = 60_000;
/** Where nobody is heard for so long, it is this node that is cut off. */
const DEAF_MS = 20_000;

export type DeadPeersParts = {
  readonly tracks: () => Tracks;
  readonly view: () => Pick<BirdView, 'running' | 'sessions'>;
  readonly clock: Clock;
  readonly log: Log;
};

type Peer = {
  readonly uid: string;
  readonly advert: Advert | undefined;
  /** Before it nothing counts: there was a session, or the peer had something new to say. */
  readonly freshMs: number;
  readonly wasHeard: boolean;
  /** Of the last probe that came back, and of the first and last one since that did not. */
  readonly heardMs: number;
  readonly silentSinceMs: number | undefined;
  readonly silentUntilMs: number;
  readonly isDead: boolean;
};

type Told = {
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly self: string;
  /** What BIRD starts by, as the agent before this one left it. */
  readonly good: string | undefined;
};

const NEVER_MS = Number.NEGATIVE_INFINITY;

export class DeadPeers {
  readonly #parts: DeadPeersParts;
  #peers = new Map<string, Peer>();
  #dead: ReadonlySet<string> = new Set();
  #noticed: ReadonlySet<string> = new Set();
  /** Since when this node hears others and its BIRD tells of sessions; undefined: it does not. */
  #ableSinceMs: number | undefined;
  #isFirst = true;

  constructor(parts: DeadPeersParts) {
    this.#parts = parts;
  }

  /** Whether `look` would say another by now; said once. */
  get hasNews(): boolean {
    this.#judge();
    const dead = this.#deadNow();
    const isSame = dead.size === this.#noticed.size && [...dead].every((n) => this.#noticed.has(n));
    this.#noticed = dead;
    return !isSame;
  }

  get isAny(): boolean {
    return this.#dead.size > 0;
  }

  /** By name, among these nodes. */
  look({ nodes, self, good }: Told): ReadonlySet<string> {
    const nowMs = this.#parts.clock.monotonicMs();
    const isOut = this.#isFirst ? outIn(good ?? '') : () => false;
    this.#isFirst = false;
    const peers = new Map<string, Peer>();
    for (const [name, node] of nodes) {
      if (name === self) continue;
      const { uid, advert } = node;
      const known = this.#peers.get(name);
      if (known?.uid !== uid) peers.set(name, newPeer(uid, advert, isOut(name)));
      else if (isDeepStrictEqual(known.advert, advert)) peers.set(name, known);
      else peers.set(name, { ...known, advert, freshMs: nowMs, isDead: false });
    }
    this.#peers = peers;
    this.#judge();
    const dead = this.#deadNow();
    this.#tell(dead);
    this.#dead = dead;
    this.#noticed = dead;
    return dead;
  }

  /** Nobody is asked for. */
  forget(): void {
    this.#peers.clear();
    this.#dead = new Set();
    this.#noticed = this.#dead;
  }

  #deadNow(): ReadonlySet<string> {
    return new Set([...this.#peers].flatMap(([name, { isDead }]) => (isDead ? [name] : [])));
  }

  #judge(): void {
    this.#measure();
    const nowMs = this.#parts.clock.monotonicMs();
    const { running, sessions } = this.#parts.view();
    const isAble = running?.isRecovering === false && this.#isHearing(sessions, nowMs);
    this.#ableSinceMs = isAble ? (this.#ableSinceMs ?? nowMs) : undefined;
    const alive = new Set(sessions.filter(isSignOfLife).map(({ name }) => name));
    for (const [name, peer] of this.#peers) {
      if (peer.silentSinceMs === undefined && !peer.isDead) continue;
      const isSpoken = namesOf(name).some((session) => alive.has(session));
      const isDead = !isSpoken && this.#isDead(peer);
      const freshMs = isSpoken ? nowMs : peer.freshMs;
      this.#peers.set(name, { ...peer, isDead, freshMs });
    }
  }

  /** Whoever is dead stays it until something is heard. */
  #isDead({ isDead, wasHeard, silentSinceMs, silentUntilMs, freshMs }: Peer): boolean {
    if (silentSinceMs === undefined) return false;
    if (isDead || !wasHeard || this.#ableSinceMs === undefined) return isDead;
    // Between two probes, so that an agent which stood still itself has measured nothing.
    return silentUntilMs - Math.max(silentSinceMs, freshMs, this.#ableSinceMs) >= SILENT_MS;
  }

  #isHearing(sessions: readonly BirdSession[], nowMs: number): boolean {
    if (sessions.some(({ state }) => state === 'established')) return true;
    return [...this.#peers.values()].some(({ heardMs }) => nowMs - heardMs < DEAF_MS);
  }

  /** Paths come and go, and what was heard over one that is gone counts as well. */
  #measure(): void {
    for (const { probe, heardMs = NEVER_MS, missedMs } of this.#parts.tracks().values()) {
      const peer = this.#peers.get(probe.peer);
      if (peer === undefined || !probe.key.startsWith(`${peer.uid} `)) continue;
      const heard = heardMs > peer.heardMs ? heardOf(peer, heardMs) : peer;
      const isMiss = missedMs !== undefined && missedMs > Math.max(heard.heardMs, heard.freshMs);
      const next = isMiss ? missedOf(heard, missedMs) : heard;
      if (next !== peer) this.#peers.set(probe.peer, next);
    }
  }

  #tell(dead: ReadonlySet<string>): void {
    const { log } = this.#parts;
    for (const peer of dead) {
      if (!this.#dead.has(peer)) log.info({ peer }, 'BIRD is to have no session with a dead node');
    }
    for (const peer of this.#dead) {
      if (!dead.has(peer)) log.info({ peer }, 'a node counts as dead no more');
    }
  }
}

const newPeer = (uid: string, advert: Advert | undefined, wasHeard: boolean): Peer => ({
  ...{ uid, advert, wasHeard, freshMs: NEVER_MS, heardMs: NEVER_MS },
  ...{ silentSinceMs: undefined, silentUntilMs: NEVER_MS, isDead: false },
});

const heardOf = (peer: Peer, heardMs: number): Peer => {
  const { silentSinceMs = heardMs } = peer;
  const isOver = silentSinceMs <= heardMs;
  return { ...peer, heardMs, wasHeard: true, ...(isOver ? { silentSinceMs: undefined } : {}) };
};

const missedOf = (peer: Peer, missedMs: number): Peer => ({
  ...peer,
  silentSinceMs: Math.min(peer.silentSinceMs ?? missedMs, missedMs),
  silentUntilMs: Math.max(peer.silentUntilMs, missedMs),
});

/** While BIRD keeps the routes of a neighbour that is away, they would go with its session. */
const isSignOfLife = ({ state, restarting }: BirdSession): boolean =>
  ['established', 'open-confirm', 'open-sent'].includes(state) || restarting === 'neighbour';

const namesOf = (name: string): readonly string[] =>
  FAMILIES.map((family) => protocolName(NODE_PREFIX[family], name));

/** Whom an agent before this one had no session with, though it had some: it had heard them. */
function outIn(good: string): (name: string) => boolean {
  const isThere = (session: string): boolean => good.includes(`protocol bgp '${session}'`);
  const hasAny = Object.values(NODE_PREFIX).some((prefix) => good.includes(`'${prefix}`));
  return (name) => hasAny && !namesOf(name).some(isThere);
}
