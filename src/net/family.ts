// The two address families. Everything that depends on the family takes one of these values, so
// that IPv4 and IPv6 take one code path. This file must not know about addresses or prefixes.

export type Family = 'ipv4' | 'ipv6';

export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** As people write them. */
export const FAMILY_LABEL = { ipv4: 'IPv4', ipv6: 'IPv6' } as const satisfies Record<
  Family,
  string
>;

/** Length of an address in bits. */
export const ADDRESS_BITS = { ipv4: 32, ipv6: 128 } as const satisfies Record<Family, number>;

/** The names in nftables for each family. */
export const NFT_NAME = { ipv4: 'ip', ipv6: 'ip6' } as const satisfies Record<Family, string>;
