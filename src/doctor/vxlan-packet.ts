// Whether one match of a foreign rule holds for VXLAN's packets between this node and its peers:
// yes, no, or maybe. What cannot be known (source ports, marks, named sets) is maybe. Pure.

import type { Statement } from '../desired/nft-ruleset.ts';
import { matchOf, payloadOf, prefixesOf } from '../desired/nft-ruleset.ts';
import type { Answer } from '../desired/nft-walk.ts';
import { contains } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { NFT_NAME } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';

export type VxlanPacket = {
  readonly family: Family;
  readonly isIncoming: boolean;
  readonly link: string;
  readonly own: Ip;
  readonly peers: readonly Ip[];
  readonly portNumber: number;
};

export function matchesVxlan(statement: Statement, packet: VxlanPacket): Answer {
  const match = matchOf(statement);
  if (match === undefined) return 'maybe';
  const payload = payloadOf(match.left);
  const answer =
    payload === undefined
      ? keyAnswer(keyOf(match.left), match.right, packet)
      : payloadAnswer(payload, match.right, packet);
  if (match.op === '==' || match.op === 'in') return answer;
  if (match.op !== '!=' || answer === 'maybe') return 'maybe';
  return answer === 'yes' ? 'no' : 'yes';
}

type Payload = { readonly protocol: string; readonly field: string };

function payloadAnswer({ protocol, field }: Payload, right: unknown, packet: VxlanPacket): Answer {
  if (protocol === 'udp' || protocol === 'th') {
    return field === 'dport' ? among(right, packet.portNumber) : 'maybe';
  }
  // Of another protocol, as TCP, or of the other family.
  if (protocol !== NFT_NAME[packet.family]) return 'no';
  if (field === 'protocol' || field === 'nexthdr') return isUdp(right);
  if (field !== 'saddr' && field !== 'daddr') return 'maybe';
  const isRemote = (field === 'saddr') === packet.isIncoming;
  return addressAnswer(right, isRemote ? packet.peers : [packet.own]);
}

function addressAnswer(right: unknown, addresses: readonly Ip[]): Answer {
  const prefixes = prefixesOf(right);
  if (prefixes === undefined || addresses.length === 0) return 'maybe';
  const inside = addresses.filter((ip) => prefixes.some((prefix) => contains(prefix, ip)));
  if (inside.length === addresses.length) return 'yes';
  return inside.length === 0 ? 'no' : 'maybe';
}

function keyAnswer(key: string, right: unknown, packet: VxlanPacket): Answer {
  const { family, isIncoming, link } = packet;
  switch (key) {
    // An answer comes from another port than the request went to: each is a connection of its own.
    case 'ct state':
      return among(right, 'new');
    case 'meta nfproto':
      return among(right, family);
    case 'meta l4proto':
      return isUdp(right);
    case 'meta iifname':
      return isIncoming ? ofLink(right, link) : 'no';
    case 'meta oifname':
      return isIncoming ? 'no' : ofLink(right, link);
    default:
      return 'maybe';
  }
}

const isUdp = (right: unknown): Answer => {
  const named = among(right, 'udp');
  return named === 'yes' ? named : among(right, 17);
};

const ofLink = (right: unknown, link: string): Answer =>
  valuesOf(right).some((value) => {
    const name = String(value);
    return name === link || (name.endsWith('*') && link.startsWith(name.slice(0, -1)));
  })
    ? 'yes'
    : 'no';

/** A value, a list of flags, ranges, or an anonymous set of them. */
function among(right: unknown, wanted: string | number): Answer {
  if (typeof right === 'string' && right.startsWith('@')) return 'maybe';
  return valuesOf(right).some((value) => value === wanted || isInRange(value, wanted))
    ? 'yes'
    : 'no';
}

function valuesOf(right: unknown): readonly unknown[] {
  if (Array.isArray(right)) return right;
  if (typeof right === 'object' && right !== null && 'set' in right && Array.isArray(right.set)) {
    return right.set;
  }
  return [right];
}

function isInRange(value: unknown, wanted: string | number): boolean {
  if (typeof value !== 'object' || value === null || !('range' in value)) return false;
  const [from, to] = Array.isArray(value.range) ? value.range : [];
  return Number(from) <= Number(wanted) && Number(wanted) <= Number(to);
}

/** `meta iifname` for {"meta": {"key": "iifname"}}, `ct state` likewise; '' for other shapes. */
function keyOf(left: unknown): string {
  if (typeof left !== 'object' || left === null) return '';
  const [[kind, body] = ['', undefined]] = Object.entries(left);
  return typeof body === 'object' && body !== null && 'key' in body ? `${kind} ${body.key}` : '';
}
