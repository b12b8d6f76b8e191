// Which attachment an attachment is: network, container and interface, as the CNI specification has
// it. The host veth's name and both Ethernet addresses follow from it and from nothing else, so
// that a repeated or late call, or an agent without its files, still names the same kernel objects.

import { hash } from 'node:crypto';
import type { Mac } from '../net/mac.ts';
import { macFrom } from '../net/mac.ts';

export type AttachmentIdentity = {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
};

/** No part can hold a slash, so that two identities never share a key. */
export const keyOfAttachment = (identity: AttachmentIdentity): string =>
  `${identity.network}/${identity.containerId}/${identity.ifName}`;

/** `poplin` and nine hex digits: the most that IFNAMSIZ (15 bytes and a NUL) has room for. */
export const hostLinkOf = (identity: AttachmentIdentity): string =>
  `poplin${hash('sha256', keyOfAttachment(identity)).slice(0, 9)}`;

export const hostMacOf = (identity: AttachmentIdentity): Mac =>
  macFrom(`host ${keyOfAttachment(identity)}`);

export const podMacOf = (identity: AttachmentIdentity): Mac =>
  macFrom(`pod ${keyOfAttachment(identity)}`);
