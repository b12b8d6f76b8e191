// Paths over which no probe comes back, and whether the peer's node answers a ping at its own
// address meanwhile: what several checks conclude from. Pure.

import type { SilentPath } from '../agent/path-words.ts';
import { reachOf } from '../cluster/reach.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Facts } from './facts.ts';

export type Silence = SilentPath & {
  readonly underlay: Ip | undefined;
  /** undefined: it was not asked, or could not be. */
  readonly nodeAnswers: boolean | undefined;
  /** Only the first of many are asked: of the others nothing is concluded. */
  readonly wasLeftOut: boolean;
};

export function silences({
  agent,
  peers,
  pings,
}: Pick<Facts, 'agent' | 'peers' | 'pings'>): readonly Silence[] {
  const silent = agent.known ? agent.value.silent : [];
  const nodes = new Map((peers.known ? peers.value : []).map((node) => [node.name, node]));
  return silent.map((path) => {
    const node = nodes.get(path.peer);
    const reach = node === undefined ? undefined : reachOf(node);
    const underlay = reach?.underlay.find((ip) => familyOf(ip) === path.family);
    const nodeAnswers = underlay === undefined ? undefined : pings.get(underlay);
    const wasLeftOut = underlay !== undefined && nodeAnswers === undefined && pings.size > 0;
    return { ...path, underlay, nodeAnswers, wasLeftOut };
  });
}

const NAMES_MAX = 5;

/** Names of peers, once each. */
export function peersOf(silent: readonly Silence[]): string {
  const names = [...new Set(silent.map(({ peer }) => peer))];
  const rest = names.length - NAMES_MAX;
  return rest > 0 ? `${names.slice(0, NAMES_MAX).join(', ')} and ${rest} more` : names.join(', ');
}
