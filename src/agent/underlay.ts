// Finds what a node is connected by: for each family the address, link and MTU that peers reach it
// at. The Node's InternalIP decides, since that is what the rest of the cluster knows the node by;
// a family without one takes a global address of the link that the other family was found on. Pure.

import type { Underlay } from '../backend/backend.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Address, KernelState } from '../state/kernel-state.ts';
import { ownsLink } from '../state/own.ts';

export type UnderlaySearch = {
  readonly underlays: readonly Underlay[];
  /** One sentence per family that was asked for and not found. */
  readonly problems: readonly string[];
};

export function findUnderlays(
  kernel: KernelState,
  internalIps: readonly Ip[],
  families: readonly Family[],
): UnderlaySearch {
  const candidates = [...kernel.addresses.values()].filter(
    ({ link, scope }) => scope === 'global' && link !== 'lo' && !ownsLink(link),
  );
  const found = new Map<Family, Address>();
  for (const family of families) {
    const address = internalIps
      .filter((ip) => familyOf(ip) === family)
      .map((ip) => candidates.find((candidate) => candidate.address === ip))
      .find((candidate) => candidate !== undefined);
    if (address !== undefined) found.set(family, address);
  }
  const [anchor] = found.values();
  const problems: string[] = [];
  for (const family of families) {
    if (found.has(family)) continue;
    const neighbour = candidates.find(
      ({ address, link }) => link === anchor?.link && familyOf(address) === family,
    );
    if (neighbour === undefined) problems.push(missing(family, internalIps));
    else found.set(family, neighbour);
  }
  const underlays = families.flatMap((family) => {
    const address = found.get(family);
    return address === undefined ? [] : [underlayOf(kernel, family, address)];
  });
  return { underlays, problems };
}

const underlayOf = (kernel: KernelState, family: Family, address: Address): Underlay => ({
  family,
  link: address.link,
  address: address.address,
  mtuBytes: kernel.links.get(address.link)?.mtuBytes ?? 1500,
});

function missing(family: Family, internalIps: readonly Ip[]): string {
  const own = internalIps.filter((ip) => familyOf(ip) === family);
  const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
  return own.length > 0
    ? `no link of this node has its InternalIP ${own.join(', ')}: ${name} is not served here`
    : `this node has no ${name} address for its peers (no ${name} InternalIP, and none on the ` +
        `link of the other family): ${name} is not served here`;
}
