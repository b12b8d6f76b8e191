// Addresses that a link answers for though they are elsewhere (`ip neighbour show proxy`). In IPv4
// a sysctl is enough for all of them; in IPv6 each address needs an entry (pndisc_is_router in
// net/ipv6/ndisc.c).

import type { Ip } from '../net/ip.ts';
import { ADD, DUMP, REMOVE } from '../netlink/constants.ts';
import {
  decodeNeighbour,
  encodeProxy,
  encodeProxyDump,
  neighbourLinkOf,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
} from '../netlink/neighbour.ts';
import { dump } from './dumps.ts';
import { ERRNO } from './libc.ts';
import { failureOf, MESSAGES_PER_BATCH } from './netlink-socket.ts';
import type { Session } from './session.ts';

/** Gone meanwhile, or there already. */
const HARMLESS: ReadonlySet<number> = new Set([0, ERRNO.ENOENT, ERRNO.EEXIST]);

type Change = { readonly type: number; readonly flags: number; readonly address: Ip };

export function answerFor(session: Session, link: string, addresses: ReadonlySet<Ip>): void {
  const linkIndex = session.queryLink(link);
  if (linkIndex === undefined) return;
  const present = answeredBy(session, linkIndex);
  const changes: Change[] = [
    ...[...addresses]
      .filter((address) => !present.has(address))
      .map((address) => ({ type: RTM_NEWNEIGH, flags: ADD, address })),
    ...[...present]
      .filter((address) => !addresses.has(address))
      .map((address) => ({ type: RTM_DELNEIGH, flags: REMOVE, address })),
  ];
  const { writer, route } = session;
  for (let start = 0; start < changes.length; start += MESSAGES_PER_BATCH) {
    writer.clear();
    for (const { type, flags, address } of changes.slice(start, start + MESSAGES_PER_BATCH)) {
      encodeProxy(writer, { type, flags }, { linkIndex, address });
    }
    for (const answer of route.exchange(writer).values()) {
      if (!HARMLESS.has(answer.errno)) throw failureOf(`answer on ${link} for pods`, answer);
    }
  }
}

function answeredBy(session: Session, linkIndex: number): ReadonlySet<Ip> {
  const addresses = new Set<Ip>();
  dump(session, {
    what: 'proxied neighbours',
    write: (writer) => encodeProxyDump(writer, DUMP),
    restart: () => addresses.clear(),
    visit: (message) => {
      const { address } = decodeNeighbour(message);
      if (address !== undefined && neighbourLinkOf(message) === linkIndex) addresses.add(address);
    },
  });
  return addresses;
}
