// How objects are asked for by the dump: each kind by one, decoded or, of what there are thousands,
// mixed into a digest. The kinds are read one after the other, and pods' links come meanwhile, by
// another thread or another program. What lies on a link that the dump of links did not have yet is
// to be left out: nobody could say whose it is, and what nobody knows is removed.

import type { MessageCursor } from '../netlink/cursor.ts';
import type { Digest } from '../netlink/digest.ts';
import type { MessageWriter } from '../netlink/message.ts';
import type { Session } from './session.ts';

/** What is read with a digest is without nexthops, routes, neighbours, FDB and sets' elements. */
export type Reading = { readonly session: Session; readonly digest?: Digest };

export type Dump = {
  readonly what: string;
  write(writer: MessageWriter): void;
  restart(): void;
  visit(message: MessageCursor): void;
};

export function dump(session: Session, { what, write, restart, visit }: Dump): void {
  session.route.dump(write, session.writer, { operation: `read ${what}`, restart, visit });
}

/** Of a kind that there are thousands of. */
type BulkDump = Dump & {
  concerns(message: MessageCursor): boolean;
  mix(digest: Digest, message: MessageCursor): void;
};

export function bulkDump({ session, digest }: Reading, bulk: BulkDump): void {
  const { concerns, mix, visit, ...rest } = bulk;
  if (digest === undefined) {
    dump(session, { ...rest, visit: (message) => void (concerns(message) && visit(message)) });
    return;
  }
  const before = digest.mark();
  dump(session, {
    ...rest,
    restart: () => digest.reset(before),
    visit: (message) => void (concerns(message) && mix(digest, message)),
  });
}

/** 0 is no link at all. */
export const isOnNewLink = (
  { links }: Session,
  { linkIndex }: { readonly linkIndex: number },
): boolean => linkIndex !== 0 && links.get(linkIndex) === undefined;
