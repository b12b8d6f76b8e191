// The section `bgp` of the status document, and what of it keeps the node from being ready, in
// words. Ready is a node whose BIRD runs by a configuration that it has taken for good, waits for
// nobody after a restart, and of whose sessions each is up or has had its chance with this BIRD: a
// dead peer keeps no node away.

import { causeOf, causeText } from '../bird/causes.ts';
import type { BirdSession } from '../bird/sessions.ts';
import type { BgpSpeaker } from './bgp-speaker.ts';
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
  speaker: Pick<BgpSpeaker, 'problems' | 'sessionFacts'> | undefined,
): BgpStatus | undefined {
  if (view?.wanted === undefined) return undefined;
  const leftOut = speaker?.problems ?? [];
  const { running, absence, wanted, problems, sessions } = view;
  const hinted = sessions.map((session) => {
    const cause = causeOf(session, speaker?.sessionFacts.get(session.name));
    return { ...session, hint: causeText(cause) };
  });
  return { bird: running, absence, wanted, problems, leftOut, sessions: hinted };
}

export function birdProblems(view: BirdView | undefined): string[] {
  if (view?.wanted === undefined) return [];
  const { running, absence, waiting } = view;
  if (running === undefined) return [`BIRD does not run: ${absence}`];
  if (running.config === undefined) return ['BIRD has taken no configuration of this agent yet'];
  // It ends with BGP.GracefulRestart.WaitSeconds, whoever is missing then.
  if (running.isRecovering) return ['BIRD has restarted and waits for its neighbours'];
  return waiting.length === 0 ? [] : [`no BGP session with ${waiting.join(', ')} yet`];
}
