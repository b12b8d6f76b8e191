// The kernel's route lookup (RTM_GETROUTE): how a packet to an address would leave. Many questions
// go in one batch; each is answered by a route or by an error.

import type { Ip } from '../net/ip.ts';
import { NLM_F_REQUEST } from '../netlink/constants.ts';
import type { RouteMessage } from '../netlink/route.ts';
import { decodeRoute, encodeRouteLookup, RTN_LOCAL, RTN_UNICAST } from '../netlink/route.ts';
import type { RouteLookup } from '../state/route-lookup.ts';
import { MESSAGES_PER_BATCH } from './netlink-socket.ts';
import { readLinks } from './read.ts';
import type { Session } from './session.ts';

export function lookUpRoutes(session: Session, destinations: readonly Ip[]): Map<Ip, RouteLookup> {
  const lookups = new Map<Ip, RouteLookup>();
  for (let start = 0; start < destinations.length; start += MESSAGES_PER_BATCH) {
    lookUpBatch(session, destinations.slice(start, start + MESSAGES_PER_BATCH), lookups);
  }
  return lookups;
}

function lookUpBatch(
  session: Session,
  destinations: readonly Ip[],
  lookups: Map<Ip, RouteLookup>,
): void {
  const { writer, route } = session;
  const asked = new Map<number, Ip>();
  writer.clear();
  for (const destination of destinations) {
    // Whatever error the kernel answers with: nothing could be sent there.
    lookups.set(destination, { kind: 'unreachable' });
    asked.set(encodeRouteLookup(writer, NLM_F_REQUEST, destination), destination);
  }
  const found = new Map<Ip, RouteMessage>();
  route.exchange(writer, (message) => {
    const destination = asked.get(message.sequence);
    if (destination !== undefined) found.set(destination, decodeRoute(message));
  });
  const isUnknown = ({ linkIndex }: RouteMessage): boolean =>
    session.links.get(linkIndex) === undefined;
  if ([...found.values()].some(isUnknown)) readLinks(session);
  for (const [destination, message] of found) {
    lookups.set(destination, lookupFrom(session, message));
  }
}

function lookupFrom(session: Session, route: RouteMessage): RouteLookup {
  if (route.type === RTN_LOCAL) return { kind: 'local' };
  if (route.type !== RTN_UNICAST) return { kind: 'unreachable' };
  const { gateway, source, linkIndex } = route;
  const link = session.links.nameOf(linkIndex);
  const from = source === undefined ? {} : { source };
  return gateway === undefined
    ? { kind: 'onlink', link, ...from }
    : { kind: 'gateway', link, gateway, ...from };
}
