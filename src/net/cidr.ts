// Prefixes as canonical text `address/length`. A `Cidr` here is always a network: no host bits are
// set. An address with its prefix length (as on an interface) is an `InterfaceAddress`.

import type { Family } from './family.ts';
import { ADDRESS_BITS } from './family.ts';
import type { Ip } from './ip.ts';
import { familyOf, ipFromBigInt, ipToBigInt, ipv4ToNumber, parseIp } from './ip.ts';

declare const cidrBrand: unique symbol;
/** Canonical text of a network: `10.244.0.0/16`, `fd00::/48`. */
export type Cidr = string & { readonly [cidrBrand]: true };

export type PrefixParts = { readonly address: Ip; readonly lengthBits: number };

/** Splits `address/length`; host bits may be set. `undefined` when it does not parse. */
export function parsePrefix(text: string): PrefixParts | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const lengthBits = Number(length);
  return lengthBits > ADDRESS_BITS[familyOf(address)] ? undefined : { address, lengthBits };
}

/** Parses a network; `undefined` when it does not parse or host bits are set. */
export function parseCidr(text: string): Cidr | undefined {
  const parts = parsePrefix(text);
  if (parts === undefined) return undefined;
  const cidr = networkOf(parts.address, parts.lengthBits);
  return cidrAddress(cidr) === parts.address ? cidr : undefined;
}

/** The network of `lengthBits` that holds `address`. */
export function networkOf(address: Ip, lengthBits: number): Cidr {
  const family = familyOf(address);
  const hostBits = BigInt(ADDRESS_BITS[family] - lengthBits);
  return formatCidr(
    ipFromBigInt((ipToBigInt(address) >> hostBits) << hostBits, family),
    lengthBits,
  );
}

/** The network of one address alone: /32 or /128. */
export const hostCidr = (ip: Ip): Cidr => formatCidr(ip, ADDRESS_BITS[familyOf(ip)]);

const formatCidr = (address: Ip, lengthBits: number): Cidr => `${address}/${lengthBits}` as Cidr;

export const cidrAddress = (cidr: Cidr): Ip => cidr.slice(0, cidr.indexOf('/')) as Ip;
export const cidrLengthBits = (cidr: Cidr): number => Number(cidr.slice(cidr.indexOf('/') + 1));
export const cidrFamily = (cidr: Cidr): Family => (cidr.includes(':') ? 'ipv6' : 'ipv4');

/** How many addresses the network has. */
export const cidrSize = (cidr: Cidr): bigint =>
  1n << BigInt(ADDRESS_BITS[cidrFamily(cidr)] - cidrLengthBits(cidr));

/** Address number `index` of the network, from 0; throws `RangeError` outside of it. */
export function addressAt(cidr: Cidr, index: bigint): Ip {
  if (index < 0n || index >= cidrSize(cidr))
    throw new RangeError(`${cidr} has no address ${index}`);
  return ipFromBigInt(ipToBigInt(cidrAddress(cidr)) + index, cidrFamily(cidr));
}

export function contains(cidr: Cidr, ip: Ip): boolean {
  const family = cidrFamily(cidr);
  if (family !== familyOf(ip)) return false;
  const hostBits = ADDRESS_BITS[family] - cidrLengthBits(cidr);
  const network = cidrAddress(cidr);
  if (family === 'ipv4') {
    const size = 2 ** hostBits;
    return Math.floor(ipv4ToNumber(ip) / size) === Math.floor(ipv4ToNumber(network) / size);
  }
  return ipToBigInt(ip) >> BigInt(hostBits) === ipToBigInt(network) >> BigInt(hostBits);
}

/** Whether `inner` lies wholly inside `outer`. */
export const containsCidr = (outer: Cidr, inner: Cidr): boolean =>
  cidrLengthBits(outer) <= cidrLengthBits(inner) && contains(outer, cidrAddress(inner));

export const overlaps = (a: Cidr, b: Cidr): boolean => containsCidr(a, b) || containsCidr(b, a);

/** In the order in which everything names a node's subnets; within a family it stays. */
export const ipv4First = (subnets: readonly Cidr[]): readonly Cidr[] =>
  [...subnets].sort((a, b) => cidrFamily(a).localeCompare(cidrFamily(b)));
