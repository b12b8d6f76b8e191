// How a pod's rates are kept, as kernel objects on the host, where the pod cannot reach them.
// Pure.
// To the pod: a token bucket on the host veth. From the pod: what the host veth receives is led to
// a link of its own (ifb), whose token bucket sends it, whereupon it goes on as if it had just
// come from the veth, through the same filters. A policer needs no such link, but it drops where a
//
// bucket lets wait, so that TCP stays far below its rate.

import type { IfbLink, Qdisc, RateQdisc } from '../state/kernel-state.ts';
import { egressLinkOf } from '../state/own.ts';
import type { Attachment, PodRate } from './attachment.ts';

/** Of a burst that nobody asked for. */
const BURST_SECONDS = 0.025;
const BURST_MIN_BYTES = 32 * 1024;
/** What may wait: long enough for TCP to keep the link busy, short enough for everybody else. */
const WAIT_SECONDS = 0.05;
/** More than one packet of TCP segmentation offload, which waits as a whole. */
const WAIT_MIN_BYTES = 96 * 1024;
const BYTES_MAX = 2 ** 32 - 1;
/** An Ethernet header with a VLAN tag: a packet that does not fit into the bucket never leaves. */
const FRAME_HEADER_BYTES = 18;
const EGRESS_MTU_BYTES = 1500;

/** Names of the links that an attachment may have on the host. */
export const linkNamesOf = (hostLink: string): readonly string[] => [
  hostLink,
  egressLinkOf(hostLink),
];

/** Of those that it has. */
export const linksOf = ({ hostLink, bandwidth }: Attachment): readonly string[] =>
  bandwidth?.egress === undefined ? [hostLink] : linkNamesOf(hostLink);

export function egressLinks(
  { hostLink, hostMac, bandwidth }: Attachment,
  alias: string,
): readonly IfbLink[] {
  if (bandwidth?.egress === undefined) return [];
  const name = egressLinkOf(hostLink);
  // Packets of any size pass: it is never asked for its MTU.
  const mtuBytes = EGRESS_MTU_BYTES;
  return [{ kind: 'ifb', name, up: true, mtuBytes, mac: hostMac, group: 0, alias }];
}

export function shapingOf(attachment: Attachment): readonly Qdisc[] {
  const { hostLink, bandwidth } = attachment;
  const qdiscs: Qdisc[] = [];
  if (bandwidth?.ingress !== undefined) {
    qdiscs.push(bucketOf(hostLink, bandwidth.ingress, attachment));
  }
  if (bandwidth?.egress !== undefined) {
    const egressLink = egressLinkOf(hostLink);
    qdiscs.push(bucketOf(egressLink, bandwidth.egress, attachment));
    qdiscs.push({ kind: 'redirect', link: hostLink, to: egressLink });
  }
  return qdiscs;
}

function bucketOf(
  link: string,
  { bitsPerSecond, burstBits }: PodRate,
  { linkMtuBytes }: Attachment,
): RateQdisc {
  const bytesPerSecond = Math.floor(bitsPerSecond / 8);
  const chosenBytes = Math.max(Math.ceil(bytesPerSecond * BURST_SECONDS), BURST_MIN_BYTES);
  const askedBytes = burstBits === 0 ? chosenBytes : Math.floor(burstBits / 8);
  const limitBytes = Math.max(Math.ceil(bytesPerSecond * WAIT_SECONDS), WAIT_MIN_BYTES);
  return {
    kind: 'rate',
    link,
    bytesPerSecond,
    burstBytes: Math.min(Math.max(askedBytes, linkMtuBytes + FRAME_HEADER_BYTES), BYTES_MAX),
    limitBytes: Math.min(limitBytes, BYTES_MAX),
  };
}
