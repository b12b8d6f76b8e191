// RTM_NEWNETCONF: the kernel tells that somebody set a sysctl of a link, or of all
// (linux/netconf.h; inet_netconf_notify_devconf in net/ipv4/devinet.c). Only for those settings
// that it tells of, and that Poplin sets.

import type { Family } from '../net/family.ts';
import { AF_INET, AF_INET6 } from './constants.ts';
import type { MessageCursor } from './cursor.ts';

export const RTM_NEWNETCONF = 80;
/** Instead of the index of a link: conf/all. */
export const NETCONFA_IFINDEX_ALL = -1;

/** The body is one byte, padded (NLMSG_ALIGN of struct netconfmsg). */
const NETCONFMSG_BYTES = 4;
const NETCONFA_IFINDEX = 1;
const NETCONFA_FORWARDING = 2;
const NETCONFA_RP_FILTER = 3;

export type NetconfMessage = {
  readonly family: Family;
  readonly linkIndex: number;
  /** Those that the message tells of. */
  readonly forwarding?: number;
  readonly rp_filter?: number;
};

/** Undefined for families that are not ours. */
export function decodeNetconf(message: MessageCursor): NetconfMessage | undefined {
  const header = message.header(NETCONFMSG_BYTES);
  const family = message.bytes.readUInt8(header);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const found: { -readonly [Key in keyof NetconfMessage]: NetconfMessage[Key] } = {
    family: family === AF_INET6 ? 'ipv6' : 'ipv4',
    linkIndex: 0,
  };
  const attributes = message.attributes(NETCONFMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type === NETCONFA_IFINDEX) found.linkIndex = attributes.u32() | 0;
    else if (attributes.type === NETCONFA_FORWARDING) found.forwarding = attributes.u32() | 0;
    else if (attributes.type === NETCONFA_RP_FILTER) found.rp_filter = attributes.u32() | 0;
  }
  return found;
}
