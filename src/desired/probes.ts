// Which probes tell whether paths work: over the path that is about to be used, forced there by a
// mark, and over the one that is in use, as every packet goes. The peer's kernel answers at the
// subnet address. Pure: sending and waiting is src/agent/path-prober.ts.

import type { LocalNode, PeerTarget } from '../backend/backend.ts';
import { vxlanOverheadBytes } from '../backend/vxlan.ts';
import type { PathName } from '../cluster/advert.ts';
import { cidrAddress } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
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
  /** Of the largest IP packet that the path should take. */
  readonly fullBytes: number;
};

export function probesOf(chosen: readonly ChosenPath[], local: LocalNode): readonly PathProbe[] {
  return chosen.flatMap(({ target, option, tested }) => {
    const [subnet] = target.subnets;
    // Flannel's nodes answer on some paths only, and are believed.
    if (subnet === undefined || target.reach?.speaker !== 'advert') return [];
    const { family, peer } = target;
    const common = { peer: peer.name, family, destination: cidrAddress(subnet) };
    const probe = (path: PathOption, isMarked: boolean): PathProbe => {
      const fullBytes = Math.min(...pathMtus(path, target, local));
      return { ...common, key: path.key, path: path.name, isMarked, fullBytes };
    };
    return [
      ...(option === undefined ? [] : [probe(option, false)]),
      ...(tested === undefined ? [] : [probe(tested, true)]),
    ];
  });
}

/** The largest packets that this node sends over a path, and that the peer receives over it. */
export function pathMtus(
  { network }: PathOption,
  { family, peer }: PeerTarget,
  local: LocalNode,
): readonly [send: number, receive: number] {
  const underlay = local.underlays.find((candidate) => candidate.family === family);
  const mtuBytes = underlay?.mtuBytes ?? 0;
  const receiveBytes = peer.advert?.receiveMtuBytes ?? Number.POSITIVE_INFINITY;
  if (network === undefined) return [mtuBytes, receiveBytes];
  const overheadBytes = vxlanOverheadBytes(family);
  return [(network.mtuBytes ?? mtuBytes) - overheadBytes, receiveBytes - overheadBytes];
}
