// RTM_*LINK: network devices (linux/if_link.h, net/core/rtnetlink.c). What a VXLAN device or a veth
// pair adds is in link-kind.ts. A request names its device by index, or by name where the index is
// not known; fields that are left out are not touched.

import type { Mac } from '../net/mac.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from './constants.ts';
import type { AttributeCursor, MessageCursor } from './cursor.ts';
import type { VethPeerFields, VxlanFields, VxlanMessage } from './link-kind.ts';
import { decodeVxlan, encodeVethPeer, encodeVxlan } from './link-kind.ts';
import type { MessageWriter } from './message.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;

const IFINFOMSG_BYTES = 16;
const IFF_UP = 0x1;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_AF_SPEC = 26;
const IFLA_GROUP = 27;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INET_CONF = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
/** Leaves the counters out of the answer, which are most of it. */
const RTEXT_FILTER_SKIP_STATS = 1 << 3;

/** Devices without an Ethernet address (tunnels) have the same one as loopback here. */
const NO_MAC = '00:00:00:00:00:00' as Mac;

export type LinkMessage = {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtuBytes: number;
  readonly mac: Mac;
  readonly group: number;
  readonly alias: string;
  /** The driver (IFLA_INFO_KIND): `vxlan`, `veth`; '' for hardware and loopback. */
  readonly kind: string;
  readonly vxlan?: VxlanMessage;
  /** Of a veth: the index of its other end, in whatever namespace that is. */
  readonly peerIndex?: number;
  /** Of the bridge that it is a port of. */
  readonly masterIndex?: number;
  /** IFLA_INET_CONF: the value of IPV4_DEVCONF_n is at n - 1; empty without IPv4. */
  readonly ipv4Settings: readonly number[];
};

export type LinkFields = {
  readonly index?: number;
  readonly name?: string;
  readonly up?: boolean;
  readonly mtuBytes?: number;
  readonly mac?: Mac;
  readonly group?: number;
  readonly alias?: string;
  /** Of each direction, only while a link is made. */
  readonly queueCount?: number;
  readonly kind?: string;
  readonly vxlan?: VxlanFields;
  readonly peer?: VethPeerFields;
  /** Some of the IPV4_DEVCONF_* settings. */
  readonly ipv4Changes?: readonly Ipv4Setting[];
  readonly addressGeneration?: AddressGeneration;
};

/** Which link-local IPv6 address the kernel gives a link by itself. */
export type AddressGeneration = 'none';

export type Ipv4Setting = { readonly id: number; readonly value: number };

export function encodeLink(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  link: LinkFields,
): number {
  const sequence = writer.begin(request.type, request.flags);
  linkHeader(writer, link.index ?? 0, link.up);
  linkAttributes(writer, link);
  if (link.kind !== undefined && link.kind !== '') {
    const info = writer.beginNested(IFLA_LINKINFO);
    writer.attributeString(IFLA_INFO_KIND, link.kind);
    encodeInfoData(writer, link);
    writer.endNested(info);
  }
  encodeFamilySettings(writer, link);
  writer.end();
  return sequence;
}

function linkHeader(writer: MessageWriter, index: number, up: boolean | undefined): void {
  writer.u8(AF_UNSPEC);
  writer.u8(0);
  writer.u16(0);
  writer.u32(index);
  writer.u32(up === true ? IFF_UP : 0);
  writer.u32(up === undefined ? 0 : IFF_UP);
}

function linkAttributes(writer: MessageWriter, link: LinkFields): void {
  if (link.name !== undefined) writer.attributeString(IFLA_IFNAME, link.name);
  if (link.mac !== undefined) writer.attributeMac(IFLA_ADDRESS, link.mac);
  if (link.mtuBytes !== undefined) writer.attributeU32(IFLA_MTU, link.mtuBytes);
  if (link.group !== undefined) writer.attributeU32(IFLA_GROUP, link.group);
  if (link.queueCount !== undefined) {
    writer.attributeU32(IFLA_NUM_TX_QUEUES, link.queueCount);
    writer.attributeU32(IFLA_NUM_RX_QUEUES, link.queueCount);
  }
  if (link.alias !== undefined) {
    // Without the NUL: an alias of length zero is how one is taken away.
    writer.attributeBytes(IFLA_IFALIAS, Buffer.from(link.alias));
  }
}

