// The flags of `poplin agent` that say at which addresses a node is to be reached: Flannel's, with
// Flannel's meaning, and --node-ip for etcd, which has no Nodes. Errors name the flag, the value
// and what would be right; what only the node's links can tell is found by src/agent/underlay.ts.
// Pure.

import type { UnderlayWish } from '../agent/underlay-wish.ts';
import { describeError } from '../lib/errors.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, parseIp } from '../net/ip.ts';
import { usage, wrong } from './flag-errors.ts';

export const UNDERLAY_FLAGS = {
  iface: { fallback: '', help: 'name or address of the link to the peers; may be repeated' },
  'iface-regex': { fallback: '', help: 'the same by a regular expression; may be repeated' },
  'iface-can-reach': { fallback: '', help: 'address that the link to the peers leads to' },
  'public-ip': { fallback: '', help: "this node's IPv4 address for its peers" },
  'public-ipv6': { fallback: '', help: "this node's IPv6 address for its peers" },
  'node-ip': { fallback: '', help: "with etcd: this node's addresses, at most one of a family" },
} as const;

type UnderlayFlag = keyof typeof UNDERLAY_FLAGS;

export type UnderlayFlagValues = {
  value(flag: UnderlayFlag): string;
  /** All that a flag was given, in order. */
  values(flag: UnderlayFlag): readonly string[];
  readonly isEtcd: boolean;
};

/** IFNAMSIZ without the closing zero. */
const LINK_NAME_BYTES_MAX = 15;

export function parseUnderlayWish({ value, values, isEtcd }: UnderlayFlagValues): UnderlayWish {
  const nodeIp = value('node-ip');
  if (nodeIp !== '' && !isEtcd) {
    const instead = 'the InternalIP of the Node counts, or --public-ip';
    throw usage(`--node-ip "${nodeIp}" is for --datastore etcd; with Kubernetes ${instead}`);
  }
  return {
    interfaces: values('iface').map(parseInterface),
    patterns: values('iface-regex').map(parsePattern),
    canReach: atMostOneEach(
      'iface-can-reach',
      values('iface-can-reach').map((text) => parseAddress('iface-can-reach', text)),
    ),
    publicIps: [
      ...parsePublicIp('public-ip', value('public-ip'), 'ipv4'),
      ...parsePublicIp('public-ipv6', value('public-ipv6'), 'ipv6'),
    ],
    ...(isEtcd ? { nodeIps: parseNodeIps(nodeIp) } : {}),
  };
}

function parseInterface(text: string): string {
  const ip = parseIp(text);
  if (ip !== undefined) return ip;
  const isName =
    /^[^\s/:]+$/.test(text) &&
    !['.', '..'].includes(text) &&
    Buffer.byteLength(text) <= LINK_NAME_BYTES_MAX;
  if (!isName) {
    throw wrong('iface', text, 'the name of a link, as eth1, or its address, as 192.168.1.7');
  }
  return text;
}

/** Flannel's expressions are Go's: of what these have and ours have not, this is in use. */
const IGNORE_CASE = '(?i)';

function parsePattern(text: string): UnderlayWish['patterns'][number] {
  const isLax = text.startsWith(IGNORE_CASE);
  const source = isLax ? text.slice(IGNORE_CASE.length) : text;
  if (source === '') throw wrong('iface-regex', text, 'a regular expression, as ^eth[0-9]+$');
  try {
    return { text, expression: new RegExp(source, isLax ? 'i' : '') };
  } catch (error) {
    throw wrong('iface-regex', text, `a regular expression: ${describeError(error)}`);
  }
}

function parseAddress(flag: UnderlayFlag, text: string): Ip {
  const ip = parseIp(text);
  if (ip === undefined) throw wrong(flag, text, 'an address, as 192.168.1.7 or fd00::7');
  return ip;
}

function parsePublicIp(flag: UnderlayFlag, text: string, family: Family): readonly Ip[] {
  if (text === '') return [];
  const ip = parseIp(text);
  if (ip !== undefined && familyOf(ip) === family) return [ip];
  const right =
    family === 'ipv4' ? 'an IPv4 address, as 192.168.1.7' : 'an IPv6 address, as fd00::7';
  throw wrong(flag, text, right);
}

function parseNodeIps(text: string): readonly Ip[] {
  const words = text.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
  return atMostOneEach(
    'node-ip',
    words.map((word) => parseAddress('node-ip', word)),
  );
}

function atMostOneEach(flag: UnderlayFlag, ips: readonly Ip[]): readonly Ip[] {
  if (new Set(ips.map(familyOf)).size === ips.length) return ips;
  throw wrong(flag, ips.join(','), 'at most one IPv4 and one IPv6 address');
}
