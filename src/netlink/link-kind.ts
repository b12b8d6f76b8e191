// What IFLA_INFO_DATA holds for the two kinds of devices that Poplin makes: VXLAN devices
// (drivers/net/vxlan) and veth pairs (drivers/net/veth.c).

import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import type { AttributeCursor } from './cursor.ts';
import type { MessageWriter } from './message.ts';

const IFLA_VXLAN_ID = 1;
const IFLA_VXLAN_LINK = 3;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_LEARNING = 7;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_LOCAL6 = 17;
const IFLA_VXLAN_UDP_CSUM = 18;
const IFLA_VXLAN_UDP_ZERO_CSUM6_TX = 19;
const IFLA_VXLAN_UDP_ZERO_CSUM6_RX = 20;
const IFLA_VXLAN_GBP = 23;
const VETH_INFO_PEER = 1;

export type VxlanMessage = {
  readonly vni: number;
  readonly portNumber: number;
  /** Absent when the kernel chooses the source address of the outer packets. */
  readonly local?: Ip;
  /** Index of the underlay link, 0 for none. */
  readonly underlayIndex: number;
  readonly learning: boolean;
  readonly gbp: boolean;
  readonly udpChecksum: boolean;
};

export type VxlanFields = Partial<VxlanMessage>;

/** The other end cannot be set up yet: it has no peer while it is made (veth_open: ENOTCONN). */
export type VethPeerFields = {
  readonly name: string;
  readonly mac: Mac;
  readonly mtuBytes: number;
  readonly queueCount?: number;
  /** Open descriptor of the namespace that the other end is made in. */
  readonly netnsFd: number;
};

export function encodeVxlan(writer: MessageWriter, vxlan: VxlanFields): void {
  const flag = (type: number, value: boolean | undefined): void => {
    if (value !== undefined) writer.attributeU8(type, value ? 1 : 0);
  };
  if (vxlan.vni !== undefined) writer.attributeU32(IFLA_VXLAN_ID, vxlan.vni);
  if (vxlan.underlayIndex !== undefined) writer.attributeU32(IFLA_VXLAN_LINK, vxlan.underlayIndex);
  if (vxlan.local !== undefined) {
    const isIpv6 = vxlan.local.includes(':');
    writer.attributeIp(isIpv6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, vxlan.local);
    if (isIpv6 && vxlan.udpChecksum !== undefined) {
      // RFC 8200 §8.1: receivers drop IPv6 packets whose UDP checksum is zero.
      flag(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, false);
      flag(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, false);
    }
  }
  flag(IFLA_VXLAN_LEARNING, vxlan.learning);
  if (vxlan.portNumber !== undefined) writer.attributeU16be(IFLA_VXLAN_PORT, vxlan.portNumber);
  flag(IFLA_VXLAN_UDP_CSUM, vxlan.udpChecksum);
  // A flag without a value: its absence means off.
  if (vxlan.gbp === true) writer.flag(IFLA_VXLAN_GBP);
}

/** `body` writes the ifinfomsg and the attributes of the other end. */
export function encodeVethPeer(writer: MessageWriter, body: () => void): void {
  const peer = writer.beginNested(VETH_INFO_PEER);
  body();
  writer.endNested(peer);
}

export function decodeVxlan(data: AttributeCursor): VxlanMessage {
  const vxlan: { -readonly [Key in keyof VxlanMessage]: VxlanMessage[Key] } = {
    vni: 0,
    portNumber: 0,
    underlayIndex: 0,
    learning: false,
    gbp: false,
    udpChecksum: false,
  };
  while (data.next()) {
    switch (data.type) {
      case IFLA_VXLAN_ID:
        vxlan.vni = data.u32();
        break;
      case IFLA_VXLAN_LINK:
        vxlan.underlayIndex = data.u32();
        break;
      case IFLA_VXLAN_LOCAL:
      case IFLA_VXLAN_LOCAL6:
        vxlan.local = data.ip();
        break;
      case IFLA_VXLAN_LEARNING:
        vxlan.learning = data.u8() !== 0;
        break;
      case IFLA_VXLAN_PORT:
        vxlan.portNumber = data.u16be();
        break;
      case IFLA_VXLAN_UDP_CSUM:
        vxlan.udpChecksum = data.u8() !== 0;
        break;
      case IFLA_VXLAN_GBP:
        vxlan.gbp = true;
        break;
    }
  }
  return vxlan;
}
