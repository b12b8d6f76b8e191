// Reads our qdiscs of own links: token buckets at their root, and where what they receive is led
// to. Those of others, as of plugins behind ours, are told apart by their numbers. Where somebody
// watches, a fingerprint asks for few filters and takes the rest from memory. It writes nothing.

import { DUMP } from '../netlink/constants.ts';
import { decodeFilter, encodeFilterDump } from '../netlink/filter.ts';
import type { LinkMessage } from '../netlink/link.ts';
import { decodeQdisc, encodeQdiscDump, isFilterPlace, TC_H_ROOT } from '../netlink/qdisc.ts';
import type { Qdisc } from '../state/kernel-state.ts';
import { keyOfQdisc } from '../state/kernel-state.ts';
import { QDISC_NUMBER } from '../state/own.ts';
import type { Reading } from './dumps.ts';
import { QDISC_HANDLE } from './qdisc-requests.ts';
import type { Session } from './session.ts';

export function readQdiscs(
  { session, digest }: Reading,
  owned: readonly LinkMessage[],
): Map<string, Qdisc> {
  if (owned.length === 0) return new Map();
  const names = new Map(owned.map(({ index, name }) => [index, name]));
  const buckets: Qdisc[] = [];
  const filtering = new Map<number, string>();
  session.route.dump((writer) => encodeQdiscDump(writer, DUMP), session.writer, {
    operation: 'read qdiscs',
    // A kernel without any has none of ours; a pod that asks for a rate is refused there.
    absent: () => undefined,
    restart: () => {
      buckets.length = 0;
      filtering.clear();
    },
    visit: (message) => {
      const qdisc = decodeQdisc(message);
      const link = names.get(qdisc.linkIndex);
      if (link === undefined) return;
      if (isFilterPlace(qdisc)) filtering.set(qdisc.linkIndex, link);
      const { bucket, handle, parent } = qdisc;
      if (bucket === undefined || handle !== QDISC_HANDLE || parent !== TC_H_ROOT) return;
      buckets.push({ kind: 'rate', link, ...bucket });
    },
  });
  // Without a watcher nobody forgets what has changed.
  if (digest === undefined || session.observer === undefined) session.redirects.clear();
  const redirects = redirectsOf(session, filtering);
  return new Map([...buckets, ...redirects].map((qdisc) => [keyOfQdisc(qdisc), qdisc]));
}

/** `filtering`: names of the links that can have filters, by index. */
function redirectsOf(session: Session, filtering: ReadonlyMap<number, string>): readonly Qdisc[] {
  const { links, redirects } = session;
  for (const index of redirects.due(new Set(filtering.keys()))) {
    redirects.record(index, readTarget(session, index, filtering.get(index) ?? ''));
  }
  return [...filtering].flatMap(([index, link]) => {
    const target = redirects.targetOf(index);
    return target === undefined ? [] : [{ kind: 'redirect', link, to: links.nameOf(target) }];
  });
}

/** Index of the link that all is led to by our filter. */
function readTarget(session: Session, linkIndex: number, link: string): number | undefined {
  let target: number | undefined;
  session.route.dump((writer) => encodeFilterDump(writer, DUMP, linkIndex), session.writer, {
    operation: `read filters of ${link}`,
    restart: () => {
      target = undefined;
    },
    visit: (message) => {
      const { priority, redirectIndex } = decodeFilter(message);
      if (priority === QDISC_NUMBER && redirectIndex !== undefined) target = redirectIndex;
    },
  });
  return target;
}
