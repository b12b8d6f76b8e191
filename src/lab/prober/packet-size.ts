// How many bytes of an IP packet are headers. Sizes in results are those of whole IP packets, since
// that is what an MTU bounds; sockets speak of payloads. Pure.

import type { Family } from '../../net/family.ts';

/** RFC 791 and RFC 8200, without options and extension headers. */
const IP_HEADER_BYTES = { ipv4: 20, ipv6: 40 } as const satisfies Record<Family, number>;
/** RFC 768. */
const UDP_HEADER_BYTES = 8;

export const udpOverheadBytes = (family: Family): number =>
  IP_HEADER_BYTES[family] + UDP_HEADER_BYTES;

export const udpPacketBytes = (family: Family, payloadBytes: number): number =>
  payloadBytes + udpOverheadBytes(family);

/** The payload that makes an IP packet of that size. */
export const udpPayloadBytes = (family: Family, packetBytes: number): number =>
  packetBytes - udpOverheadBytes(family);

/**
 * The largest packet from one endpoint to another: what the sender may send, and no more than what
 * the receiver may, since a route to a peer is bounded by what that peer takes.
 */
export const fullPacketBytes = (
  from: { readonly mtuBytes: number },
  to: { readonly mtuBytes: number },
): number => Math.min(from.mtuBytes, to.mtuBytes);
