// Has the node's BIRD say what the cluster and the configuration ask for, as long as anybody sends
// by what it says, and nothing after that. It makes the text; the keeper sees that BIRD takes it.
// What is only remembered of the cluster changes no text that BIRD has already.

import type { BirdLife } from '../backend/backend.ts';
import { explainNoSessions } from '../bgp/no-sessions.ts';
import { passwordOf, passwordProblems, secretKeysOf } from '../bgp/passwords.ts';
import { renderBird } from '../bgp/render.ts';
import { speakerOf } from '../bgp/speaker.ts';
import type { LocalAddress, Speaker, SpeakerInput, SpeakerNode } from '../bgp/speaker-types.ts';
import { writtenPasswords } from '../bgp/written-passwords.ts';
import type { SessionFacts } from '../bird/causes.ts';
import { peerFamilyKey } from '../desired/path-mtu.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import { FAMILIES } from '../net/family.ts';
import { familyOf } from '../net/ip.ts';
import type { BgpPass, BgpSpeaker } from './bgp-speaker.ts';
import type { BirdView } from './bird-keeper.ts';
import type { BirdPasswords } from './bird-passwords.ts';
import { birdText, hasSessions, keyIn, wantedIn } from './bird-text.ts';
import { DeadPeers } from './dead-peers.ts';
import { KeptSessions } from './kept-sessions.ts';
import type { Tracks } from './path-track.ts';

/** A BIRD that is started again is soon back, and its peers keep its routes as long. */
const PROMISED_MS = 30_000;
/** Whoever still reads that he can send by it has until then to read otherwise. */
const DRAIN_MS = 5_000;
/** Files that change tell nobody; the kubelet takes a minute to change those of a Secret. */
const LOOK_MS = 3_000;
/** While somebody is dead, who may come back at any time. */
const LOOK_FOR_LIFE_MS = 500;

export type BirdSpeakerParts = {
  readonly nodeName: string;
  readonly view: () => Pick<BirdView, 'running' | 'sessions'>;
  /** What probes have said of each path. */
  readonly tracks: () => Tracks;
  /** The text that BIRD starts by; undefined where it never had one. */
  readonly readGood: () => string | undefined;
  readonly passwords: Pick<BirdPasswords, 'look' | 'hasNews'>;
  /** Another text is wanted: whoever brings it to BIRD has not to wait for its next look. */
  readonly hint: () => void;
  readonly clock: Clock;
  readonly log: Log;
};

export class BirdSpeaker implements BgpSpeaker {
  readonly #parts: BirdSpeakerParts;
  readonly #kept: KeptSessions;
  readonly #dead: DeadPeers;
  #mayEndAll = false;
  #text: string | undefined;
  #as: number | undefined;
  #problems: readonly string[] = [];
  #sessionFacts: ReadonlyMap<string, SessionFacts> = new Map();
  #confirmedMs = Number.NEGATIVE_INFINITY;
  #spokeMs = Number.NEGATIVE_INFINITY;

  constructor(parts: BirdSpeakerParts) {
    this.#parts = parts;
    this.#kept = new KeptSessions(parts.clock);
    this.#dead = new DeadPeers(parts);
  }

  /** The text of bird.conf that is wanted; undefined: BIRD is left as it is. */
  get wanted(): string | undefined {
    return this.#text;
  }

  /** Whether it is meant that no session is left by it. */
  get mayEndAll(): boolean {
    return this.#mayEndAll;
  }

  get problems(): readonly string[] {
    return this.#problems;
  }

  get sessionFacts(): ReadonlyMap<string, SessionFacts> {
    return this.#sessionFacts;
  }

