// The frame of nf_tables messages (linux/netfilter/nf_tables.h, net/netfilter/nf_tables_api.c): the
// header that all have, the batch that makes many one transaction, and the question whether a
// table is there and at work. Attribute integers are in network order throughout.

import type { MessageCursor } from './cursor.ts';
import type { MessageWriter } from './message.ts';

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;
export const NFGENMSG_BYTES = 4;
/** The family of our table: IPv4 and IPv6. */
export const NFPROTO_INET = 1;

/** The type of an NFT_MSG_* as it stands in a message. */
export const nftMessageType = (message: number): number => (NFNL_SUBSYS_NFTABLES << 8) | message;

const NFT_MSG_GETTABLE = nftMessageType(1);
const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
/** No packet meets its rules, though each of them is there. */
const NFT_TABLE_F_DORMANT = 0x1;

export function nftHeader(writer: MessageWriter, family: number, resource: number): void {
  writer.u8(family);
  writer.u8(0);
  writer.u16be(resource);
}

/** Everything between begin and end happens at once or not at all. */
export function beginNftBatch(writer: MessageWriter, flags: number): void {
  writer.begin(NFNL_MSG_BATCH_BEGIN, flags);
  nftHeader(writer, 0, NFNL_SUBSYS_NFTABLES);
  writer.end();
}

export function endNftBatch(writer: MessageWriter, flags: number): void {
  writer.begin(NFNL_MSG_BATCH_END, flags);
  nftHeader(writer, 0, NFNL_SUBSYS_NFTABLES);
  writer.end();
}

export function encodeNftTableQuery(writer: MessageWriter, flags: number, table: string): number {
  const sequence = writer.begin(NFT_MSG_GETTABLE, flags);
  nftHeader(writer, NFPROTO_INET, 0);
  writer.attributeString(NFTA_TABLE_NAME, table);
  writer.end();
  return sequence;
}

/** Of the answer: whether somebody has switched the table off. */
export function decodeNftTableDormant(message: MessageCursor): boolean {
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type !== NFTA_TABLE_FLAGS) continue;
    return (attributes.u32be() & NFT_TABLE_F_DORMANT) !== 0;
  }
  return false;
}
