// The network configuration after validation: what parse.ts makes of net-conf.json. Every default
// is filled in and every value is consistent with the others, so that nothing later has to check
// again. docs/configuration.md describes each key; a test holds it equal to the schema.

import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import type { BgpSettings } from './bgp-settings.ts';

/** One family's share of the configuration; absent from `Config.families` when switched off. */
export type FamilyConfig = {
  readonly family: Family;
  readonly network: Cidr;
  readonly subnetLengthBits: number;
  readonly subnetMin: Ip;
  readonly subnetMax: Ip;
};

export type VxlanSettings = {
  readonly vni: number;
  readonly portNumber: number;
  /** `undefined`: the underlay link's MTU. It is the underlay's, before the overhead is taken. */
  readonly mtuBytes?: number;
  readonly gbp: boolean;
  readonly learning: boolean;
};

export type VxlanConfig = VxlanSettings & {
  readonly type: 'vxlan';
  readonly directRouting: boolean;
};

export type HostGwConfig = { readonly type: 'host-gw' };

/** The cheapest path that works, for each peer by itself. */
export type AutoConfig = VxlanSettings & { readonly type: 'auto' };

/** Plain routes that BIRD learns; VXLAN toward peers that it does not reach. */
export type BgpConfig = VxlanSettings & { readonly type: 'bgp' };

export type BackendConfig = VxlanConfig | HostGwConfig | AutoConfig | BgpConfig;
export type BackendType = BackendConfig['type'];

export type Config = {
  /** In the order IPv4, IPv6; at least one. */
  readonly families: readonly FamilyConfig[];
  /** Where Kubernetes is the datastore; etcd knows one way alone. */
  readonly subnetSource: 'auto' | 'podCIDR' | 'lease';
  /** Of each family, where nodes claim them: one has further ones while its pods need them. */
  readonly maxSubnetsPerNode: number;
  readonly backend: BackendConfig;
  /** Of use while the backend is `bgp`, and checked in any case. */
  readonly bgp: BgpSettings;
  readonly masquerade: boolean;
  /** Destinations outside of the network that see the pod's own address. */
  readonly masqueradeExclude: readonly Cidr[];
  readonly forwardRules: 'own' | 'insert';
  /** Hash of the validated configuration, for adverts and status. */
  readonly hash: string;
};

export type ConfigProblem = {
  /** Path of the key: `Backend.VNI`; '' for the document as a whole. */
  readonly key: string;
  readonly value: string;
  /** One sentence: what is wrong and what would be right. */
  readonly message: string;
};

export type ConfigParse =
  | { readonly kind: 'ok'; readonly config: Config }
  | { readonly kind: 'invalid'; readonly problems: readonly ConfigProblem[] };
