// Names of the Lease objects by which subnets are claimed: `10.244.3.0-24`, and for IPv6 all eight
// groups of four digits, since a name can hold no colon. The name is the lock: of two nodes that
// create the same one, the server refuses the second. Pure.

import type { Cidr } from '../../net/cidr.ts';
import { cidrAddress, cidrFamily, cidrLengthBits, parseCidr } from '../../net/cidr.ts';
import { ipToBigInt } from '../../net/ip.ts';

export function leaseName(subnet: Cidr): string {
  const address = cidrAddress(subnet);
  if (cidrFamily(subnet) === 'ipv4') return `${address}-${cidrLengthBits(subnet)}`;
  const digits = ipToBigInt(address).toString(16).padStart(32, '0');
  return `${(digits.match(/.{4}/g) ?? []).join('-')}-${cidrLengthBits(subnet)}`;
}

/** `undefined`: it is the name of something else, or no network is written so. */
export function parseLeaseName(name: string): Cidr | undefined {
  const match = /^(?:(?<v4>[\d.]+)|(?<v6>[\da-f]{4}(?:-[\da-f]{4}){7}))-(?<length>\d+)$/.exec(name);
  const { v4, v6, length } = match?.groups ?? {};
  const subnet = parseCidr(`${v4 ?? v6?.replaceAll('-', ':')}/${length}`);
  return subnet !== undefined && leaseName(subnet) === name ? subnet : undefined;
}
