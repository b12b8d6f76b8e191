// The path in use to a peer that does not say any more that it receives by it. What it still holds
// it receives all the same, and it holds what it is sent by, so that giving the path up before
// there is another loses packets for nothing. It is found in the kernel alone, and only for a peer
// that is where the kernel's entries lead. Pure.

import type { PeerTarget } from '../backend/backend.ts';
import type { VxlanNetwork } from '../backend/vxlan.ts';
import type { PathName } from '../cluster/advert.ts';
import type { Mac } from '../net/mac.ts';
import type { KernelState, RouteVia } from '../state/kernel-state.ts';
import { keyOfFdbEntry, keyOfNeighbour } from '../state/kernel-state.ts';

/** What a gateway of an own device stands for, where the kernel has all that it needs. */
export type Vtep = { readonly mac: Mac; readonly remote: string };

export function vtepOf(
  via: RouteVia,
  { neighbours, fdb }: Pick<KernelState, 'neighbours' | 'fdb'>,
): Vtep | undefined {
  if (via.kind !== 'nexthop' && via.kind !== 'gateway') return undefined;
  const { link, gateway } = via;
  const mac = neighbours.get(keyOfNeighbour({ link, address: gateway }))?.mac;
  const remote = mac === undefined ? undefined : fdb.get(keyOfFdbEntry({ link, mac }))?.remote;
  return mac === undefined || remote === undefined ? undefined : { mac, remote };
}

/**
 * The peer as it would be if it still received by this network (by host-gw where there is none).
 * Whoever speaks for it: where an advert is missing for a while, Flannel's annotations do.
 */
export function asReceiver(
  target: PeerTarget,
  network: VxlanNetwork | undefined,
  vtep: Vtep | undefined,
): PeerTarget | undefined {
  const { reach, family, underlayAddress } = target;
  if (reach === undefined) return undefined;
  if (network === undefined) return { ...target, reach: { ...reach, hostGw: [family] } };
  if (vtep === undefined || vtep.remote !== underlayAddress) return undefined;
  const { vni, portNumber: port } = network;
  return { ...target, reach: { ...reach, vxlan: [{ family, vni, port, mac: vtep.mac }] } };
}

export function keptReason(
  { peer }: PeerTarget,
  { name, network }: { readonly name: PathName; readonly network: VxlanNetwork | undefined },
): string {
  if (name === 'bgp') return `packets to ${peer.name} go by BIRD's route all the same`;
  const what =
    network === undefined ? 'host-gw' : `VNI ${network.vni} on port ${network.portNumber}`;
  return `${peer.name} no longer receives ${what}; kept until another path works`;
}
