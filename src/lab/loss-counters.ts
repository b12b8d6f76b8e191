// The kernel's own counters of what it did not deliver, of one network namespace: those of IP and
// UDP, of links, of conntrack and of the processors' queues. Each names a reason, so that of a lost
// packet it is known who dropped it. Reading them writes nothing; what is not there is left out.

import { readFileSync } from 'node:fs';
import { inNamespace, netnsPath } from './netns.ts';

/** By name, as `node1 Ip OutNoRoutes`. */
export type LossCounters = ReadonlyMap<string, number>;

type Counter = readonly [name: string, value: number];

/** Of the thread, which is in the namespace; /proc/net would be that of the process. */
const DIRECTORY = '/proc/thread-self/net';

const READERS: Readonly<Record<string, (text: string) => Counter[]>> = {
  snmp: readPairs,
  netstat: readPairs,
  snmp6: (text) =>
    text.split('\n').flatMap((line): Counter[] => {
      const [name = '', value = ''] = line.split(/\s+/);
      return value === '' ? [] : [[name, Number(value)]];
    }),
  dev: readLinks,
  softnet_stat: (text) => [['softnet dropped', sumOfColumn(text, 1)]],
  'stat/nf_conntrack': readConntrack,
};

const TELLS_OF_LOSS =
  /^(Ip|Icmp|Udp).*(AddrErrors|Discards|Errors|Fails|NoRoutes|Unreachs|UnknownProtos)$/;
const OTHERS: ReadonlySet<string> = new Set(['TcpExt IPReversePathFilter', 'IpExt InNoRoutes']);

const isOfLoss = (name: string): boolean =>
  TELLS_OF_LOSS.test(name) || OTHERS.has(name) || /^(link|conntrack|softnet) /.test(name);

/** Of a namespace by its name, each under the words of `place`. */
export function readLossCounters(place: string, netns: string): LossCounters {
  return inNamespace(netnsPath(netns), () => {
    const counters = Object.entries(READERS).flatMap(([file, read]) => read(readIfThere(file)));
    const ofLoss = counters.filter(([name]) => isOfLoss(name));
    return new Map(ofLoss.map(([name, value]) => [`${place} ${name}`, value]));
  });
}

/** What has grown, as `node1 Ip OutNoRoutes +12`. */
export function grownCounters(before: LossCounters, after: LossCounters): string[] {
  return [...after].flatMap(([name, value]) => {
    const grownBy = value - (before.get(name) ?? 0);
    return grownBy > 0 ? [`${name} +${grownBy}`] : [];
  });
}

function readIfThere(file: string): string {
  try {
    return readFileSync(`${DIRECTORY}/${file}`, 'utf8');
  } catch {
    return ''; // A kernel without IPv6, or one that tracks no connections yet.
  }
}

/** A line of names and one of values, each with the same first word. */
function readPairs(text: string): Counter[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index): Counter[] => {
    if (index % 2 === 0) return [];
    const [group = '', ...values] = line.split(' ');
    const names = lines[index - 1]?.split(' ').slice(1) ?? [];
    return names.map((name, at) => [`${group.slice(0, -1)} ${name}`, Number(values[at])]);
  });
}

/** /proc/net/dev: eight columns of what was received, eight of what was sent. */
function readLinks(text: string): Counter[] {
  return text.split('\n').flatMap((line): Counter[] => {
    const [, link = '', rest = ''] = /^\s*(\S+):\s*(.*)$/.exec(line) ?? [];
    const columns = rest.split(/\s+/).map(Number);
    return LINK_COLUMNS.map(([name, at]) => [`link ${link} ${name}`, columns[at] ?? 0]);
  });
}

const LINK_COLUMNS: readonly Counter[] = [
  ['receive errors', 2],
  ['receive drops', 3],
  ['send errors', 10],
  ['send drops', 11],
  ['carrier losses', 14],
];

/** A line of names, and one of hexadecimal values for each processor. */
function readConntrack(text: string): Counter[] {
  const [head = '', ...lines] = text.trim().split('\n');
  const names = head.split(/\s+/);
  return ['drop', 'early_drop', 'insert_failed', 'invalid'].flatMap((name): Counter[] => {
    const at = names.indexOf(name);
    return at < 0 ? [] : [[`conntrack ${name}`, sumOfColumn(lines.join('\n'), at)]];
  });
}

const sumOfColumn = (text: string, column: number): number =>
  text
    .split('\n')
    .reduce((sum, line) => sum + (Number.parseInt(line.split(/\s+/)[column] ?? '', 16) || 0), 0);
