// Reads our qdiscs of own links: token buckets at their root, and where what they receive is led
// to. Those of others, as of plugins behind ours, are told apart by their numbers. It writes
// nothing.

import { DUMP } from '../netlink/constants.ts';
import { decodeFilter, encodeFilterDump } from '../netlink/filter.ts';
import type { LinkMessage } from '../netlink/link.ts';
import { decodeQdisc, encodeQdiscDump, isFilterPlace, TC_H_ROOT } from '../netlink/qdisc.ts';
import type { Qdisc } from '../state/kernel-state.ts';
import { keyOfQdisc } from '../state/kernel-state.ts';
import { QDISC_NUMBER } from '../state/own.ts';
import { QDISC_HANDLE } from './qdisc-requests.ts';
import type { Session } from './session.ts';

export function readQdiscs(session: Session, owned: readonly LinkMessage[]): Map<string, Qdisc> {
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
  const redirects = [...filtering].flatMap(([index, link]) => readRedirect(session, index, link));
  return new Map([...buckets, ...redirects].map((qdisc) => [keyOfQdisc(qdisc), qdisc]));
}

function readRedirect(session: Session, linkIndex: number, link: string): Qdisc[] {
  const redirects: Qdisc[] = [];
  session.route.dump((writer) => encodeFilterDump(writer, DUMP, linkIndex), session.writer, {
    operation: `read filters of ${link}`,
    restart: () => void redirects.splice(0),
    visit: (message) => {
      const { priority, redirectIndex } = decodeFilter(message);
      if (priority !== QDISC_NUMBER || redirectIndex === undefined) return;
      redirects.push({ kind: 'redirect', link, to: session.links.nameOf(redirectIndex) });
    },
  });
  return redirects;
}
