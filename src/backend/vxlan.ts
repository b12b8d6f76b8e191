// VXLAN (RFC 7348): each node has one device per family, and every peer is a permanent neighbour
// and a permanent FDB entry on it, so that nothing is ever flooded or learned.
//
// A packet's way from a pod to a peer's pod:
//   1. route      10.244.2.0/24 via 10.244.2.0 onlink dev poplin4-1   (nexthop object)
//   2. neighbour  10.244.2.0 is at the peer's VTEP MAC                (no ARP)
//   3. FDB        that MAC is behind the peer's underlay address      (no flooding)
//   4. the device wraps the frame into UDP and sends it there; the peer's device unwraps it, and
//      the peer's route to the pod takes over.
//
// The gateway is only a name for the neighbour. For IPv6 it is link-local: one inside of the peer's
// subnet is refused while that subnet is routed over another device, by host-gw before a switch
// (ip6_route_check_nh_onlink in net/ipv6/route.c).
//
// This file must not know about other backends; who is reached by which is src/desired/paths.ts.

import type { VxlanReceiver } from '../cluster/advert.ts';
import type { Reach } from '../cluster/reach.ts';
import type { VxlanSettings } from '../config/config.ts';
import { cidrAddress } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { familyOf } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { linkLocalOf, macFrom } from '../net/mac.ts';
import { keepAdopted } from '../state/adopted.ts';
import type { VxlanLink } from '../state/kernel-state.ts';
import type { Backend, BackendContext, PathOffer, PeerTarget, Underlay } from './backend.ts';

/** Outer Ethernet 14, IPv4 20 or IPv6 40, UDP 8, VXLAN 8. */
const OVERHEAD_BYTES = { ipv4: 50, ipv6: 70 } as const satisfies Record<Family, number>;

export const vxlanOverheadBytes = (underlayFamily: Family): number =>
  OVERHEAD_BYTES[underlayFamily];

/** Tells the devices of one VNI and several ports apart; '' is the first. */
export type VxlanSuffix = '' | 'B' | 'C' | 'D';
export const VXLAN_SUFFIXES: readonly VxlanSuffix[] = ['', 'B', 'C', 'D'];

/** A VNI and port that this node works by, and the suffix of its devices' names. */
export type VxlanNetwork = VxlanSettings & { readonly suffix: VxlanSuffix };

/**
 * `poplin4-1`: the underlay's family and the VNI in hex, at most 14 of IFNAMSIZ's 15 bytes. The
 * suffix is no hex digit, or `poplin4-1b` would be a device of VNI 27 as well.
 */
export const vxlanLinkName = (family: Family, vni: number, suffix: VxlanSuffix = ''): string =>
  `poplin${family === 'ipv4' ? '4' : '6'}-${vni.toString(16)}${suffix}`;

export const vxlan: Backend<VxlanNetwork> = {
  name: 'vxlan',

  receive({ settings, local }) {
    const links = local.underlays.map((underlay) => device(settings, local, underlay));
    const receives: VxlanReceiver[] = links.map((link) => ({
      family: familyOf(link.local),
      vni: settings.vni,
      port: settings.portNumber,
      mac: link.mac,
      ...(settings.gbp ? { gbp: true } : {}),
    }));
    return { links, receives: { vxlan: receives } };
  },

  offer({ settings, local }, target): PathOffer {
    const { peer, reach, family, underlayAddress } = target;
    const [subnet] = target.subnets;
    if (reach === undefined) {
      return { kind: 'unusable', reason: `${peer.name} has published no advert` };
    }
    if (underlayAddress === undefined || subnet === undefined) {
      return { kind: 'unusable', reason: `${peer.name} has no ${family} underlay address` };
    }
    if (!local.underlays.some((underlay) => underlay.family === family)) {
      return { kind: 'unusable', reason: `this node has no ${family} underlay address` };
    }
    const isOwn = (by: Underlay): boolean =>
      by.address === underlayAddress || by.publicAddress === underlayAddress;
    if (local.underlays.some(isOwn)) {
      const reason = `${peer.name}'s address ${underlayAddress} is this node's own`;
      return { kind: 'unusable', reason };
    }
    const receiver = receiverOf(settings, target, reach);
    if (typeof receiver === 'string') return { kind: 'unusable', reason: receiver };
    const link = vxlanLinkName(family, settings.vni, settings.suffix);
    const gateway = family === 'ipv4' ? cidrAddress(subnet) : linkLocalOf(receiver.mac);
    return {
      kind: 'usable',
      plan: {
        nexthop: { link, gateway, onlink: true },
        neighbours: [{ link, address: gateway, mac: receiver.mac }],
        fdb: [{ link, mac: receiver.mac, remote: underlayAddress }],
      },
    };
  },
};

/** The peer's receiver that our device can send to, or why there is none. */
function receiverOf(
  settings: VxlanSettings,
  { peer, family }: PeerTarget,
  reach: Reach,
): Reach['vxlan'][number] | string {
  let other: Reach['vxlan'][number] | undefined;
  for (const receiver of reach.vxlan) {
    if (receiver.family !== family) continue;
    const { vni, port = settings.portNumber } = receiver;
    if (vni === settings.vni && port === settings.portNumber) return receiver;
    other ??= receiver;
  }
  return other === undefined
    ? `${peer.name} does not receive VXLAN over ${family}`
    : `${peer.name} receives VNI ${other.vni} on port ${other.port ?? settings.portNumber}, ` +
        `not VNI ${settings.vni} on port ${settings.portNumber}`;
}

/**
 * What an encapsulated packet may have. A configuration is for all nodes, and one's link may take
 * less: the kernel refuses to grow a device beyond its link (vxlan_change_mtu in vxlan_core.c).
 */
export const vxlanUnderlayMtuBytes = (
  { mtuBytes }: Pick<VxlanNetwork, 'mtuBytes'>,
  underlay: Pick<Underlay, 'mtuBytes'>,
): number => Math.min(mtuBytes ?? underlay.mtuBytes, underlay.mtuBytes);

function device(
  settings: VxlanNetwork,
  local: BackendContext<VxlanNetwork>['local'],
  underlay: Underlay,
): VxlanLink {
  const wanted: VxlanLink = {
    kind: 'vxlan',
    name: vxlanLinkName(underlay.family, settings.vni, settings.suffix),
    up: true,
    mtuBytes: vxlanUnderlayMtuBytes(settings, underlay) - vxlanOverheadBytes(underlay.family),
    mac: vtepMac(local, underlay.family, settings.vni),
    group: 0,
    alias: `poplin VXLAN over ${underlay.link}`,
    vni: settings.vni,
    portNumber: settings.portNumber,
    local: underlay.address,
    underlay: underlay.link,
    learning: settings.learning,
    gbp: settings.gbp,
    // Offloaded checksums of tunnelled packets are computed wrongly by several drivers; without an
    // outer checksum, which IPv4 allows, the fault cannot occur. IPv6 requires one (RFC 6935).
    udpChecksum: underlay.family === 'ipv6',
  };
  return keepAdopted(wanted, local.vxlanDevices ?? []);
}

/** Stable over restarts and device losses without stored state; differs per node and VNI. */
const vtepMac = (
  local: { readonly machine: string; readonly name: string },
  family: Family,
  vni: number,
): Mac => macFrom(`vxlan ${local.machine} ${local.name} ${family} ${vni}`);
