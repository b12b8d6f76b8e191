// The one schema of net-conf.json: Flannel's keys with Flannel's spelling and defaults, and our own
// beside them. It checks each key alone; what concerns several keys is in families.ts. Its error
// texts are what users read, so each says what would be right. docs/configuration.md has a row for
// each key, and a test compares names, types, ranges and defaults through z.toJSONSchema.

import * as z from 'zod';
import type { Family } from '../net/family.ts';
import { FAMILY_LABEL } from '../net/family.ts';
import { bgpSchema } from './bgp-schema.ts';
import type { NetworkKeys } from './prefix-text.ts';
import { explainAddress, explainNetwork, explainPrefix } from './prefix-text.ts';
import { about, flag, textThat, wholeNumber, zeroOr } from './schema-parts.ts';

export const NETWORK_KEYS: NetworkKeys = {
  ipv4: { key: 'Network', example: '10.244.0.0/16' },
  ipv6: { key: 'IPv6Network', example: 'fd00:10:244::/48' },
};

const subnetKeys = (end: 'Min' | 'Max'): NetworkKeys => ({
  ipv4: { key: `Subnet${end}`, example: '10.244.1.0' },
  ipv6: { key: `IPv6Subnet${end}`, example: 'fd00:10:244:1::' },
});

/** 24 bits (RFC 7348 §5); 0 is left out, since many devices treat it as "none". */
const VNI_MAX = 0xff_ffff;
export const VXLAN_PORT_DEFAULT = 8472;
/** Every IPv4 host can take packets of this size (RFC 791). */
const MTU_MIN = 576;
const LENGTH_BYTES_MAX = 65_535;
const MAX_SUBNETS = 256;
const EXCLUDES_MAX = 256;
const EXCLUDE_EXAMPLE = '10.0.0.0/8';

function network(family: Family): z.ZodString {
  const text = { format: `an ${FAMILY_LABEL[family]} network`, ...NETWORK_KEYS[family] };
  return textThat(text, (value) => explainNetwork(value, family, NETWORK_KEYS));
}

function subnetAddress(family: Family, end: 'Min' | 'Max'): z.ZodString {
  const keys = subnetKeys(end);
  const text = { format: `an ${FAMILY_LABEL[family]} address`, ...keys[family] };
  return textThat(text, (value) => explainAddress(value, family, keys));
}

const excludedNetwork = (): z.ZodString =>
  textThat({ format: 'a network', example: EXCLUDE_EXAMPLE }, (value) =>
    explainPrefix(value, EXCLUDE_EXAMPLE),
  );

const vxlanKeys = {
  VNI: about(wholeNumber(1, VNI_MAX).default(1), 'VXLAN network identifier.'),
  Port: about(
    wholeNumber(0, LENGTH_BYTES_MAX).default(VXLAN_PORT_DEFAULT),
    'UDP port of VXLAN; 0 is the default port.',
  ),
  MTU: about(
    zeroOr(MTU_MIN, LENGTH_BYTES_MAX).default(0),
    'MTU of the underlay, before the overhead; 0 takes it from the link.',
  ),
  GBP: about(flag().default(false), 'Group based policy extension.'),
  Learning: about(flag().default(false), 'Whether devices learn MAC addresses.'),
};

const vxlanSchema = z.strictObject({
  Type: z.literal('vxlan').default('vxlan'),
  ...vxlanKeys,
  DirectRouting: about(flag().default(false), 'Plain routes to nodes of the same segment.'),
});

const autoSchema = z.strictObject({ Type: z.literal('auto'), ...vxlanKeys });

/** The keys of VXLAN are for the peers that BGP does not reach. */
const bgpBackendSchema = z.strictObject({ Type: z.literal('bgp'), ...vxlanKeys });

const hostGwSchema = z.strictObject({ Type: z.literal('host-gw') });

export const BACKEND_TYPES = ['vxlan', 'host-gw', 'auto', 'bgp'] as const;
export type BackendTypeName = (typeof BACKEND_TYPES)[number];

export const configSchema = z.strictObject(
  {
    Network: about(network('ipv4').optional(), 'IPv4 range of all pods.'),
    IPv6Network: about(network('ipv6').optional(), 'IPv6 range of all pods.'),
    EnableIPv4: about(flag().default(true), 'Whether pods get IPv4 addresses.'),
    EnableIPv6: about(flag().default(false), 'Whether pods get IPv6 addresses.'),
    EnableNFTables: about(flag().default(false), 'Accepted; nftables is always used.'),
    SubnetLen: about(wholeNumber(0, 30).default(0), 'Prefix length of a node’s IPv4 subnet.'),
    SubnetMin: about(subnetAddress('ipv4', 'Min').optional(), 'First IPv4 subnet that is leased.'),
    SubnetMax: about(subnetAddress('ipv4', 'Max').optional(), 'Last IPv4 subnet that is leased.'),
    IPv6SubnetLen: about(wholeNumber(0, 126).default(0), 'Prefix length of a node’s IPv6 subnet.'),
    IPv6SubnetMin: about(
      subnetAddress('ipv6', 'Min').optional(),
      'First IPv6 subnet that is leased.',
    ),
    IPv6SubnetMax: about(
      subnetAddress('ipv6', 'Max').optional(),
      'Last IPv6 subnet that is leased.',
    ),
    SubnetSource: about(
      z.enum(['auto', 'podCIDR', 'lease'], 'must be "auto", "podCIDR" or "lease"').default('auto'),
      'What gives a node its subnet.',
    ),
    MaxSubnetsPerNode: about(
      wholeNumber(1, MAX_SUBNETS).default(8),
      'How many subnets of a family a node may have.',
    ),
    Backend: z
      .discriminatedUnion('Type', [vxlanSchema, hostGwSchema, autoSchema, bgpBackendSchema], {
        error: 'must be an object, for example {"Type": "vxlan"}',
      })
      .default({
        ...{ Type: 'vxlan', VNI: 1, Port: VXLAN_PORT_DEFAULT, MTU: 0 },
        ...{ GBP: false, Learning: false, DirectRouting: false },
      }),
    Masquerade: about(flag().default(true), 'Whether traffic that leaves the network is NATed.'),
    MasqueradeExclude: about(
      z
        .array(excludedNetwork(), `must be a list of networks, for example ["${EXCLUDE_EXAMPLE}"]`)
        .max(EXCLUDES_MAX, `must have at most ${EXCLUDES_MAX} entries`)
        .default([]),
      'Destinations outside of the network that see the pod’s own address.',
    ),
    ForwardRules: about(
      z.enum(['own', 'insert'], 'must be "own" or "insert"').default('own'),
      'Whether accepts are also inserted into the FORWARD chain of others.',
    ),
    BGP: bgpSchema,
  },
  'must be an object, for example {"Network": "10.244.0.0/16"}',
);

/** The keys of each object, as Flannel spells them. */
export const TOP_KEYS: readonly string[] = Object.keys(configSchema.shape);
export const BACKEND_KEYS: Readonly<Record<BackendTypeName, readonly string[]>> = {
  vxlan: Object.keys(vxlanSchema.shape),
  'host-gw': Object.keys(hostGwSchema.shape),
  auto: Object.keys(autoSchema.shape),
  bgp: Object.keys(bgpBackendSchema.shape),
};

/** The configuration with defaults filled in, each key right by itself. */
export type NetConf = z.infer<typeof configSchema>;
