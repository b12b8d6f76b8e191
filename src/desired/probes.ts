// Which probes tell whether paths work: over the path that is about to be used, forced there by a
// mark, and over the one that is in use, as every packet goes. The peer's kernel answers at the
// subnet address. Pure: sending and waiting is src/agent/path-prober.ts.

import type { LocalNode } from '../backend/backend.ts';
import type { PathName } from '../cluster/advert.ts';
import { cidrAddress } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { overheadBytesOf, pathMtus } from './path-mtu.ts';
import type { ChosenPath, PathOption } from './paths.ts';

export type PathProbe = {
  /** PathOption.key: what it says is about this path. */
  readonly key: string;
  readonly peer: string;
  readonly family: Family;
  readonly path: PathName;
  readonly destination: Ip;
  /** Over the tested path, not the one in use. */
  readonly isMarked: boolean;
  /** Another path to that peer is being tested, so that a marked packet would go by that one. */
  readonly isWaiting?: true;
  /** Of the largest IP packet that the path should take, as both ends believe. */
  readonly fullBytes: number;
  /** What was found to be the largest one, if that is smaller. */
  readonly foundBytes?: number;
  /** By which packets of the underlay are larger than those of this path. */
  readonly overheadBytes: number;
};

export function probesOf(chosen: readonly ChosenPath[], local: LocalNode): readonly PathProbe[] {
  return chosen.flatMap(({ target, option, tested, waiting, path: { mtu } }) => {
    const [subnet] = target.subnets;
    // Flannel's nodes answer on some paths only, and are believed.
    if (subnet === undefined || target.reach?.speaker !== 'advert') return [];
    const { family, peer } = target;
    const common = { peer: peer.name, family, destination: cidrAddress(subnet) };
    const probe = (path: PathOption, isMarked: boolean): PathProbe => {
      const fullBytes = Math.min(...pathMtus(path, target, local));
      const overheadBytes = overheadBytesOf(path, target);
      return { ...common, key: path.key, path: path.name, isMarked, fullBytes, overheadBytes };
    };
    const found = mtu === undefined ? {} : { foundBytes: mtu.foundBytes };
    return [
      ...(option === undefined ? [] : [{ ...probe(option, false), ...found }]),
      ...(tested === undefined ? [] : [probe(tested, true)]),
      ...waiting.map((path) => ({ ...probe(path, true), isWaiting: true as const })),
    ];
  });
}
