// The small languages inside of `BGP`: communities and label selectors. Each has a reader, and
// words for what is wrong with a text that it does not read. What is read is safe to be written
// into another program's configuration: nothing but digits, colons and the characters of labels.

import { parseIp } from '../net/ip.ts';
import type { Community, LabelTerm } from './bgp-settings.ts';

const STANDARD_MAX = 0xffff;
const LARGE_MAX = 0xffff_ffff;

export function parseCommunity(text: string): Community | undefined {
  const parts = text.split(':');
  const max = parts.length === 3 ? LARGE_MAX : STANDARD_MAX;
  if (parts.length !== 2 && parts.length !== 3) return undefined;
  const isNumber = (part: string): boolean => /^(0|[1-9]\d{0,9})$/.test(part) && +part <= max;
  return parts.every(isNumber) ? (text as Community) : undefined;
}

export function explainCommunity(text: string): string | undefined {
  if (parseCommunity(text) !== undefined) return undefined;
  if (/^\d+:\d+$/.test(text)) {
    return `takes numbers up to ${STANDARD_MAX}: with larger ones write three, as "4200000000:1:2"`;
  }
  return 'must be two numbers, as in "64512:100", or three, as in "64512:1:2"';
}

/** Differs on each node, and is left out of what nodes know of each other: they know the names. */
const HOSTNAME_LABEL = 'kubernetes.io/hostname';
const LABEL_KEY =
  /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?$/;
const TERM = /^\s*(!?)\s*([^\s!=]+?)\s*(?:(!=|==?)\s*([^\s!=]*))?\s*$/;

/** As kubectl takes them, without sets: `rack=r1,!spare`. */
export function parseLabelSelector(text: string): readonly LabelTerm[] | undefined {
  const terms = text.split(',').map(parseTerm);
  return terms.every((term) => term !== undefined) ? terms : undefined;
}

function parseTerm(text: string): LabelTerm | undefined {
  const [, not = '', key = '', sign, value = ''] = TERM.exec(text) ?? [];
  if (!LABEL_KEY.test(key) || !LABEL_VALUE.test(value)) return undefined;
  if (sign === undefined) return { key, operator: not === '' ? 'exists' : 'absent', value };
  if (not !== '') return undefined;
  return { key, operator: sign === '!=' ? 'differs' : 'equals', value };
}

export function explainLabelSelector(text: string): string | undefined {
  const terms = parseLabelSelector(text);
  if (terms === undefined) {
    return 'must be terms as of kubectl, with commas: "rack=r1", "rack!=r1", "edge" or "!edge"';
  }
  return terms.some(({ key }) => key === HOSTNAME_LABEL)
    ? `cannot use ${HOSTNAME_LABEL}: name the nodes in NodeNames`
    : undefined;
}

const NODE_NAME = /^[A-Za-z0-9]([-\w.]{0,251}[A-Za-z0-9])?$/;

export const explainNodeName = (text: string): string | undefined =>
  NODE_NAME.test(text) ? undefined : 'must be the name of a node, for example "node-1"';

/** The names of Secrets, and of keys in them. */
export const explainSecretName = (text: string): string | undefined =>
  /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(text)
    ? undefined
    : 'must be the name of a Secret: lower-case letters, digits, "-" and "."';

export const explainSecretKey = (text: string): string | undefined =>
  /^[-\w.]{1,253}$/.test(text)
    ? undefined
    : 'must be a key of a Secret: letters, digits, "-", "_" and "."';

export const explainPeerName = (text: string): string | undefined =>
  /^[A-Za-z0-9]([-\w.]{0,39}[A-Za-z0-9])?$/.test(text)
    ? undefined
    : 'must be a name of at most 41 letters, digits, "-", "_" and ".", for example "tor-a"';

export function explainClusterId(text: string): string | undefined {
  const ip = parseIp(text);
  if (ip !== undefined && !ip.includes(':') && ip !== '0.0.0.0') return undefined;
  return 'must be four numbers as of an IPv4 address, but not 0.0.0.0, for example "10.0.0.1"';
}
