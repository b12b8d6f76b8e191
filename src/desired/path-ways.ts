// The ways by which this node may send, in the order in which they are preferred, and what each of
// them offers for one peer. Which is taken is decided in paths.ts. Pure.

import type { LocalNode, PathOffer, PeerTarget } from '../backend/backend.ts';
import { hostGw } from '../backend/host-gw.ts';
import type { VxlanNetwork } from '../backend/vxlan.ts';
import { vxlan } from '../backend/vxlan.ts';
import type { PathName } from '../cluster/advert.ts';
import type { BackendConfig } from '../config/config.ts';
import { birdOffer } from './bird-path.ts';

const HOST_GW = { type: 'host-gw' } as const;

/** The settings that this node can work by now: the configured ones and those kept from before. */
export type BackendSettings = {
  readonly configured: BackendConfig;
  /** The first is the one to come to; the others are still sent by, here or by a peer. */
  readonly vxlan: readonly VxlanNetwork[];
  /** In the order in which they are preferred. */
  readonly ways: readonly Way[];
};

export type Way = {
  readonly name: PathName;
  readonly network: VxlanNetwork | undefined;
  /** Not being able to use a path that is only tried on the side is nothing to report. */
  readonly isAskedFor: boolean;
};

export function backendSettings(
  configured: BackendConfig,
  networks: readonly VxlanNetwork[],
): BackendSettings {
  const { type } = configured;
  const byVxlan = networks.map(
    (network, position): Way => ({
      name: 'vxlan',
      network,
      isAskedFor: type === 'vxlan' && position === 0,
    }),
  );
  const plain: Way = { name: 'host-gw', network: undefined, isAskedFor: type === 'host-gw' };
  const byBird: Way = { name: 'bgp', network: undefined, isAskedFor: type === 'bgp' };
  if (byBird.isAskedFor) return { configured, vxlan: networks, ways: [byBird, ...byVxlan, plain] };
  const isPlainFirst = configured.type !== 'vxlan' || configured.directRouting;
  const ways = isPlainFirst ? [plain, ...byVxlan, byBird] : [...byVxlan, plain, byBird];
  return { configured, vxlan: networks, ways };
}

/** Whether a path that falls silent is left for one that answers. */
export const leavesSilent = ({ type }: BackendConfig): boolean => type === 'auto' || type === 'bgp';

/** What only the path bgp needs to know. */
export type WayQuestion = {
  readonly local: LocalNode;
  /** Whether no route of ours leads to the peer. */
  readonly isBare: boolean;
  /** The largest packet that gets there without any wrapping, as far as is known. */
  readonly receiveBytes: number;
};

export function offerBy(
  { name, network, isAskedFor }: Way,
  { local, isBare, receiveBytes }: WayQuestion,
  target: PeerTarget,
): PathOffer {
  if (network !== undefined) return vxlan.offer({ settings: network, local }, target);
  if (name === 'host-gw') return hostGw.offer({ settings: HOST_GW, local }, target);
  return birdOffer(target, { local, isBare, isAskedFor, receiveBytes });
}
