// What usually is behind a BGP session that does not come up, and what to do about it: from what
// BIRD says of it (proto/bgp/packets.c), and from what this node has told BIRD of it. Where nobody
// knows nothing is said. Pure.

import type { BirdSession } from './sessions.ts';

/** What BIRD does not say. Absent: not known. */
export type SessionFacts = { readonly hasPassword?: boolean };

export type SessionCause = { readonly what: string; readonly todo: string };

/** So long a first connection may take where nothing is wrong. */
const SILENT_SECONDS = 10;

const REFUSED: SessionCause = {
  what: 'nobody speaks BGP there',
  todo: 'look whether its BIRD runs, and whether it listens at that address and port',
};
const NO_ROUTE: SessionCause = {
  what: 'this node has no route to it',
  todo: 'set Multihop, a SourceAddress on its network, or a route',
};
const NOT_THERE: SessionCause = {
  what: 'the machine is not on this network, or is off',
  todo: 'look at its address, at the link and at the cable or bridge between',
};
const BFD_DOWN: SessionCause = {
  what: 'packets between both were lost for the BFD time',
  todo: 'look at the link, and whether UDP port 3784 or 4784 is let through and the peer has BFD',
};

/** The kernel takes the connection, and drops what comes on it from too far away. */
const UNHEARD: SessionCause = {
  what: 'it is connected and says nothing: GTSM is on at one end alone, or the other end hangs',
  todo: 'compare GTSM of both ends, and how many routers are between',
};

const BY_WORDS: readonly (readonly [RegExp, SessionCause])[] = [
  [
    /Bad peer AS/,
    {
      what: 'the other end has another AS number than is configured here, or expects another',
      todo: 'compare AS and NodeAS here with what it says of this node',
    },
  ],
  [/Connection refused/, REFUSED],
  [/No route to host/, NOT_THERE],
  [/Network is unreachable/, NO_ROUTE],
  [
    /Connection reset|Connection closed/,
    {
      what: 'the other end does not know this node as a peer',
      todo: 'look whether it has a session with the address that this node starts from',
    },
  ],
  [
    /Hold timer expired/,
    {
      what: 'nothing was heard for the hold time: packets are lost, or the other end hangs',
      todo: 'look at the link, at its MTU, and at the load of the other end',
    },
  ],
  [/BFD session down/, BFD_DOWN],
  [
    /Route limit exceeded/,
    {
      what: 'it announces more routes than are taken',
      todo: 'filter there, or set ImportLimit',
    },
  ],
  [
    /Connection rejected|Administrative shutdown/,
    { what: 'the other end has the session switched off', todo: 'switch it on there' },
  ],
  [
    /Bad BGP identifier|Collision/,
    {
      what: 'two speakers have the same router id, or connect at once',
      todo: 'look whose router id is this node’s',
    },
  ],
];

/** What keeps a connection from being made. */
const UNCONNECTED: ReadonlySet<SessionCause> = new Set([REFUSED, NO_ROUTE, NOT_THERE]);
/** What a try to connect meets at once. */
const MET_AT_ONCE: ReadonlySet<SessionCause> = new Set([REFUSED, NO_ROUTE]);

/** undefined: it is up, or nothing is known. */
export function causeOf(session: BirdSession, facts: SessionFacts = {}): SessionCause | undefined {
  const { state, lastError } = session;
  if (state === 'established') return undefined;
  const found = BY_WORDS.find(([words]) => words.test(lastError ?? ''))?.[1];
  if (found !== undefined && !isOver(found, session)) return found;
  if (!hasHadTime(session)) return undefined;
  if (isConnected(session)) return UNHEARD;
  return state === 'connect' ? silence(facts) : undefined;
}

const hasHadTime = ({ sinceSeconds }: BirdSession): boolean => (sinceSeconds ?? 0) > SILENT_SECONDS;

/** GTSM is set after the call to connect: what comes before is heard, and may be the OPEN. */
const isConnected = ({ state }: BirdSession): boolean =>
  state === 'open-sent' || state === 'open-confirm';

/**
 * BIRD keeps the last error until the session is up, though later tries may meet something else and
 * end without any error: two nodes that start after each other refuse first what they hear later.
 */
function isOver(cause: SessionCause, session: BirdSession): boolean {
  if (isConnected(session)) return UNCONNECTED.has(cause);
  // Refused, it would rest before the next try.
  return session.state === 'connect' && hasHadTime(session) && MET_AT_ONCE.has(cause);
}

/**
 * TCP drops segments with a wrong signature without a word, and those from too far away. With GTSM
 * here alone that is the answer to the first segment already, if it does not come at once: BIRD
 * asks for it right after it has begun to connect.
 */
function silence({ hasPassword }: SessionFacts): SessionCause {
  const which =
    hasPassword === false ? 'only the other end has a password' : 'the password differs';
  return {
    what: `no answer of its TCP port: a filter drops it, ${which}, or GTSM is on at one end alone`,
    todo: 'compare the passwords and GTSM of both ends, then look for filters',
  };
}

/** For a line of text; '' where nothing is known. */
export function causeText(cause: SessionCause | undefined): string {
  return cause === undefined ? '' : `${cause.what}: ${cause.todo}`;
}
