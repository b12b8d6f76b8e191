// While sessions change from mesh to reflectors or back, the old ones stay for a while beside the
// new, so that there is always one that brings a node's route. How long is the caller's business:
// until all nodes have had time for their new ones. Pure.

import type { Session, Speaker } from './speaker-types.ts';

/**
 * `wanted` with the sessions with nodes that only `before` has. Those of nodes that are gone stay
 * away, as do sessions of another address, AS or password: they could not be kept as they were.
 */
export function withKeptSessions(
  wanted: Speaker,
  before: Speaker,
  isAlive: (nodeName: string) => boolean,
): Speaker {
  if (wanted.as !== before.as || wanted.routerId !== before.routerId) return wanted;
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
  if (kept.length === 0 && isReflector === wanted.isReflector) return wanted;
  const clusterId = wanted.clusterId ?? before.clusterId;
  return {
    ...wanted,
    isReflector,
    ...(clusterId === undefined ? {} : { clusterId }),
    sessions: [...wanted.sessions, ...kept].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** Whether the node still has the address that the session starts from. */
const isStart = ({ local, family }: Session, { families }: Speaker): boolean =>
  families.some((each) => each.family === family && each.ownAddresses.includes(local.address));
