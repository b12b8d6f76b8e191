// The clusters of deploy/kind: three nodes without a network of kind's own, with the ranges of pods
// that the plain manifest and the overlay for dual stack have. What a cluster of kind may say is in
// its v1alpha4 configuration; a test holds these against it.

import { OVERLAYS } from './overlays.ts';
import type { Json } from './parameters.ts';
import { DEFAULTS } from './parameters.ts';
import type { Yaml } from './yaml.ts';

const NODES: Yaml = [{ role: 'control-plane' }, { role: 'worker' }, { role: 'worker' }];

type NetConf = { readonly [key: string]: Json };

const cluster = (ipFamily: string, ranges: readonly string[]): Yaml => ({
  ...{ kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4' },
  nodes: NODES,
  networking: { ipFamily, podSubnet: ranges.join(','), disableDefaultCNI: true },
});

export const singleStackCluster = (): Yaml => cluster('ipv4', [DEFAULTS.netConf.Network]);

export function dualStackCluster(): Yaml {
  const overlay = OVERLAYS.find(({ name }) => name === 'dual-stack');
  const { Network, IPv6Network } = (overlay?.netConf ?? {}) as NetConf;
  return cluster('dual', [String(Network), String(IPv6Network)]);
}
