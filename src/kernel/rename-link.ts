// Gives a link another name while it carries packets. Linux 6.2 and later rename a link that is up
// (dev_change_name in net/core/dev.c), with everything that lies on it. Older ones say EBUSY: there
// it is set down, renamed and set up again at once, which costs its routes and nothing of what it
// was made by.

import { AppError } from '../lib/errors.ts';
import type { Answer } from '../netlink/answer.ts';
import { CHANGE } from '../netlink/constants.ts';
import type { LinkFields } from '../netlink/link.ts';
import { encodeLink, RTM_NEWLINK } from '../netlink/link.ts';
import type { LinkRename } from './kernel.ts';
import { ERRNO } from './libc.ts';
import { failureOf } from './netlink-socket.ts';
import type { Session } from './session.ts';

export function renameLink(session: Session, { from, to, alias }: LinkRename): void {
  const operation = `rename link ${from} to ${to}`;
  const index = session.queryLink(from);
  if (index === undefined) throw new AppError('NETLINK', operation, 'ENODEV: it is not there');
  const renamed = { index, name: to, alias };
  try {
    const [live] = change(session, [renamed]);
    if (live === undefined) return;
    if (live.errno !== ERRNO.EBUSY) throw failureOf(operation, live);
    const [failed] = renameWhileDown(session, renamed);
    if (failed !== undefined) throw failureOf(operation, failed);
  } finally {
    // What the kernel tells of it is news, once: the next pass finds nothing to do.
    session.queryLinks([from, to]);
  }
}

type Renamed = { readonly index: number; readonly name: string; readonly alias: string };

/** In one batch: what cannot be renamed is set up again all the same. Returns what failed. */
export const renameWhileDown = (session: Session, renamed: Renamed): readonly Answer[] =>
  change(session, [
    { index: renamed.index, up: false },
    renamed,
    { index: renamed.index, up: true },
  ]);

function change(session: Session, steps: readonly LinkFields[]): readonly Answer[] {
  const { writer, route } = session;
  writer.clear();
  for (const fields of steps) encodeLink(writer, { type: RTM_NEWLINK, flags: CHANGE }, fields);
  return [...route.exchange(writer).values()];
}
