// The section `bgp` of the status document, and what of it keeps the node from being ready, in
// words. Ready is a node whose BIRD runs by a configuration that it has taken for good, and of
// whose sessions each is up or has had its chance: a dead peer keeps no node away.

import type { BirdSession } from '../bird/sessions.ts';
import type { BirdView } from './bird-keeper.ts';

export type BgpStatus = {
  /** undefined: no BIRD answers, and `absence` says why. */
  readonly bird: BirdView['running'];
  readonly absence: string;
  /** Names the configuration that BIRD should have; `bird.config` the one that it has. */
  readonly wanted: string;
  /** Why the two differ, while they do for a reason. */
  readonly problems: readonly string[];
  /** What was configured and is left out on this node, and why: peers, passwords. */
  readonly leftOut: readonly string[];
  readonly sessions: readonly (BirdSession & {
    /** What usually is behind the last error; '' where nobody knows. */
    readonly hint: string;
  })[];
};

/** undefined: this node has no use for a BIRD. */
export function bgpStatus(
  view: BirdView | undefined,
  leftOut: readonly string[],
): BgpStatus | undefined {
  if (view?.wanted === undefined) return undefined;
  const { running, absence, wanted, problems, sessions } = view;
  const hinted = sessions.map((session) => ({ ...session, hint: hintOf(session) }));
  return { bird: running, absence, wanted, problems, leftOut, sessions: hinted };
}

export function birdProblems(view: BirdView | undefined): string[] {
  if (view?.wanted === undefined) return [];
  const { running, absence, waiting } = view;
  if (running === undefined) return [`BIRD does not run: ${absence}`];
  if (running.config === undefined) return ['BIRD has taken no configuration of this agent yet'];
  return waiting.length === 0 ? [] : [`no BGP session with ${waiting.join(', ')} yet`];
}

/** BIRD's words for the end of a session (proto/bgp/packets.c), and what is to be looked at. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /Bad peer AS/,
    'the other end has another AS number than is configured here, or expects another',
  ],
  [/Connection refused/, 'nobody speaks BGP there: its BIRD is not running, or listens elsewhere'],
  [/No route to host/, 'the machine is not on this network, or is off'],
  [/Network is unreachable/, 'this node has no route to it: multihop, or another source address?'],
  [/Connection reset|Connection closed/, 'the other end does not know this node as a peer'],
  [
    /Hold timer expired/,
    'nothing was heard for the hold time: packets are lost, or the other end hangs',
  ],
  [/BFD session down/, 'packets between both were lost for the BFD time'],
  [/Route limit exceeded/, 'it announces more routes than are taken'],
  [/Connection rejected|Administrative shutdown/, 'the other end has the session switched off'],
  [/Bad BGP identifier|Collision/, 'two speakers have the same router id, or connect at once'],
];

/** TCP drops segments with a wrong signature in silence: connecting just never ends. */
const SILENT_HINT = 'no answer to TCP port 179: a filter, or the password differs';

function hintOf({ state, lastError, sinceSeconds }: BirdSession): string {
  if (state === 'established') return '';
  const found = HINTS.find(([words]) => words.test(lastError ?? ''));
  if (found !== undefined) return found[1];
  return state === 'connect' && (sinceSeconds ?? 0) > 10 ? SILENT_HINT : '';
}
