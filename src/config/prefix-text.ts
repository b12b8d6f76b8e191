// Why a piece of text is not the network or address that a key takes, in words that say what would
// be right. A prefix must be read alike by two independent parsers, ip-num's and ours (src/net):
// spellings that programs read differently (`010.0.0.0/8`, `10.0.0.0/08`) are refused here, at the
// edge, so that nothing behind it can disagree with the kernel about what was meant.

import { Validator } from 'ip-num';
import type { Cidr } from '../net/cidr.ts';
import { cidrFamily, networkOf, overlaps, parseCidr, parsePrefix } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { ADDRESS_BITS, FAMILY_LABEL } from '../net/family.ts';
import { familyOf, parseIp } from '../net/ip.ts';

/** Ranges that no pod network can lie in (IANA special-purpose registries). */
const RESERVED: readonly { readonly text: string; readonly use: string }[] = [
  { text: '0.0.0.0/8', use: '"this host"' },
  { text: '127.0.0.0/8', use: 'loopback' },
  { text: '169.254.0.0/16', use: 'link-local addresses' },
  { text: '224.0.0.0/4', use: 'multicast' },
  { text: '::/96', use: 'loopback and old mapped addresses' },
  { text: '::ffff:0:0/96', use: 'IPv4-mapped addresses' },
  { text: 'fe80::/10', use: 'link-local addresses' },
  { text: 'ff00::/8', use: 'multicast' },
];

const acceptedByIpNum = (text: string): boolean =>
  text.includes(':')
    ? Validator.isValidIPv6CidrNotation(text)[0]
    : Validator.isValidIPv4CidrNotation(text)[0];

/** `undefined` when `text` is a network without host bits; else what would be right. */
export function explainPrefix(text: string, example: string): string | undefined {
  const prefix = parsePrefix(text);
  if (prefix !== undefined && acceptedByIpNum(text)) {
    if (parseCidr(text) !== undefined) return undefined;
    const network = networkOf(prefix.address, prefix.lengthBits);
    return `has bits set after the first ${prefix.lengthBits}: the network would be "${network}"`;
  }
  const address = parseIp(text);
  if (address !== undefined) {
    const bits = ADDRESS_BITS[familyOf(address)];
    return `has no prefix length: write for example "${address}/${bits}" for this one address`;
  }
  const [, head = '', length = ''] = /^(.*)\/(\d+)$/.exec(text) ?? [];
  const headAddress = parseIp(head);
  if (headAddress !== undefined && Number(length) > ADDRESS_BITS[familyOf(headAddress)]) {
    const family = familyOf(headAddress);
    return `has a prefix length over ${ADDRESS_BITS[family]}, the bits of ${FAMILY_LABEL[family]}`;
  }
  return `must be a network as address/length, for example "${example}"`;
}

/** As `explainPrefix`, and the network must be of `family`. */
export function explainNetwork(
  text: string,
  family: Family,
  keys: NetworkKeys,
): string | undefined {
  const problem = explainPrefix(text, keys[family].example);
  if (problem !== undefined) return problem;
  const cidr = parseCidr(text);
  const actual = cidr === undefined ? family : cidrFamily(cidr);
  return actual === family ? undefined : misplaced(actual, family, keys);
}

/** Keys of both families, so that a value under the wrong one can be sent to the right one. */
export type NetworkKeys = Readonly<
  Record<Family, { readonly key: string; readonly example: string }>
>;

export function explainAddress(
  text: string,
  family: Family,
  keys: NetworkKeys,
): string | undefined {
  const address = parseIp(text);
  const { example } = keys[family];
  if (address !== undefined) {
    const actual = familyOf(address);
    return actual === family ? undefined : misplaced(actual, family, keys);
  }
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return `takes an address without a length: write "${prefix.address}"`;
  return `must be an ${FAMILY_LABEL[family]} address, for example "${example}"`;
}

function misplaced(actual: Family, wanted: Family, keys: NetworkKeys): string {
  const { key, example } = keys[wanted];
  return (
    `is ${FAMILY_LABEL[actual]} and belongs under ${keys[actual].key}; ` +
    `${key} takes ${FAMILY_LABEL[wanted]}, for example "${example}"`
  );
}

/** Why a pod network cannot be `network`, whatever its size; undefined when it can. */
export function explainReserved(network: Cidr): string | undefined {
  const reserved = reservedUse(network);
  if (reserved === undefined) return undefined;
  return `overlaps ${reserved.range}, which is reserved for ${reserved.use}: take a private range`;
}

/** The first range of a special use that `network` overlaps. */
export function reservedUse(
  network: Cidr,
): { readonly range: Cidr; readonly use: string } | undefined {
  for (const { text, use } of RESERVED) {
    const range = parseCidr(text);
    if (range !== undefined && overlaps(network, range)) return { range, use };
  }
  return undefined;
}
