// NFT_MSG_*SETELEM: elements of named sets and maps. One message holds many of one set; an
// attribute ends at 64 KiB, so a caller puts at most ELEMENTS_PER_MESSAGE into one.

import type { AttributeCursor, MessageCursor } from './cursor.ts';
import type { Digest } from './digest.ts';
import type { MessageWriter } from './message.ts';
import { NFGENMSG_BYTES, NFPROTO_INET, nftHeader, nftMessageType } from './nft.ts';
import type { NftElementBytes } from './nft-key.ts';

export const NFT_MSG_NEWSETELEM = nftMessageType(12);
const NFT_MSG_GETSETELEM = nftMessageType(13);
export const NFT_MSG_DELSETELEM = nftMessageType(14);

const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_DATA_VALUE = 1;

/** With keys and data of up to 48 bytes together. */
export const ELEMENTS_PER_MESSAGE = 900;

export type NftSetName = { readonly table: string; readonly set: string };

export function encodeNftElements(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  { name, elements }: { readonly name: NftSetName; readonly elements: readonly NftElementBytes[] },
): number {
  const sequence = writer.begin(request.type, request.flags);
  nftHeader(writer, NFPROTO_INET, 0);
  writer.attributeString(NFTA_SET_ELEM_LIST_TABLE, name.table);
  writer.attributeString(NFTA_SET_ELEM_LIST_SET, name.set);
  const list = writer.beginNested(NFTA_SET_ELEM_LIST_ELEMENTS);
  for (const { key, data } of elements) {
    const element = writer.beginNested(NFTA_LIST_ELEM);
    writeData(writer, NFTA_SET_ELEM_KEY, key);
    if (data !== undefined) writeData(writer, NFTA_SET_ELEM_DATA, data);
    writer.endNested(element);
  }
  writer.endNested(list);
  writer.end();
  return sequence;
}

function writeData(writer: MessageWriter, type: number, value: Buffer): void {
  const data = writer.beginNested(type);
  writer.attributeBytes(NFTA_DATA_VALUE, value);
  writer.endNested(data);
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

/** The elements in one message of the answer. */
export function decodeNftElements(message: MessageCursor): NftElementBytes[] {
  const found: NftElementBytes[] = [];
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type !== NFTA_SET_ELEM_LIST_ELEMENTS) continue;
    const elements = attributes.nested();
    while (elements.next()) {
      const element = elementOf(elements.nested());
      if (element !== undefined) found.push(element);
    }
  }
  return found;
}

function elementOf(element: AttributeCursor): NftElementBytes | undefined {
  let key: Buffer | undefined;
  let data: Buffer | undefined;
  while (element.next()) {
    if (element.type === NFTA_SET_ELEM_KEY) key = bytesIn(element.nested());
    else if (element.type === NFTA_SET_ELEM_DATA) data = bytesIn(element.nested());
  }
  return key === undefined ? undefined : { key, data };
}

function bytesIn(data: AttributeCursor): Buffer | undefined {
  while (data.next()) if (data.type === NFTA_DATA_VALUE) return data.copy();
  return undefined;
}

/** Without the header, in which the kernel counts the transactions of everybody. */
export const digestNftElements = (digest: Digest, message: MessageCursor): void =>
  digest.addAttributes(message, NFGENMSG_BYTES, []);
