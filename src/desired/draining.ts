// Devices that this node works by no more, and how long they stay: while peers may read that they
// can send by them, and for a while after, since what was sent is still on its way. Neighbours and
// FDB entries are no part of that and go at once. BGP is spoken as long.
// Pure; the time is src/agent/draining-links.ts.

import type { VxlanReceiver } from '../cluster/advert.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { Config } from '../config/config.ts';
import type { VxlanLink } from '../state/kernel-state.ts';
import type { Local } from './desired.ts';
import type { StateBuilder } from './state-builder.ts';

/** What peers read of this machine, which may have changed its mind since. */
export const promisedBy = (
  self: ClusterNode | undefined,
  { machine, promised }: Local,
): readonly VxlanReceiver[] =>
  self?.advert?.machine === machine ? [...promised, ...self.advert.receives.vxlan] : promised;

/** Devices stay as they are; what they were sent by goes at once. */
export function keepUntilDrained(
  builder: StateBuilder,
  local: Local,
  promised: readonly VxlanReceiver[],
): string[] {
  const wanted = new Set(builder.vxlanLinkNames());
  const isPromised = ({ vni, portNumber, mac }: VxlanLink): boolean =>
    promised.some((by) => by.vni === vni && by.port === portNumber && by.mac === mac);
  const useless = local.vxlanDevices.filter(({ name }) => !wanted.has(name));
  const draining = useless.filter(
    (device) => !isPromised(device) && !local.drainedLinks.has(device.name),
  );
  for (const device of [...useless.filter(isPromised), ...draining]) builder.link(device);
  return draining.map(({ name }) => name);
}

/** Where it is not asked for: as long as anybody sends by it, this node among them. */
export function isBgpNeeded(
  { backend }: Config,
  nodes: ReadonlyMap<string, ClusterNode>,
  { name, birdPeers }: Pick<Local, 'name' | 'birdPeers'>,
): boolean {
  if (backend.type === 'bgp' || (birdPeers !== undefined && birdPeers.size > 0)) return true;
  for (const node of nodes.values()) {
    // Before the first pass the own advert is all that tells of what an agent before this one did.
    const isCounted = node.name !== name || birdPeers === undefined;
    if (isCounted && node.advert?.sends.includes('bgp') === true) return true;
  }
  return false;
}
