// Reads our nftables table back: the hash that its structure was made with, and the elements of
// its named sets. Each rule carries the comment `poplin <hash> <number>/<total>`; the structure
// counts as present only when all rules of one hash are there exactly once, no other rule is, and
// the table is not switched off.

import { DUMP, NLM_F_REQUEST } from '../netlink/constants.ts';
import type { MessageCursor } from '../netlink/cursor.ts';
import { decodeNftTableDormant, encodeNftTableQuery } from '../netlink/nft.ts';
import {
  decodeNftElements,
  digestNftElements,
  encodeNftElementDump,
} from '../netlink/nft-element.ts';
import { decodeNftElement, nftKeyParts } from '../netlink/nft-key.ts';
import { decodeNftRule, encodeNftRuleDump } from '../netlink/nft-rule.ts';
import type { NftSetMessage } from '../netlink/nft-set.ts';
import {
  decodeNftSet,
  encodeNftSetDump,
  NFT_SET_ANONYMOUS,
  NFT_SET_INTERVAL,
  NFT_SET_MAP,
} from '../netlink/nft-set.ts';
import type { NftTable } from '../state/kernel-state.ts';
import { NFT_TABLE } from '../state/own.ts';
import type { Reading } from './dumps.ts';
import { ERRNO } from './libc.ts';
import { failureOf } from './netlink-socket.ts';
import type { Session } from './session.ts';

const DUMPS_OF_SET_MAX = 8;
const READS_MAX = 8;

export type NftState = {
  readonly table?: NftTable;
  readonly sets: ReadonlyMap<string, ReadonlySet<string>>;
};

const ABSENT: NftState = { sets: new Map() };
/** Whatever its rules are. Loading the text wakes it up. */
const DORMANT: NftTable = { hash: '', text: '', isDormant: true };

/** A table that somebody deletes and makes again the whole time is as good as absent. */
export function readNft(reading: Reading): NftState {
  for (let attempt = 1; attempt <= READS_MAX; attempt += 1) {
    const found = lookForTable(reading.session);
    if (found === 'absent') return ABSENT;
    let isTorn = false;
    const state = readTable(reading, () => {
      isTorn = true;
    });
    if (isTorn) continue;
    return found === 'dormant' ? { ...state, table: DORMANT } : state;
  }
  return ABSENT;
}

/** `absent` is called when the table, or a set of it, went in the middle. */
function readTable(reading: Reading, absent: () => void): NftState {
  const { session } = reading;
  const table = { hash: hashOf(readComments(session, absent)), text: '' };
  const sets = new Map<string, ReadonlySet<string>>();
  for (const set of readSets(session, absent)) {
    const isMap = (set.flags & NFT_SET_MAP) !== 0;
    const key = nftKeyParts(set.keyType);
    const data = isMap ? nftKeyParts(set.dataType) : undefined;
    if (key === undefined || (isMap && data === undefined)) continue;
    sets.set(set.name, readElements(reading, { ...set, types: { key, data }, absent }));
  }
  return { table, sets };
}

function lookForTable(session: Session): 'absent' | 'dormant' | 'awake' {
  const { writer, netfilter } = session;
  writer.clear();
  encodeNftTableQuery(writer, NLM_F_REQUEST, NFT_TABLE);
  let isDormant = false;
  const visit = (message: MessageCursor): void => {
    isDormant = decodeNftTableDormant(message);
  };
  const [answer] = netfilter.exchange(writer, visit).values();
  writer.clear();
  if (answer === undefined) return isDormant ? 'dormant' : 'awake';
  if (answer.errno === ERRNO.ENOENT) return 'absent';
  throw failureOf(`read nftables table ${NFT_TABLE}`, answer);
}

function readComments(session: Session, absent: () => void): string[] {
  const comments: string[] = [];
  session.netfilter.dump((writer) => encodeNftRuleDump(writer, DUMP, NFT_TABLE), session.writer, {
    operation: 'read nftables rules',
    absent,
    restart: () => comments.splice(0),
    visit: (message) => {
      const rule = decodeNftRule(message);
      if (rule.table === NFT_TABLE) comments.push(rule.comment);
    },
  });
  return comments;
}

/** '' when the rules are not exactly those of one structure. */
export function hashOf(comments: readonly string[]): string {
  const numbers = new Set<number>();
  let found: { readonly hash: string; readonly total: number } | undefined;
  for (const comment of comments) {
    const match = /^poplin (\S+) (\d+)\/(\d+)$/.exec(comment);
    if (match === null) return '';
    const [, hash = '', number, total] = match;
    found ??= { hash, total: Number(total) };
    if (hash !== found.hash || Number(total) !== found.total) return '';
    numbers.add(Number(number));
  }
  if (found === undefined || numbers.size !== comments.length) return '';
  const isWhole = numbers.size === found.total && !numbers.has(0);
  return isWhole && Math.max(...numbers) === found.total ? found.hash : '';
}

/** Named sets and maps of single keys; intervals belong to the structure. */
function readSets(session: Session, absent: () => void): NftSetMessage[] {
  const sets: NftSetMessage[] = [];
  session.netfilter.dump((writer) => encodeNftSetDump(writer, DUMP, NFT_TABLE), session.writer, {
    operation: 'read nftables sets',
    absent,
    restart: () => sets.splice(0),
    visit: (message) => {
      const set = decodeNftSet(message);
      const others = NFT_SET_ANONYMOUS | NFT_SET_INTERVAL;
      if (set.table === NFT_TABLE && (set.flags & others) === 0) sets.push(set);
    },
  });
  return sets;
}

type SetToRead = NftSetMessage & {
  readonly types: { readonly key: readonly number[]; readonly data: readonly number[] | undefined };
  readonly absent: () => void;
};

/**
 * While the kernel enlarges the hash table of a set, a dump of it may leave elements out without a
 * word (the walk of lib/rhashtable.c starts anew). Several together have them all.
 */
function readElements({ session, digest }: Reading, set: SetToRead): Set<string> {
  const { types, absent } = set;
  const elements = new Set<string>();
  const name = { table: NFT_TABLE, set: set.name };
  const before = digest?.mark();
  for (let attempt = 1; attempt <= DUMPS_OF_SET_MAX; attempt += 1) {
    session.netfilter.dump((writer) => encodeNftElementDump(writer, DUMP, name), session.writer, {
      operation: `read elements of nftables set ${set.name}`,
      absent,
      restart: () => void (before !== undefined && digest?.reset(before)),
      visit: (message) => {
        if (digest !== undefined) {
          digestNftElements(digest, message);
          return;
        }
        for (const element of decodeNftElements(message)) {
          const text = decodeNftElement(element, types, session.text);
          if (text !== undefined) elements.add(text);
        }
      },
    });
    // A digest of too few is that of no whole set, and so that of no settled state.
    if (digest !== undefined || set.count === undefined || elements.size >= set.count) break;
  }
  return elements;
}
