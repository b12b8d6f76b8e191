// What is said of paths to whoever reads `status` and Events: those that do not answer, and those
// that take less than both ends believe. Of many the first ones, or an Event would hold thousands.

import type { PathName } from '../cluster/advert.ts';
import { describePathMtu } from '../desired/path-mtu.ts';
import type { PeerPath } from '../desired/paths.ts';
import type { Family } from '../net/family.ts';
import type { Tracks } from './path-track.ts';

const WORDS_MAX = 10;
const SILENT_MAX = 100;
const NO_MTU = { foundBytes: 0, believedBytes: 0 };

export function describeSilent(tracks: Tracks): readonly string[] {
  const silent = [...tracks.values()].filter(({ verdict }) => verdict === 'silent');
  return firstOnes(silent, ({ probe, problem }) => {
    const { peer, family, path, isMarked } = probe;
    const outcome = isMarked ? `: ${path} is prepared, and the path in use stays` : '';
    return `${peer} (${family}): ${problem || 'no answer'} over ${path}${outcome}`;
  });
}

export function describeSmall(paths: readonly PeerPath[]): readonly string[] {
  const small = paths.filter(({ mtu }) => mtu !== undefined);
  return firstOnes(small, ({ peer, family, mtu = NO_MTU }) => describePathMtu(peer, family, mtu));
}

/** A path over which no probe comes back, for programs. */
export type SilentPath = {
  readonly peer: string;
  readonly family: Family;
  readonly path: PathName;
  /** Packets go this way; else it is prepared, and another one is used meanwhile. */
  readonly isUsed: boolean;
  /** Small packets come back. */
  readonly isOfSizeOnly: boolean;
};

export const silentPaths = (tracks: Tracks): readonly SilentPath[] =>
  [...tracks.values()]
    .filter(({ verdict }) => verdict === 'silent')
    .slice(0, SILENT_MAX)
    .map(({ probe: { peer, family, path, isMarked }, sizeMisses }) => ({
      ...{ peer, family, path, isUsed: !isMarked, isOfSizeOnly: sizeMisses > 0 },
    }));

function firstOnes<Item>(items: readonly Item[], describe: (item: Item) => string): string[] {
  const words = items.slice(0, WORDS_MAX).map(describe);
  const rest = items.length - words.length;
  return rest > 0 ? [...words, `and ${rest} more`] : words;
}
