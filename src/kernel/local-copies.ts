// Keeps the node's own addresses reachable while its network namespace gets the first routing rule.
// With that the kernel parts the tables `local` and `main`, which are one until then: it takes the
// local routes out of `main`, and only then begins to look into `local` (fib_unmerge, then
// `fib_has_custom_rules`; fib4_rule_configure of net/ipv4/fib_rules.c). A packet to an address of
// the node that comes in between finds no route. Routes that were made in `main` are not taken out,
// so copies stand there meanwhile. IPv6 has no such moment: its tables are always apart.
//
// If the agent dies in between, the next one takes the copies away as routes of ours that nobody
// wants.

import { ADD, AF_INET, DUMP, REMOVE } from '../netlink/constants.ts';
import type { RouteMessage } from '../netlink/route.ts';
import {
  decodeRoute,
  encodeRoute,
  encodeRouteDump,
  NO_HOPS,
  RT_SCOPE_NOWHERE,
  RT_TABLE_LOCAL,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTN_UNSPEC,
} from '../netlink/route.ts';
import { MAIN_TABLE, OWN_PROTOCOL } from '../state/own.ts';
import { MESSAGES_PER_BATCH } from './netlink-socket.ts';
import type { Session } from './session.ts';

/** Another than that of our routes, so that the removal of a copy never meets one of those. */
const COPY_METRIC = 1;

const COPY = { table: MAIN_TABLE, metric: COPY_METRIC, protocol: OWN_PROTOCOL, flags: 0 } as const;
/** To be removed, whatever it leads to. */
const ANY = {
  ...{ type: RTN_UNSPEC, scope: RT_SCOPE_NOWHERE, linkIndex: 0, nexthopId: 0, hops: NO_HOPS },
  ...{ gateway: undefined, source: undefined, mtuBytes: undefined },
} as const;

/** `makeRule` is synchronous, as all of it: nobody sees the copies but the kernel. */
export function withLocalCopies(session: Session, makeRule: () => void): void {
  const copies = readLocalRoutes(session).map((route) => ({ ...route, ...COPY }));
  send(session, copies, { type: RTM_NEWROUTE, flags: ADD });
  try {
    makeRule();
  } finally {
    const removals = copies.map((copy) => ({ ...copy, ...ANY }));
    send(session, removals, { type: RTM_DELROUTE, flags: REMOVE });
  }
}

/** One for each destination, as the kernel takes no second copy. */
function readLocalRoutes({ route: socket, writer }: Session): readonly RouteMessage[] {
  const routes = new Map<string, RouteMessage>();
  const filter = { family: AF_INET, protocol: 0, table: RT_TABLE_LOCAL };
  socket.dump((batch) => encodeRouteDump(batch, DUMP, filter), writer, {
    operation: 'read local routes',
    restart: () => routes.clear(),
    // A namespace that has had no address yet has no such table either.
    absent: () => undefined,
    visit: (message) => {
      const route = decodeRoute(message);
      if (route.table === RT_TABLE_LOCAL && !routes.has(route.destination))
        routes.set(route.destination, route);
    },
  });
  return [...routes.values()];
}

/** What the kernel refuses is of no account: for want of a copy a packet may be lost, no more. */
function send(
  { route: socket, writer }: Session,
  routes: readonly RouteMessage[],
  request: { readonly type: number; readonly flags: number },
): void {
  for (let start = 0; start < routes.length; start += MESSAGES_PER_BATCH) {
    for (const route of routes.slice(start, start + MESSAGES_PER_BATCH)) {
      encodeRoute(writer, request, route);
    }
    socket.exchange(writer);
  }
}
