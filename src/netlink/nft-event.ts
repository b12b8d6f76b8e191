// What the kernel tells about changes of nftables: each object of a transaction by a message of its
// own, and at the end NFT_MSG_NEWGEN. The port id of all of them is that of whoever made it.

import type { MessageCursor } from './cursor.ts';
import { NFGENMSG_BYTES, nftMessageType } from './nft.ts';

export const NFT_MSG_NEWGEN = nftMessageType(15);
/** NFT_MSG_NEWSETELEM and NFT_MSG_DELSETELEM: they come and go with the traffic of others. */
export const NFT_ELEMENT_EVENTS: ReadonlySet<number> = new Set([
  nftMessageType(12),
  nftMessageType(14),
]);
/** In every object's message but that of a flow table the first attribute is the table's name. */
const NFTA_TABLE = 1;

/** The table that an object of a transaction belongs to; '' when it does not say. */
export function decodeNftEventTable(message: MessageCursor): string {
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) if (attributes.type === NFTA_TABLE) return attributes.string();
  return '';
}
