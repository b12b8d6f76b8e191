// By which backend this node sends to each peer: the configured one if the peer can receive by it
// and it can work, else another that both sides still have. Decided peer by peer and family by
// family, so that nodes may move at different times. Pure; the reasons are words for `status`.

import type { Backend, LocalNode, PathOffer, PathPlan, PeerTarget } from '../backend/backend.ts';
import { hostGw } from '../backend/host-gw.ts';
import { vxlan } from '../backend/vxlan.ts';
import type { PathName } from '../cluster/advert.ts';
import type { BackendConfig, BackendType, VxlanConfig } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';

export type PeerPath = {
  readonly peer: string;
  readonly family: Family;
  readonly subnets: readonly Cidr[];
  readonly configured: BackendType;
  /** `none`: the peer's pods cannot be reached. */
  readonly used: PathName | 'none';
  /** Why it is not the configured one; '' when it is. */
  readonly reason: string;
};

export type ChosenPath = { readonly path: PeerPath; readonly plan: PathPlan | undefined };

/** The settings that this node can work by now: the configured ones and those kept from before. */
export type BackendSettings = {
  readonly configured: BackendConfig;
  readonly vxlan: VxlanConfig | undefined;
};

export function choosePath(
  settings: BackendSettings,
  local: LocalNode,
  target: PeerTarget,
): ChosenPath {
  const { configured } = settings;
  const reasons: string[] = [];
  for (const name of candidates(configured)) {
    const offer = offerOf(name, { settings, local, target });
    if (offer?.kind === 'usable') {
      return { path: describe(target, configured.type, { used: name, reasons }), plan: offer.plan };
    }
    if (offer !== undefined && !isOptional(name, configured)) reasons.push(offer.reason);
  }
  return {
    path: describe(target, configured.type, { used: 'none', reasons }),
    plan: undefined,
  };
}

/** In the order in which they are tried. */
function candidates(configured: BackendConfig): readonly PathName[] {
  if (configured.type === 'host-gw') return ['host-gw', 'vxlan'];
  return configured.directRouting ? ['host-gw', 'vxlan'] : ['vxlan', 'host-gw'];
}

/** Not being able to use a path that was only tried on the side is nothing to report. */
const isOptional = (name: PathName, configured: BackendConfig): boolean => name !== configured.type;

function offerOf(
  name: PathName,
  { settings, local, target }: { settings: BackendSettings; local: LocalNode; target: PeerTarget },
): PathOffer | undefined {
  if (name === 'host-gw') return offer(hostGw, { type: 'host-gw' }, { local, target });
  return settings.vxlan === undefined ? undefined : offer(vxlan, settings.vxlan, { local, target });
}

const offer = <Settings>(
  backend: Backend<Settings>,
  settings: Settings,
  { local, target }: { local: LocalNode; target: PeerTarget },
): PathOffer => backend.offer({ settings, local }, target);

const describe = (
  target: PeerTarget,
  configured: BackendType,
  { used, reasons }: { used: PathName | 'none'; reasons: readonly string[] },
): PeerPath => ({
  peer: target.peer.name,
  family: target.family,
  subnets: target.subnets,
  configured,
  used,
  reason: reasons.join('; '),
});
