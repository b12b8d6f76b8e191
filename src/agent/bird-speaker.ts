// Has the node's BIRD say what the cluster and the configuration ask for, as long as anybody sends
// by what it says, and nothing after that. It makes the text; the keeper sees that BIRD takes it.
// What is only remembered of the cluster changes no text that BIRD has already.

import type { BirdLife } from '../backend/backend.ts';
import { passwordProblems, secretKeysOf } from '../bgp/passwords.ts';
import { renderBird } from '../bgp/render.ts';
import { speakerOf } from '../bgp/speaker.ts';
import type { LocalAddress, Speaker, SpeakerInput, SpeakerNode } from '../bgp/speaker-types.ts';
import { writtenPasswords } from '../bgp/written-passwords.ts';
import type { SessionFacts } from '../bird/causes.ts';
import { peerFamilyKey } from '../desired/path-mtu.ts';
import type { Clock } from '../lib/clock.ts';
import type { Cidr } from '../net/cidr.ts';
import { FAMILIES } from '../net/family.ts';
import { familyOf } from '../net/ip.ts';
import type { BgpPass, BgpSpeaker } from './bgp-speaker.ts';
import type { BirdView } from './bird-keeper.ts';
import type { BirdPasswords } from './bird-passwords.ts';
import { birdText, keyIn } from './bird-text.ts';
import { KeptSessions } from './kept-sessions.ts';

/** A BIRD that is started again is soon back, and its peers keep its routes as long. */
const PROMISED_MS = 30_000;
/** Whoever still reads that he can send by it has until then to read otherwise. */
const DRAIN_MS = 5_000;
/** Files that change tell nobody; the kubelet takes a minute to change those of a Secret. */
const LOOK_MS = 3_000;

export type BirdSpeakerParts = {
  readonly nodeName: string;
  readonly view: () => Pick<BirdView, 'running'>;
  /** The text that BIRD starts by; undefined where it never had one. */
  readonly readGood: () => string | undefined;
  readonly passwords: Pick<BirdPasswords, 'look' | 'hasNews'>;
  /** Another text is wanted: whoever brings it to BIRD has not to wait for its next look. */
  readonly hint: () => void;
  readonly clock: Clock;
};

export class BirdSpeaker implements BgpSpeaker {
  readonly #parts: BirdSpeakerParts;
  readonly #kept: KeptSessions;
  #text: string | undefined;
  #as: number | undefined;
  #problems: readonly string[] = [];
  #sessionFacts: ReadonlyMap<string, SessionFacts> = new Map();
  #confirmedMs = Number.NEGATIVE_INFINITY;
  #spokeMs = Number.NEGATIVE_INFINITY;

  constructor(parts: BirdSpeakerParts) {
    this.#parts = parts;
    this.#kept = new KeptSessions(parts.clock);
  }

  /** The text of bird.conf that is wanted; undefined: BIRD is left as it is. */
  get wanted(): string | undefined {
    return this.#text;
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
      await clock.sleep(LOOK_MS, stop);
      if (!stop.aborted && (passwords.hasNews() || this.#kept.isOver)) changed();
    }
  }

  follow(pass: BgpPass): void {
    const before = this.#text;
    this.#follow(pass);
    if (this.#text !== before) this.#parts.hint();
  }

  #follow(pass: BgpPass): void {
    const { clock, readGood, passwords } = this.#parts;
    const good = readGood();
    if (pass.cluster.kind === 'remembered' && good !== undefined) return;
    const speaker = speakerOf(this.#inputOf(pass));
    this.#as = speaker.as;
    if (pass.outcome.desired.speaksBgp) {
      this.#spokeMs = clock.monotonicMs();
      const said = this.#kept.with(speaker, { hash: pass.config.hash, nodes: pass.cluster.nodes });
      const looked = passwords.look(secretKeysOf(said.sessions), () =>
        writtenPasswords(good ?? '', said.sessions),
      );
      this.#text = renderBird(said, looked.used);
      this.#problems = [...speaker.problems, ...passwordProblems(said.sessions, looked)];
      this.#sessionFacts = new Map(
        said.sessions.map(({ name, password }) => [name, { hasPassword: password !== undefined }]),
      );
      return;
    }
    this.#problems = [];
    if (clock.monotonicMs() - this.#spokeMs < DRAIN_MS) return;
    this.#kept.forget();
    const silent = renderBird(silenced(speaker), new Map());
    const isSilent = good === undefined || good === birdText(silent, keyIn(good) ?? '').text;
    this.#text = isSilent ? undefined : silent;
  }

  #inputOf({ config, cluster, outcome }: BgpPass): SpeakerInput {
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
      nodes: nodesOf({ cluster, desired }),
    };
  }
}

/** Peers that plain packets reach, with the subnets that are really theirs. */
function nodesOf({
  cluster,
  desired,
}: {
  readonly cluster: BgpPass['cluster'];
  readonly desired: Pick<BgpPass['outcome']['desired'], 'paths' | 'smallPlainMtus'>;
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
    return [{ name, labels, subnets: held, addresses, ...small }];
  });
}

/** It goes on to run, and to clear away its routes, and says nothing to anybody. */
const silenced = (speaker: Speaker): Speaker => ({
  ...speaker,
  sessions: [],
  families: speaker.families.map((family) => ({ ...family, ownSubnets: [], serviceRanges: [] })),
});
