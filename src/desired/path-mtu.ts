// How large packets to a peer may be: what both ends say by their links, and what full-size probes
// have found where something between them takes less. A finding is about the underlay between two
// nodes, so that it holds for every path to that peer. Pure; finding is src/agent/path-prober.ts.

import type { LocalNode, PeerTarget } from '../backend/backend.ts';
import { vxlanOverheadBytes, vxlanUnderlayMtuBytes } from '../backend/vxlan.ts';
import { keyOfRoute } from '../state/kernel-state.ts';
import { MAIN_TABLE, OWN_METRIC } from '../state/own.ts';
import { isBirdPlan } from './bird-path.ts';
import type { Local } from './desired.ts';
import type { ChosenPath, PathOption, PeerPath } from './paths.ts';
import { leadsBy } from './paths.ts';

/** RFC 8200 §5; the kernel takes no less for an IPv6 route. */
const IPV6_MTU_MIN_BYTES = 1280;

/** Largest packets of a peer's pods, where probes found less than both ends believe. */
export type PathMtu = { readonly foundBytes: number; readonly believedBytes: number };

/** What a finding is filed under: a peer, not its name, and a family. */
export const underlayKey = ({ peer, family }: PeerTarget): string => `${peer.uid} ${family}`;

/** The same of a path's PathOption.key, which begins with it. */
export const underlayKeyOf = (pathKey: string): string =>
  pathKey.slice(0, pathKey.indexOf(' ', pathKey.indexOf(' ') + 1));

export const overheadBytesOf = ({ network }: PathOption, { family }: PeerTarget): number =>
  network === undefined ? 0 : vxlanOverheadBytes(family);

/** The largest packets that this node sends over a path, and that the peer receives over it. */
export function pathMtus(
  option: PathOption,
  target: PeerTarget,
  local: LocalNode,
): readonly [send: number, receive: number] {
  // What bounds BIRD's route is what we have it set, so it says nothing of the way itself.
  const mtuBytes = underlayMtuBytes(option.network, target, local);
  const receiveBytes = target.peer.advert?.receiveMtuBytes ?? Number.POSITIVE_INFINITY;
  const overheadBytes = overheadBytesOf(option, target);
  return [mtuBytes - overheadBytes, receiveBytes - overheadBytes];
}

function underlayMtuBytes(
  network: PathOption['network'],
  { family }: PeerTarget,
  { underlays }: LocalNode,
): number {
  const underlay = underlays.find((candidate) => candidate.family === family);
  return underlay === undefined ? 0 : vxlanUnderlayMtuBytes(network ?? {}, underlay);
}

/** The largest packet without any wrapping that gets to a peer, as far as is known. */
export const plainMtu = (target: PeerTarget, found: Local['underlayMtus']): number =>
  Math.min(
    target.peer.advert?.receiveMtuBytes ?? Number.POSITIVE_INFINITY,
    found.get(underlayKey(target)) ?? Number.POSITIVE_INFINITY,
  );

/** Undefined where the path in use takes what both ends believe, as far as is known. */
export function foundMtu({ option, target }: ChosenPath, local: Local): PathMtu | undefined {
  if (option === undefined || target.reach?.speaker !== 'advert') return undefined;
  // Of thousands of peers nearly all take what is believed.
  const isUnknown = local.takesOver && !local.verdicts.has(option.key);
  if (local.underlayMtus.size === 0 && !isUnknown) return undefined;
  const found = local.underlayMtus.get(underlayKey(target));
  const overheadBytes = overheadBytesOf(option, target);
  // What the agent before this one found holds until probes have said something.
  const inKernel = isUnknown ? mtuInKernel(option, target, local) : undefined;
  const foundBytes = found === undefined ? inKernel : found - overheadBytes;
  if (foundBytes === undefined) return undefined;
  const believedBytes = Math.min(...pathMtus(option, target, local));
  return foundBytes < believedBytes ? { foundBytes, believedBytes } : undefined;
}

function mtuInKernel(option: PathOption, target: PeerTarget, local: Local): number | undefined {
  if (isBirdPlan(option.plan)) return option.plan.birdRoute.mtuBytes;
  const [destination] = target.subnets;
  if (destination === undefined) return undefined;
  const key = keyOfRoute({ destination, table: MAIN_TABLE, metric: OWN_METRIC });
  const route = local.routes.get(key);
  return route !== undefined && leadsBy(route.via, option.plan) ? route.mtuBytes : undefined;
}

/** What the route to the peer is bounded by; undefined where the path's own link says enough. */
export function routeMtu(chosen: ChosenPath, local: Local): number | undefined {
  const { option, target } = chosen;
  if (option === undefined) return undefined;
  const [sendBytes, receiveBytes] = pathMtus(option, target, local);
  const bytes = Math.min(receiveBytes, chosen.path.mtu?.foundBytes ?? receiveBytes);
  if (bytes >= sendBytes) return undefined;
  return target.family === 'ipv6' ? Math.max(bytes, IPV6_MTU_MIN_BYTES) : bytes;
}

/**
 * The largest packets without any wrapping to those peers that take less than this node's own link
 * does, by peerFamilyKey: BIRD sets it for its routes, as there are none of ours beside them.
 */
export function smallPlainMtus(
  chosen: readonly ChosenPath[],
  local: Local,
): ReadonlyMap<string, number> {
  const small = new Map<string, number>();
  for (const { target, option, path } of chosen) {
    const { family, peer } = target;
    const found =
      option === undefined || path.mtu === undefined
        ? Number.POSITIVE_INFINITY
        : path.mtu.foundBytes + overheadBytesOf(option, target);
    const bytes = Math.min(plainMtu(target, local.underlayMtus), found);
    if (bytes >= underlayMtuBytes(undefined, target, local)) continue;
    const setBytes = family === 'ipv6' ? Math.max(bytes, IPV6_MTU_MIN_BYTES) : bytes;
    small.set(peerFamilyKey({ peer: peer.name, family }), setBytes);
  }
  return small;
}

/** Of a peer in one family. */
export const peerFamilyKey = ({ peer, family }: Pick<PeerPath, 'peer' | 'family'>): string =>
  `${peer} ${family}`;

export const describePathMtu = (
  peer: string,
  family: string,
  { foundBytes, believedBytes }: PathMtu,
): string =>
  `${peer} (${family}): the path takes packets of ${foundBytes} bytes, ` +
  `not of ${believedBytes} as both ends believe`;
