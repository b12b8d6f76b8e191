// `show protocols all` and `show bfd sessions`: the BGP sessions, each with its state, its routes
// and its last error in words. Of other protocols nothing is told. Lines that a newer BIRD adds are
// passed over; those that are known must be as known. Pure; throws BirdDecodeError.

import { secondsSince } from './bird-time.ts';
import { BirdDecodeError } from './decode-error.ts';
import type { BirdReply } from './reply.ts';
import { textsOf } from './reply.ts';

/** RFC 4271 §8.2.2, and what BIRD calls `Passive`, `Close` and `Down` beside it. */
const STATES = {
  Idle: 'idle',
  Connect: 'connect',
  Active: 'active',
  OpenSent: 'open-sent',
  OpenConfirm: 'open-confirm',
  Established: 'established',
  Close: 'closing',
  Passive: 'passive',
  Down: 'down',
} as const;

export type BirdSessionState = (typeof STATES)[keyof typeof STATES];

export type BirdChannel = {
  /** `ipv4`, `ipv6` or another of BIRD's. */
  readonly name: string;
  readonly imported: number;
  readonly exported: number;
  /** More routes came than are taken, and what BIRD does about it: `block`, `disable`, … */
  readonly importLimitHit?: string;
};

export type BirdSession = {
  /** As in bird.conf. */
  readonly name: string;
  /** Address or range; a link-local one with `%link`. */
  readonly neighbour: string;
  readonly neighbourAs: number | undefined;
  readonly state: BirdSessionState;
  /** In BIRD's words and time zone. */
  readonly since: string;
  /** How long it has been in this state; undefined where BIRD's time does not tell. */
  readonly sinceSeconds: number | undefined;
  readonly channels: readonly BirdChannel[];
  /** In BIRD's words; also what was wrong before the session came up. */
  readonly lastError: string | undefined;
  /** `neighbour`: it restarts, its routes are kept; `own`: this BIRD gets its own back. */
  readonly restarting: 'neighbour' | 'own' | undefined;
  /** What BFD says of the neighbour; undefined where none is asked. */
  readonly bfd: 'up' | 'down' | undefined;
};

const HEADER_CODE = 2002;
const ROW_CODE = 1002;
const DETAIL_CODE = 1006;
const BFD_CODE = 1020;

/** Name, protocol, table, state, since, information. */
const ROW =
  /^(\S+) +(\S+) +(\S+) +(\S+) +((?:\d{4}-\d\d-\d\d)?(?: ?\d\d:\d\d:\d\d(?:\.\d+)?)?) *(.*)$/;

type Draft = { name: string; since: string; details: string[] };

/** `now` is BIRD's own; `bfd` the answer to `show bfd sessions`. */
export function parseSessions(
  reply: BirdReply,
  { now, bfd }: { readonly now: string; readonly bfd: ReadonlyMap<string, 'up' | 'down'> },
): BirdSession[] {
  const [first] = reply.lines;
  if (reply.code !== 0 || first?.code !== HEADER_CODE) {
    throw new BirdDecodeError('no answer to show protocols', first?.text ?? '');
  }
  const drafts: Draft[] = [];
  let draft: Draft | undefined;
  for (const { code, text } of reply.lines) {
    if (code === ROW_CODE) {
      const [, name = '', protocol, , , since = ''] = ROW.exec(text) ?? [];
      if (protocol === undefined || since === '') throw new BirdDecodeError('no protocol', text);
      draft = protocol === 'BGP' ? { name, since, details: [] } : undefined;
      if (draft !== undefined) drafts.push(draft);
    } else if (code === DETAIL_CODE) {
      draft?.details.push(text);
    }
  }
  return drafts.map((each) => sessionOf(each, now, bfd));
}

function sessionOf(
  { name, since, details }: Draft,
  now: string,
  bfd: ReadonlyMap<string, 'up' | 'down'>,
): BirdSession {
  // The indentation of the first line lacks the blank that a continuation begins with.
  const firstChannel = details.findIndex((text) => /^ *Channel /.test(text));
  const own = firstChannel < 0 ? details : details.slice(0, firstChannel);
  const value = (key: string): string | undefined => detailOf(own, key);
  const stateText = value('BGP state') ?? '';
  const neighbour = value('Neighbor address') ?? value('Neighbor range');
  if (!isState(stateText) || neighbour === undefined) {
    throw new BirdDecodeError(`no state of BGP session ${name}`, stateText);
  }
  const channels = firstChannel < 0 ? [] : channelsOf(details.slice(firstChannel));
  const isRecovering = details.some((text) => /^ *GR recovery: +(pending|waiting)$/.test(text));
  const isNeighbourGone = own.some((text) => text.trim() === 'Neighbor graceful restart active');
  const ownAs = value('Neighbor AS');
  return {
    name,
    neighbour,
    neighbourAs: ownAs === undefined ? undefined : decimal(ownAs),
    state: STATES[stateText],
    since,
    sinceSeconds: secondsSince(since, now),
    channels,
    lastError: value('Last error'),
    restarting: isNeighbourGone ? 'neighbour' : isRecovering ? 'own' : undefined,
    bfd: bfd.get(neighbour),
  };
}

const isState = (text: string): text is keyof typeof STATES => Object.hasOwn(STATES, text);

function channelsOf(details: readonly string[]): BirdChannel[] {
  const channels: string[][] = [];
  for (const text of details) {
    if (/^ *Channel /.test(text)) channels.push([text]);
    else channels.at(-1)?.push(text);
  }
  return channels.map(([head = '', ...rest]) => {
    const name = head.trim().slice('Channel '.length);
    // Absent while the channel is down.
    const routes = detailOf(rest, 'Routes');
    const limit = detailOf(rest, 'Import limit')?.endsWith('[HIT]');
    const action = detailOf(
      rest.slice(rest.findIndex((t) => t.includes('Import limit'))),
      'Action',
    );
    return {
      name,
      imported: countOf(routes, 'imported'),
      exported: countOf(routes, 'exported'),
      ...(limit === true ? { importLimitHit: action ?? '' } : {}),
    };
  });
}

/** `Routes: 2 imported, 1 filtered, 3 exported, 1 preferred` */
function countOf(routes: string | undefined, what: string): number {
  if (routes === undefined) return 0;
  const found = new RegExp(`(?:^|, )(\\d+) ${what}(?:,|$)`).exec(routes)?.[1];
  if (found === undefined) throw new BirdDecodeError(`no number of routes ${what}`, routes);
  return decimal(found);
}

function decimal(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) {
    throw new BirdDecodeError('not a number', text);
  }
  return number;
}

function detailOf(details: readonly string[], key: string): string | undefined {
  for (const text of details) {
    const line = text.trimStart();
    if (line.startsWith(`${key}:`)) return line.slice(key.length + 1).trim();
  }
  return undefined;
}

/** By the neighbour's address. Without a protocol `bfd` BIRD refuses, and there are none. */
export function parseBfdSessions(reply: BirdReply): Map<string, 'up' | 'down'> {
  const sessions = new Map<string, 'up' | 'down'>();
  for (const text of textsOf(reply, BFD_CODE)) {
    const [address = '', , state] = text.trim().split(/ +/);
    // What else has the code are the protocol's name and the table's head.
    if (/^[0-9a-f.:]+$/i.test(address) && state !== undefined) {
      sessions.set(address, state === 'Up' ? 'up' : 'down');
    }
  }
  return sessions;
}
