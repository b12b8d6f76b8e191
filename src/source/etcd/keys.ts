// Where things are in etcd. The configuration and the subnets lie as Flannel has them, so that its
// nodes read them; what only Poplin's nodes know lies below `poplin/`, where Flannel never looks.
// docs/etcd.md shows the layout. Pure.

import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily, networkOf, parsePrefix } from '../../net/cidr.ts';
import type { KeyRange } from './api.ts';

export const DEFAULT_PREFIX = '/coreos.com/network';

export type KeyLayout = {
  /** Without a slash at its end. */
  readonly prefix: string;
  readonly config: string;
  /** Each of these ends in a slash and is followed by a name. */
  readonly subnets: string;
  readonly holders: string;
  readonly adverts: string;
  readonly summaries: string;
};

export function keyLayout(prefix = DEFAULT_PREFIX): KeyLayout {
  const trimmed = prefix.replace(/\/+$/, '');
  return {
    prefix: trimmed,
    config: `${trimmed}/config`,
    subnets: `${trimmed}/subnets/`,
    holders: `${trimmed}/poplin/holders/`,
    adverts: `${trimmed}/poplin/nodes/`,
    summaries: `${trimmed}/poplin/status/`,
  };
}

/** Every key that begins with `prefix`, whose last character is of ASCII. */
export const rangeOf = (prefix: string): KeyRange => ({
  from: prefix,
  end: prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1),
});

/** A node's name as the last part of a key: itself, unless it has characters of paths. */
export const nodeKeyName = (nodeName: string): string => encodeURIComponent(nodeName);

export function nodeNameOf(keyName: string): string | undefined {
  try {
    return decodeURIComponent(keyName);
  } catch {
    return undefined;
  }
}

/** `10.5.52.0-24`, `10.5.52.0-24&fd00:0:0:1::-64`; with IPv6 alone `fd00:0:0:1::-64`. */
export const subnetKeyName = (subnets: readonly Cidr[]): string =>
  subnets.map((subnet) => subnet.replace('/', '-')).join('&');

/** IPv4 first. `undefined` when it is not the name of a subnet key. */
export function parseSubnetKeyName(name: string): readonly Cidr[] | undefined {
  const subnets: Cidr[] = [];
  for (const part of name.split('&')) {
    const prefix = parsePrefix(part.replace(/-(?=\d+$)/, '/'));
    if (prefix === undefined) return undefined;
    subnets.push(networkOf(prefix.address, prefix.lengthBits));
  }
  const [first, second] = subnets;
  if (first === undefined || subnets.length > 2) return undefined;
  if (second !== undefined && (isIpv6(first) || !isIpv6(second))) return undefined;
  return subnets;
}

/**
 * All keys whose first part is this subnet: `10.5.52.0-24` alone and with any IPv6 subnet. `'` is
 * the character after `&`.
 */
export const firstPartRange = (layout: KeyLayout, subnets: readonly Cidr[]): KeyRange => {
  const from = layout.subnets + subnetKeyName(subnets.slice(0, 1));
  return { from, end: `${from}'` };
};

const isIpv6 = (subnet: Cidr): boolean => cidrFamily(subnet) === 'ipv6';
