// While sessions change from mesh to reflectors or back, the old ones stay for a while beside the
// new, so that there is always one that brings a node's route. How long is the caller's business:
// until all nodes have had time for their new ones. Pure.

import type { Session, Speaker } from './speaker-types.ts';

/**
 * `wanted` with the sessions with nodes that only `before` has, and with all that a session with a
 * reflector of before brings. Those of nodes that are gone stay away, as do sessions of another
 * address, AS or password: they could not be kept as they were.
 */
export function withKeptSessions(
  wanted: Speaker,
  before: Speaker,
  isAlive: (nodeName: string) => boolean,
): Speaker {
  if (wanted.as !== before.as || wanted.routerId !== before.routerId) return wanted;
  const old = new Map(before.sessions.map((session) => [session.name, session]));
  const names = new Set(wanted.sessions.map(({ name }) => name));
  const served = new Set(wanted.families.map(({ family }) => family));
  const isKept = (session: Session): boolean =>
    session.role !== 'peer' &&
    !names.has(session.name) &&
    served.has(session.family) &&
    isAlive(session.remoteName) &&
    isStart(session, wanted);
  const kept = before.sessions.filter(isKept);
  const isReflector = wanted.isReflector || before.isReflector;
  const sessions = wanted.sessions.map((session) => asWide(session, old.get(session.name)));
  const isSame = sessions.every((session, index) => session === wanted.sessions[index]);
  if (kept.length === 0 && isReflector === wanted.isReflector && isSame) return wanted;
  const clusterId = wanted.clusterId ?? before.clusterId;
  return {
    ...wanted,
    isReflector,
    ...(clusterId === undefined ? {} : { clusterId }),
    sessions: [...sessions, ...kept].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** What is a reflector no more goes on to bring what it reflects. */
function asWide(session: Session, before: Session | undefined): Session {
  if (before?.imports.kind !== 'reflected' || session.imports.kind !== 'subnets') return session;
  return { ...session, imports: before.imports, importLimit: before.importLimit };
}

/** Whether the node still has the address that the session starts from. */
const isStart = ({ local, family }: Session, { families }: Speaker): boolean =>
  families.some((each) => each.family === family && each.ownAddresses.includes(local.address));