  get life(): BirdLife | undefined {
    const { view, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (view().running?.config !== undefined) this.#confirmedMs = nowMs;
    if (this.#confirmedMs === Number.NEGATIVE_INFINITY) return undefined;
    const isConfirmed = nowMs - this.#confirmedMs < PROMISED_MS;
    return this.#as === undefined ? { isConfirmed } : { isConfirmed, as: this.#as };
  }

  async run(changed: () => void, stop: AbortSignal): Promise<void> {
    const { clock, passwords } = this.#parts;
    while (!stop.aborted) {
      await clock.sleep(this.#dead.isAny ? LOOK_FOR_LIFE_MS : LOOK_MS, stop);
      const hasNews = passwords.hasNews() || this.#kept.isOver || this.#dead.hasNews;
      if (!stop.aborted && hasNews) changed();
    }
  }

  follow(pass: BgpPass): void {
    const before = this.#text;
    this.#follow(pass);
    if (this.#text !== before) this.#parts.hint();
  }

  #follow(pass: BgpPass): void {
    const { clock, readGood, nodeName: self } = this.#parts;
    const good = readGood();
    if (pass.cluster.kind === 'remembered' && good !== undefined) return;
    const { speaksBgp } = pass.outcome.desired;
    const dead = speaksBgp ? this.#dead.look({ nodes: pass.cluster.nodes, self, good }) : NOBODY;
    const input = this.#inputOf(pass, dead);
    const speaker = speakerOf(input);
    this.#as = speaker.as;
    this.#mayEndAll = !speaksBgp || input.nodes.length === 0;
    if (speaksBgp) {
      this.#spokeMs = clock.monotonicMs();
      const lack = explainNoSessions(input, speaker);
      const before = lack === undefined ? undefined : this.#beforeLoss(good);
      if (before === undefined) this.#say(speaker, { pass, dead, good });
      else this.#text = before;
      if (lack !== undefined) this.#problems = [...speaker.problems, lossOf(lack, before)];
      return;
    }
    this.#problems = [];
    this.#dead.forget();
    if (clock.monotonicMs() - this.#spokeMs < DRAIN_MS) return;
    this.#kept.forget();
    const silent = renderBird(silenced(speaker), new Map());
    const isSilent = good === undefined || good === birdText(silent, keyIn(good) ?? '').text;
    this.#text = isSilent ? undefined : silent;
  }

  #say(speaker: Speaker, { pass, dead, good }: Said): void {
    const { passwords } = this.#parts;
    const { hash } = pass.config;
    const said = this.#kept.with(speaker, { hash, nodes: pass.cluster.nodes, dead });
    const looked = passwords.look(secretKeysOf(said.sessions), () =>
      writtenPasswords(good ?? '', said.sessions),
    );
    const isAny = said.sessions.some((each) => passwordOf(each, looked.used) !== undefined);
    const isLost = said.sessions.length > 0 && !isAny;
    const before = isLost ? this.#beforeLoss(good) : undefined;
    this.#text = before ?? renderBird(said, looked.used);
    const problems = [...speaker.problems, ...passwordProblems(said.sessions, looked)];
    this.#problems = before === undefined ? problems : [...problems, STAYS];
    this.#sessionFacts = new Map(
      said.sessions.map(({ name, password }) => [name, { hasPassword: password !== undefined }]),
    );
  }

  /** The text that was, where one that ends all of its sessions is not taken in its place. */
  #beforeLoss(good: string | undefined): string | undefined {
    const { running, sessions } = this.#parts.view();
    const before = this.#text ?? (good === undefined ? undefined : wantedIn(good));
    if (before === undefined || !hasSessions(before)) return undefined;
    // A BIRD that is away or has just come has none up, and is soon to have them again.
    const knows = running !== undefined && !running.isRecovering;
    const isAnyUp = sessions.some(({ state }) => state === 'established');
    return knows && !isAnyUp ? undefined : before;
  }

  #inputOf({ config, cluster, outcome }: BgpPass, dead: ReadonlySet<string>): SpeakerInput {
    const { desired, underlay, addresses } = outcome;
    const { nodeName } = this.#parts;
    const labels = cluster.nodes.get(nodeName)?.labels ?? {};
    const own = underlay.underlays.filter(({ publicAddress }) => publicAddress === undefined);
    return {
      settings: config.bgp,
      networks: config.families,
      self: { name: nodeName, labels, subnets: desired.ownSubnets },
      underlays: own.flatMap((by): readonly LocalAddress[] =>
        addresses.filter(({ link, address }) => link === by.link && address === by.address),
      ),
      addresses,
      nodes: nodesOf({ cluster, desired, dead }),
    };
  }
}

type Said = {
  readonly pass: BgpPass;
  readonly dead: ReadonlySet<string>;
  readonly good: string | undefined;
};

const NOBODY: ReadonlySet<string> = new Set();
const STAYS = 'this node would have no session, so the configuration of before stays';

const lossOf = (lack: string, before: string | undefined): string =>
  `${lack}; ${before === undefined ? 'so this node has no session' : STAYS}`;

/** Peers that plain packets reach, with the subnets that are really theirs. */
function nodesOf({
  cluster,
  desired,
  dead,
}: {
  readonly cluster: BgpPass['cluster'];
  readonly desired: Pick<BgpPass['outcome']['desired'], 'paths' | 'smallPlainMtus'>;
  readonly dead: ReadonlySet<string>;
}): readonly SpeakerNode[] {
  const subnets = new Map<string, readonly Cidr[]>();
  for (const path of desired.paths) {
    subnets.set(path.peer, [...(subnets.get(path.peer) ?? []), ...path.subnets]);
  }
  return [...subnets].flatMap(([name, held]) => {
    const { advert, labels = {} } = cluster.nodes.get(name) ?? {};
    const plain = advert?.receives['host-gw'].map(({ family }) => family) ?? [];
    const addresses = advert?.underlay.filter((ip) => plain.includes(familyOf(ip))) ?? [];
    if (addresses.length === 0) return [];
    const mtus = FAMILIES.flatMap((family) => {
      const mtuBytes = desired.smallPlainMtus.get(peerFamilyKey({ peer: name, family }));
      return mtuBytes === undefined ? [] : [[family, mtuBytes]];
    });
    const small = mtus.length === 0 ? {} : { smallMtuBytes: Object.fromEntries(mtus) };
    const life = dead.has(name) ? { isDead: true as const } : {};
    return [{ name, labels, subnets: held, addresses, ...small, ...life }];
  });
}

/** It goes on to run, and to clear away its routes, and says nothing to anybody. */
const silenced = (speaker: Speaker): Speaker => ({
  ...speaker,
  sessions: [],
  families: speaker.families.map((family) => ({ ...family, ownSubnets: [], serviceRanges: [] })),
});
