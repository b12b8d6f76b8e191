// NFT_MSG_*SETELEM: elements of named sets. One message holds many of one set; an attribute ends at
// 64 KiB, so a caller puts at most ELEMENTS_PER_MESSAGE into one.

import type { AttributeCursor, MessageCursor } from './cursor.ts';
import type { Digest } from './digest.ts';
import type { MessageWriter } from './message.ts';
import { NFGENMSG_BYTES, NFPROTO_INET, nftHeader, nftMessageType } from './nft.ts';

export const NFT_MSG_NEWSETELEM = nftMessageType(12);
const NFT_MSG_GETSETELEM = nftMessageType(13);
export const NFT_MSG_DELSETELEM = nftMessageType(14);

const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_DATA_VALUE = 1;

/** With keys of up to 48 bytes. */
export const ELEMENTS_PER_MESSAGE = 1000;

export type NftSetName = { readonly table: string; readonly set: string };

export function encodeNftElements(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  { name, keys }: { readonly name: NftSetName; readonly keys: readonly Buffer[] },
): number {
  const sequence = writer.begin(request.type, request.flags);
  nftHeader(writer, NFPROTO_INET, 0);
  writer.attributeString(NFTA_SET_ELEM_LIST_TABLE, name.table);
  writer.attributeString(NFTA_SET_ELEM_LIST_SET, name.set);
  const elements = writer.beginNested(NFTA_SET_ELEM_LIST_ELEMENTS);
  for (const key of keys) {
    const element = writer.beginNested(NFTA_LIST_ELEM);
    const data = writer.beginNested(NFTA_SET_ELEM_KEY);
    writer.attributeBytes(NFTA_DATA_VALUE, key);
    writer.endNested(data);
    writer.endNested(element);
  }
  writer.endNested(elements);
  writer.end();
  return sequence;
}

/** A request for all elements of one set. */
export function encodeNftElementDump(
  writer: MessageWriter,
  flags: number,
  name: NftSetName,
): number {
  const sequence = writer.begin(NFT_MSG_GETSETELEM, flags);
  nftHeader(writer, NFPROTO_INET, 0);
  writer.attributeString(NFTA_SET_ELEM_LIST_TABLE, name.table);
  writer.attributeString(NFTA_SET_ELEM_LIST_SET, name.set);
  writer.end();
  return sequence;
}

/** The keys of the elements in one message of the answer. */
export function decodeNftElements(message: MessageCursor): Buffer[] {
  const keys: Buffer[] = [];
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type !== NFTA_SET_ELEM_LIST_ELEMENTS) continue;
    const elements = attributes.nested();
    while (elements.next()) {
      const key = keyOf(elements.nested());
      if (key !== undefined) keys.push(key);
    }
  }
  return keys;
}

function keyOf(element: AttributeCursor): Buffer | undefined {
  while (element.next()) {
    if (element.type !== NFTA_SET_ELEM_KEY) continue;
    const data = element.nested();
    while (data.next()) if (data.type === NFTA_DATA_VALUE) return data.copy();
  }
  return undefined;
}

/** Without the header, in which the kernel counts the transactions of everybody. */
export const digestNftElements = (digest: Digest, message: MessageCursor): void =>
  digest.addAttributes(message, NFGENMSG_BYTES, []);
