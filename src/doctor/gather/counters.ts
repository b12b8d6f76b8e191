// Counters of the kernel that tell of packets which were dropped: wrong checksums, of the node and
// of its pods, each in its own network namespace, and reverse-path filters. Read from /proc. They
// count since the start, so where there were any it is looked twice: a fault may be over.

import { closeSync, readFileSync } from 'node:fs';
import type { Attachment } from '../../endpoint/attachment.ts';
import { inNetns, openNetns } from '../../kernel/netns.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import type { ChecksumCount, Known } from '../facts.ts';
import { known, unknown } from '../facts.ts';

const PROC_NET = '/proc/thread-self/net';
/** Of thousands of pods the first ones say enough. */
const PODS_MAX = 200;
/** Where something was dropped before, it is seen whether it still is. */
export const WATCH_MS = 2_000;

/** Takes some time where wrong ones were counted, and none where there were none. */
export async function watchChecksums(
  attachments: readonly Attachment[],
  clock: Clock,
): Promise<Known<readonly ChecksumCount[]>> {
  const first = readChecksums(attachments);
  if (!first.known || first.value.every(({ wrong }) => wrong === 0)) return first;
  await clock.sleep(WATCH_MS);
  const second = readChecksums(attachments);
  if (!second.known) return second;
  const before = new Map(first.value.map((count) => [keyOf(count), count]));
  return known(
    second.value.map((count) => {
      const { all, wrong } = before.get(keyOf(count)) ?? { all: 0, wrong: 0 };
      return { ...count, meanwhile: { all: count.all - all, wrong: count.wrong - wrong } };
    }),
  );
}

const keyOf = ({ place, protocol }: ChecksumCount): string => `${place} ${protocol}`;

function readChecksums(attachments: readonly Attachment[]): Known<readonly ChecksumCount[]> {
  try {
    const pods = attachments.slice(0, PODS_MAX).flatMap(ofPod);
    return known([...readHere('the node'), ...pods]);
  } catch (error) {
    return unknown(`the counters of ${PROC_NET} cannot be read: ${describeError(error)}`);
  }
}

function ofPod({ netns, netnsInode, pod, containerId }: Attachment): readonly ChecksumCount[] {
  const place = pod === undefined ? `pod ${containerId}` : `pod ${pod.namespace}/${pod.name}`;
  try {
    const { fd } = openNetns(netns, netnsInode);
    try {
      return inNetns(fd, () => readHere(place));
    } finally {
      closeSync(fd);
    }
  } catch {
    return []; // It is gone, or cannot be seen from here: other pods tell.
  }
}

function readHere(place: string): readonly ChecksumCount[] {
  const ipv4 = columns(readFileSync(`${PROC_NET}/snmp`, 'utf8'));
  const ipv6 = pairs(readOptional(`${PROC_NET}/snmp6`));
  const count = (name: string): number => ipv4.get(name) ?? ipv6.get(name) ?? 0;
  return [
    {
      ...{ place, protocol: 'TCP', all: count('Tcp.InSegs') },
      wrong: count('Tcp.InCsumErrors'),
    },
    {
      ...{ place, protocol: 'UDP' },
      all:
        count('Udp.InDatagrams') +
        count('Udp6InDatagrams') +
        count('Udp.InCsumErrors') +
        count('Udp6InCsumErrors'),
      wrong: count('Udp.InCsumErrors') + count('Udp6InCsumErrors'),
    },
    {
      ...{ place, protocol: 'ICMP', all: count('Icmp.InMsgs') + count('Icmp6InMsgs') },
      wrong: count('Icmp.InCsumErrors') + count('Icmp6InCsumErrors'),
    },
  ];
}

/** How many packets reverse-path filters have dropped since the start. */
export function readFiltered(): number {
  return columns(readOptional(`${PROC_NET}/netstat`)).get('TcpExt.IPReversePathFilter') ?? 0;
}

/** Two lines each: `Udp: InDatagrams …` and `Udp: 17 …`. */
function columns(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  const lines = text.split('\n');
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [protocol = '', ...names] = (lines[at] ?? '').split(' ');
    const numbers = (lines[at + 1] ?? '').split(' ').slice(1);
    for (const [index, name] of names.entries()) {
      values.set(`${protocol.replace(':', '')}.${name}`, Number(numbers[index]));
    }
  }
  return values;
}

/** A line each: `Udp6InCsumErrors   0`. */
const pairs = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text.split('\n').map((line) => {
      const [name = '', value = '0'] = line.split(/\s+/);
      return [name, Number(value)];
    }),
  );

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // A kernel without IPv6, or without these counters.
  }
}
