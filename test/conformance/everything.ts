// One object of each kind, on a VXLAN device and on its underlay, and what is left of all that, as
// keys that read well in a failure.

import type { KernelState } from '../../src/state/kernel-state.ts';
import type { Op } from '../../src/state/op.ts';
import type { KernelWorld } from './world.ts';
import {
  add,
  address,
  fdb,
  ip,
  mac,
  neighbour,
  nexthop,
  onVxlan,
  read,
  route,
  routeTo,
} from './world.ts';

export const GATEWAY4 = onVxlan('10.244.3.0');
export const GATEWAY6 = onVxlan('fd00:3::');
export const OWN4 = { link: 'poplin4-1', address: ip('10.244.1.0'), lengthBits: 32 } as const;
export const OWN6 = { link: 'poplin4-1', address: ip('fd00:1::'), lengthBits: 128 } as const;
const BY_NEXTHOP4 = routeTo('10.244.3.0/24', { ...viaNexthop('10.244.3.0') });
const BY_NEXTHOP6 = routeTo('fd00:3::/64', { ...viaNexthop('fd00:3::') });
export const BY_UNDERLAY4 = routeTo('10.244.5.0/24', viaUnderlay('192.168.7.2'));
export const BY_UNDERLAY6 = routeTo('fd00:5::/64', viaUnderlay('fd07::2'));

/** One of each kind, on the VXLAN device and on the underlay. */
export const EVERYTHING: readonly Op[] = [
  add(address({ ...OWN4, scope: 'global', protocol: 113 })),
  add(address({ ...OWN6, scope: 'global', protocol: 113 })),
  add(neighbour({ link: 'poplin4-1', address: ip('10.244.3.0'), mac: mac(0x33) })),
  add(neighbour({ link: 'poplin4-1', address: ip('fd00:3::'), mac: mac(0x33) })),
  add(fdb({ link: 'poplin4-1', mac: mac(0x33), remote: ip('192.168.7.3') })),
  add(nexthop(GATEWAY4)),
  add(nexthop(GATEWAY6)),
  add(route({ ...BY_NEXTHOP4, source: OWN4.address })),
  add(route({ ...BY_NEXTHOP6, source: OWN6.address })),
  add(route(routeTo('10.244.4.0/24', { kind: 'link', link: 'poplin4-1' }))),
  add(route({ ...BY_UNDERLAY4, source: OWN4.address })),
  add(route({ ...BY_UNDERLAY6, source: OWN6.address })),
];

export function viaNexthop(gateway: string): {
  kind: 'nexthop';
  link: string;
  gateway: typeof OWN4.address;
} {
  return { kind: 'nexthop', link: 'poplin4-1', gateway: ip(gateway) };
}

function viaUnderlay(gateway: string): {
  kind: 'gateway';
  link: string;
  gateway: typeof OWN4.address;
  onlink: boolean;
} {
  return { kind: 'gateway', link: 'eth0', gateway: ip(gateway), onlink: false };
}

/** All that there is but link-local addresses, as keys, in a form that reads well in a failure. */
export function summary(world: KernelWorld): Record<string, string[]> {
  const state = read(world);
  const keys = (map: ReadonlyMap<string, unknown>): string[] => [...map.keys()].sort();
  return {
    links: keys(state.links),
    addresses: keys(state.addresses).filter((key) => !key.includes(' fe80')),
    neighbours: keys(state.neighbours),
    fdb: keys(state.fdb),
    nexthops: keys(state.nexthops),
    routes: [...state.routes.values()]
      .map(({ destination, source }) => `${destination} ${source ?? '-'}`)
      .sort(),
  };
}

/** All but the link-local addresses, which the kernel gives links when it comes to it. */
export function readSteady(world: KernelWorld): KernelState {
  const state = read(world);
  const addresses = [...state.addresses].filter(([key]) => !key.includes(' fe80'));
  return { ...state, addresses: new Map(addresses) };
}

export const ALL = {
  links: ['eth0', 'lo', 'poplin4-1'],
  addresses: [
    'eth0 192.168.7.1/24',
    'eth0 fd07::1/64',
    'poplin4-1 10.244.1.0/32',
    'poplin4-1 fd00:1::/128',
  ],
  neighbours: ['poplin4-1 10.244.3.0', 'poplin4-1 fd00:3::'],
  fdb: ['poplin4-1 02:00:00:00:00:33'],
  nexthops: ['poplin4-1 10.244.3.0', 'poplin4-1 fd00:3::'],
  routes: [
    '10.244.3.0/24 10.244.1.0',
    '10.244.4.0/24 -',
    '10.244.5.0/24 10.244.1.0',
    'fd00:3::/64 fd00:1::',
    'fd00:5::/64 fd00:1::',
  ],
};
