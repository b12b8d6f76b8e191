// Adds and removes elements of the named sets and maps of our nftables table by raw netlink: 7 ms
// for ten thousand, where `nft` would first read all sets of the machine. Many go in one
// transaction. If it is refused, each is tried alone, so that one bad element keeps no other away.
// Of a map a key leads to what was last said, in one step: no packet finds it missing in between.

import { AppError } from '../lib/errors.ts';
import type { Answer } from '../netlink/answer.ts';
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST } from '../netlink/constants.ts';
import { beginNftBatch, endNftBatch } from '../netlink/nft.ts';
import {
  ELEMENTS_PER_MESSAGE,
  encodeNftElements,
  NFT_MSG_DELSETELEM,
  NFT_MSG_NEWSETELEM,
} from '../netlink/nft-element.ts';
import type { NftElementBytes } from '../netlink/nft-key.ts';
import { encodeNftElement } from '../netlink/nft-key.ts';
import type { Op } from '../state/op.ts';
import { NFT_TABLE } from '../state/own.ts';
import { describeOp } from './describe-op.ts';
import type { OpFailure } from './kernel.ts';
import { ERRNO } from './libc.ts';
import { failureOf } from './netlink-socket.ts';
import type { Session } from './session.ts';

/** Of up to 100 bytes each, twice that for a change: a send buffer has at least 208 KiB. */
const ELEMENTS_PER_TRANSACTION = 1000;

export type NftElementOp = Op & { readonly object: 'nft-element' };

type Element = { readonly op: NftElementOp; readonly bytes: NftElementBytes };

export function applyNftElements(session: Session, ops: readonly NftElementOp[]): OpFailure[] {
  const failures: OpFailure[] = [];
  const elements: Element[] = [];
  for (const op of ops) {
    const bytes = encodeNftElement(op.value.element);
    if (bytes !== undefined) elements.push({ op, bytes });
    else failures.push({ op, error: new AppError('NFT', describeOp(op), 'it is no key of a set') });
  }
  for (let start = 0; start < elements.length; start += ELEMENTS_PER_TRANSACTION) {
    const part = elements.slice(start, start + ELEMENTS_PER_TRANSACTION);
    if (transact(session, part) === undefined) continue;
    failures.push(...part.flatMap((element) => failureOfOne(session, element)));
  }
  return failures;
}

function failureOfOne(session: Session, element: Element): OpFailure[] {
  const { op } = element;
  const answer = transact(session, [element]);
  if (answer === undefined || (op.verb === 'remove' && answer.errno === ERRNO.ENOENT)) return [];
  if (op.verb === 'remove' || element.bytes.data === undefined) {
    return [{ op, error: failureOf(describeOp(op), answer) }];
  }
  // The key is there and leads elsewhere, or is not there to be replaced: the other verb it is.
  const verb = op.verb === 'add' ? 'change' : 'add';
  const second = transact(session, [{ ...element, op: { ...op, verb } }]);
  return second === undefined ? [] : [{ op, error: failureOf(describeOp(op), answer) }];
}

/** The first failure, undefined when the transaction was carried out. */
function transact(session: Session, elements: readonly Element[]): Answer | undefined {
  const { writer } = session;
  writer.clear();
  beginNftBatch(writer, NLM_F_REQUEST);
  for (const { type, set, list } of groups(elements)) {
    const flags = NLM_F_REQUEST | NLM_F_ACK | (type === NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
    const name = { table: NFT_TABLE, set };
    encodeNftElements(writer, { type, flags }, { name, elements: list });
  }
  endNftBatch(writer, NLM_F_REQUEST);
  const [failure] = session.netfilter.transact(writer).values();
  writer.clear();
  return failure;
}

type Group = { readonly type: number; readonly set: string; readonly list: NftElementBytes[] };

/** Neighbours of one set and verb go into one message, as many as it holds. */
function groups(elements: readonly Element[]): Group[] {
  const groups: Group[] = [];
  const put = (type: number, set: string, bytes: NftElementBytes): void => {
    const last = groups.at(-1);
    if (last?.type === type && last.set === set && last.list.length < ELEMENTS_PER_MESSAGE) {
      last.list.push(bytes);
    } else {
      groups.push({ type, set, list: [bytes] });
    }
  };
  for (let start = 0; start < elements.length; ) {
    const run = runFrom(elements, start);
    // All that are replaced go before they come: many to a message, each of which is answered.
    for (const { op, bytes } of run) {
      // By its key alone, whatever it leads to.
      if (op.verb !== 'add') put(NFT_MSG_DELSETELEM, op.value.set, { key: bytes.key });
    }
    for (const { op, bytes } of run) {
      if (op.verb !== 'remove') put(NFT_MSG_NEWSETELEM, op.value.set, bytes);
    }
    start += run.length;
  }
  return groups;
}

/** Neighbours of one verb. */
function runFrom(elements: readonly Element[], start: number): readonly Element[] {
  const verb = elements[start]?.op.verb;
  const length = elements.slice(start).findIndex(({ op }) => op.verb !== verb);
  return elements.slice(start, length < 0 ? elements.length : start + length);
}
