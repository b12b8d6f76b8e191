// NFT_MSG_GETRULE, as far as Poplin reads rules back: only their comments, which are kept in the
// user data that libnftnl puts there (libnftnl/udata.h). What a rule does is not read: listed rules
// do not compare with the text that they were made from.

import type { AttributeCursor, MessageCursor } from './cursor.ts';
import type { MessageWriter } from './message.ts';
import { NFGENMSG_BYTES, NFPROTO_INET, nftHeader, nftMessageType } from './nft.ts';

const NFT_MSG_GETRULE = nftMessageType(7);
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_USERDATA = 7;
const NFTNL_UDATA_RULE_COMMENT = 0;

/** A request for the rules of one table. */
export function encodeNftRuleDump(writer: MessageWriter, flags: number, table: string): number {
  const sequence = writer.begin(NFT_MSG_GETRULE, flags);
  nftHeader(writer, NFPROTO_INET, 0);
  writer.attributeString(NFTA_RULE_TABLE, table);
  writer.end();
  return sequence;
}

export type NftRuleMessage = { readonly table: string; readonly comment: string };

export function decodeNftRule(message: MessageCursor): NftRuleMessage {
  let table = '';
  let comment = '';
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type === NFTA_RULE_TABLE) table = attributes.string();
    else if (attributes.type === NFTA_RULE_USERDATA) comment = commentOf(attributes);
  }
  return { table, comment };
}

/** User data is a list of one byte of type, one byte of length, value; strings end with a NUL. */
function commentOf(attribute: AttributeCursor): string {
  const data = attribute.copy();
  for (let at = 0; at + 2 <= data.length; ) {
    const lengthBytes = data.readUInt8(at + 1);
    const value = data.subarray(at + 2, at + 2 + lengthBytes);
    if (data.readUInt8(at) === NFTNL_UDATA_RULE_COMMENT) {
      return value.toString('utf8').replace(/\0+$/, '');
    }
    at += 2 + lengthBytes;
  }
  return '';
}
