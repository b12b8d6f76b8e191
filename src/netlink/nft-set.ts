// NFT_MSG_GETSET: which named sets and maps a table has, and of what types they are.

import type { MessageCursor } from './cursor.ts';
import type { MessageWriter } from './message.ts';
import { NFGENMSG_BYTES, NFPROTO_INET, nftHeader, nftMessageType } from './nft.ts';

const NFT_MSG_GETSET = nftMessageType(10);
const NFTA_SET_TABLE = 1;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_KEY_TYPE = 4;
const NFTA_SET_DATA_TYPE = 6;
const NFTA_SET_COUNT = 20;

/** Sets without a name of their own, which are a part of a rule. */
export const NFT_SET_ANONYMOUS = 0x1;
export const NFT_SET_INTERVAL = 0x4;
export const NFT_SET_MAP = 0x8;

export type NftSetMessage = {
  readonly table: string;
  readonly name: string;
  /** NFT_SET_*. */
  readonly flags: number;
  readonly keyType: number;
  /** 0 for what is no map. */
  readonly dataType: number;
  /** How many elements it has; undefined before kernel 6.16, which does not say. */
  readonly count: number | undefined;
};

/** A request for the sets of one table. */
export function encodeNftSetDump(writer: MessageWriter, flags: number, table: string): number {
  const sequence = writer.begin(NFT_MSG_GETSET, flags);
  nftHeader(writer, NFPROTO_INET, 0);
  writer.attributeString(NFTA_SET_TABLE, table);
  writer.end();
  return sequence;
}

export function decodeNftSet(message: MessageCursor): NftSetMessage {
  let table = '';
  let name = '';
  let flags = 0;
  let keyType = 0;
  let dataType = 0;
  let count: number | undefined;
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case NFTA_SET_TABLE:
        table = attributes.string();
        break;
      case NFTA_SET_NAME:
        name = attributes.string();
        break;
      case NFTA_SET_FLAGS:
        flags = attributes.u32be();
        break;
      case NFTA_SET_KEY_TYPE:
        keyType = attributes.u32be();
        break;
      case NFTA_SET_DATA_TYPE:
        dataType = attributes.u32be();
        break;
      case NFTA_SET_COUNT:
        count = attributes.u32be();
        break;
    }
  }
  return { table, name, flags, keyType, dataType, count };
}