function encodeInfoData(writer: MessageWriter, link: LinkFields): void {
  const { vxlan, peer } = link;
  if (vxlan === undefined && peer === undefined) return;
  const data = writer.beginNested(IFLA_INFO_DATA);
  if (vxlan !== undefined) encodeVxlan(writer, vxlan);
  if (peer !== undefined) {
    encodeVethPeer(writer, () => {
      linkHeader(writer, 0, undefined);
      linkAttributes(writer, peer);
      writer.attributeU32(IFLA_NET_NS_FD, peer.netnsFd);
    });
  }
  writer.endNested(data);
}

function encodeFamilySettings(writer: MessageWriter, link: LinkFields): void {
  const { ipv4Changes, addressGeneration } = link;
  if (ipv4Changes === undefined && addressGeneration === undefined) return;
  const families = writer.beginNested(IFLA_AF_SPEC);
  if (ipv4Changes !== undefined) {
    const family = writer.beginNested(AF_INET);
    const values = writer.beginNested(IFLA_INET_CONF);
    for (const { id, value } of ipv4Changes) writer.attributeU32(id, value);
    writer.endNested(values);
    writer.endNested(family);
  }
  if (addressGeneration === 'none') {
    const family = writer.beginNested(AF_INET6);
    writer.attributeU8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    writer.endNested(family);
  }
  writer.endNested(families);
}

/** A request for one link, or with NLM_F_DUMP for all; without the counters. */
export function encodeLinkQuery(
  writer: MessageWriter,
  flags: number,
  link: { readonly index?: number; readonly name?: string },
): number {
  const sequence = writer.begin(RTM_GETLINK, flags);
  linkHeader(writer, link.index ?? 0, undefined);
  if (link.name !== undefined) writer.attributeString(IFLA_IFNAME, link.name);
  writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  writer.end();
  return sequence;
}

/** The index in an RTM_NEWLINK or RTM_DELLINK, without decoding the rest. */
export const linkIndexOf = (message: MessageCursor): number =>
  message.bytes.readInt32LE(message.header(IFINFOMSG_BYTES) + 4);

export function decodeLink(message: MessageCursor): LinkMessage {
  const header = message.header(IFINFOMSG_BYTES);
  const link: { -readonly [Key in keyof LinkMessage]: LinkMessage[Key] } = {
    index: message.bytes.readInt32LE(header + 4),
    name: '',
    up: (message.bytes.readUInt32LE(header + 8) & IFF_UP) !== 0,
    mtuBytes: 0,
    mac: NO_MAC,
    group: 0,
    alias: '',
    kind: '',
    ipv4Settings: [],
  };
  let lowerIndex = 0;
  const attributes = message.attributes(IFINFOMSG_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case IFLA_IFNAME:
        link.name = attributes.string();
        break;
      case IFLA_ADDRESS:
        if (attributes.lengthBytes === 6) link.mac = attributes.mac();
        break;
      case IFLA_MTU:
        link.mtuBytes = attributes.u32();
        break;
      case IFLA_LINK:
        lowerIndex = attributes.u32();
        break;
      case IFLA_GROUP:
        link.group = attributes.u32();
        break;
      case IFLA_MASTER:
        link.masterIndex = attributes.u32();
        break;
      case IFLA_IFALIAS:
        link.alias = attributes.string();
        break;
      case IFLA_LINKINFO:
        Object.assign(link, decodeLinkInfo(attributes.nested()));
        break;
      case IFLA_AF_SPEC:
        link.ipv4Settings = decodeIpv4Settings(attributes.nested());
        break;
    }
  }
  if (link.kind === 'veth' && lowerIndex !== 0) link.peerIndex = lowerIndex;
  return link;
}

function decodeLinkInfo(info: AttributeCursor): Pick<LinkMessage, 'kind' | 'vxlan'> {
  let kind = '';
  while (info.next()) {
    if (info.type === IFLA_INFO_KIND) kind = info.string();
    // The kernel puts the kind before the data (rtnl_link_info_fill).
    if (info.type === IFLA_INFO_DATA && kind === 'vxlan') {
      return { kind, vxlan: decodeVxlan(info.nested()) };
    }
  }
  return { kind };
}

function decodeIpv4Settings(families: AttributeCursor): number[] {
  while (families.next()) {
    if (families.type !== AF_INET) continue;
    const family = families.nested();
    while (family.next()) if (family.type === IFLA_INET_CONF) return family.i32Array();
  }
  return [];
}
