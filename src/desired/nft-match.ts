// Whether one match of a foreign rule holds for the first packet of a new connection of a pod, of
// which only the network on the pod's side is known: yes, no, or maybe. What cannot be known
// (ports, other interfaces, named sets) is maybe; nothing here guesses.

import type { FamilyConfig } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrLengthBits, containsCidr, overlaps } from '../net/cidr.ts';
import { NFT_NAME } from '../net/family.ts';
import type { Statement } from './nft-ruleset.ts';
import { matchOf, payloadOf, prefixesOf } from './nft-ruleset.ts';
import type { Answer } from './nft-walk.ts';

export const FLOWS = ['pod to pod', 'pod to outside', 'outside to pod'] as const;
export type Flow = (typeof FLOWS)[number];

/** The state of the first packet of a connection. */
const NEW_STATE = 'new';
/** All links of ours, as nft prints the wildcard. */
const OWN_LINKS = 'poplin*';

export function matches(statement: Statement, conf: FamilyConfig, flow: Flow): Answer {
  const match = matchOf(statement);
  if (match === undefined) return 'maybe';
  const payload = payloadOf(match.left);
  if (payload !== undefined && ['ip', 'ip6'].includes(payload.protocol)) {
    if (payload.protocol !== NFT_NAME[conf.family]) return 'no';
    const isPods = payload.field === 'saddr' ? sourceIsPod(flow) : destinationIsPod(flow);
    if (!['saddr', 'daddr'].includes(payload.field)) return 'maybe';
    return negate(match.op, addressAnswer(prefixesOf(match.right), conf.network, isPods));
  }
  return negate(match.op, keyAnswer(keyOf(match.left), match.right, { conf, flow }));
}

const sourceIsPod = (flow: Flow): boolean => flow !== 'outside to pod';
const destinationIsPod = (flow: Flow): boolean => flow !== 'pod to outside';

function negate(op: string, answer: Answer): Answer {
  if (op === '==' || op === 'in') return answer;
  if (op !== '!=' || answer === 'maybe') return 'maybe';
  return answer === 'yes' ? 'no' : 'yes';
}

function addressAnswer(
  prefixes: readonly Cidr[] | undefined,
  network: Cidr,
  isPods: boolean,
): Answer {
  if (prefixes === undefined) return 'maybe';
  if (prefixes.some((prefix) => cidrLengthBits(prefix) === 0)) return 'yes';
  if (isPods) {
    if (prefixes.some((prefix) => containsCidr(prefix, network))) return 'yes';
    return prefixes.some((prefix) => overlaps(prefix, network)) ? 'maybe' : 'no';
  }
  return prefixes.every((prefix) => containsCidr(network, prefix)) ? 'no' : 'maybe';
}

/** `meta iifname` for {"meta": {"key": "iifname"}}, `ct state` likewise; '' for other shapes. */
function keyOf(left: unknown): string {
  if (typeof left !== 'object' || left === null) return '';
  const [[kind, body] = ['', undefined]] = Object.entries(left);
  return typeof body === 'object' && body !== null && 'key' in body ? `${kind} ${body.key}` : '';
}

function keyAnswer(
  key: string,
  right: unknown,
  { conf, flow }: { readonly conf: FamilyConfig; readonly flow: Flow },
): Answer {
  switch (key) {
    case 'ct state':
      return valuesOf(right).includes(NEW_STATE) ? 'yes' : 'no';
    case 'meta nfproto':
      return valuesOf(right).includes(conf.family) ? 'yes' : 'no';
    case 'meta iifname':
      return sourceIsPod(flow) && valuesOf(right).includes(OWN_LINKS) ? 'yes' : 'maybe';
    case 'meta oifname':
      return destinationIsPod(flow) && valuesOf(right).includes(OWN_LINKS) ? 'yes' : 'maybe';
    default:
      return 'maybe';
  }
}

/** One value, a list of flags, or an anonymous set, as a list of texts. */
function valuesOf(right: unknown): readonly string[] {
  if (typeof right === 'string') return [right];
  if (Array.isArray(right)) return right.map(String);
  if (typeof right === 'object' && right !== null && 'set' in right && Array.isArray(right.set)) {
    return right.set.map(String);
  }
  return [];
}
