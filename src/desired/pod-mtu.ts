// MTU of pods' links and of the routes in them. Pure; running pods get it by src/agent/pod-mtus.ts.

import { vxlanOverheadBytes, vxlanUnderlayMtuBytes } from '../backend/vxlan.ts';
import type { Remembered, Synced } from '../cluster/cluster.ts';
import type { Local } from './desired.ts';
import type { BackendSettings } from './path-ways.ts';

/** IPv6's minimum (RFC 8200 §5), for a node whose underlay is not known yet. */
const MINIMUM_MTU_BYTES = 1280;
const UNKNOWN_MTU = { link: MINIMUM_MTU_BYTES, route: MINIMUM_MTU_BYTES };

/**
 * What a pod may receive is the underlay's MTU; what it may send fits every path in use. A node
 * that is about to have another address receives what it told its peers. While only the disk
 * remembers the cluster no route to a peer changes, so pods send no more than they do.
 */
export function podMtu(
  settings: BackendSettings,
  local: Pick<Local, 'name' | 'neededFamilies' | 'underlays' | 'attachments'>,
  { kind, nodes }: Synced | Remembered,
): { link: number; route: number } {
  const { underlays: found, neededFamilies, attachments } = local;
  const toldBytes = nodes.get(local.name)?.advert?.receiveMtuBytes;
  if (found.length === 0 && toldBytes === undefined) return UNKNOWN_MTU;
  const mtuBytes = toldBytes ?? MINIMUM_MTU_BYTES;
  const underlays =
    found.length > 0 ? found : neededFamilies.map((family) => ({ family, mtuBytes }));
  const routes = underlays.flatMap((underlay) => [
    underlay.mtuBytes,
    ...settings.vxlan.map(
      (network) => vxlanUnderlayMtuBytes(network, underlay) - vxlanOverheadBytes(underlay.family),
    ),
  ]);
  const now = kind === 'synced' ? [] : attachments.map(({ routeMtuBytes }) => routeMtuBytes);
  const links = underlays.map(({ mtuBytes }) => mtuBytes);
  return { link: Math.max(...links), route: Math.min(...routes, ...now) };
}
