// The clusters of deploy/kind, held against what kind's configuration v1alpha4 knows: each field at
// its place and of its type, as kind itself refuses a misspelled one, and what it checks beyond
// that. Their ranges of pods are those that the applied manifest gives to Poplin.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1ConfigMap } from '@kubernetes/client-node';
import { parseCidr } from '../../../src/net/cidr.ts';
import { one, readManifests } from './manifests.ts';

type Type = 'string' | 'number' | 'boolean' | 'strings' | { readonly of: Fields; isList: boolean };
type Fields = { readonly [field: string]: Type | readonly string[] };

const PATCHES: Type = {
  isList: true,
  of: { group: 'string', version: 'string', kind: 'string', patch: 'string' },
};
const MOUNTS: Type = {
  isList: true,
  of: {
    ...{ containerPath: 'string', hostPath: 'string', readOnly: 'boolean' },
    ...{ selinuxRelabel: 'boolean', propagation: ['None', 'HostToContainer', 'Bidirectional'] },
  },
};
const PORTS: Type = {
  isList: true,
  of: {
    ...{ containerPort: 'number', hostPort: 'number', listenAddress: 'string' },
    protocol: ['TCP', 'UDP', 'SCTP'],
  },
};
const NODE: Fields = {
  role: ['control-plane', 'worker'],
  ...{ image: 'string', extraMounts: MOUNTS, extraPortMappings: PORTS },
  ...{ kubeadmConfigPatches: 'strings', kubeadmConfigPatchesJSON6902: PATCHES },
};
const NETWORKING: Fields = {
  ipFamily: ['ipv4', 'ipv6', 'dual'],
  ...{ apiServerPort: 'number', apiServerAddress: 'string' },
  ...{ podSubnet: 'string', serviceSubnet: 'string', disableDefaultCNI: 'boolean' },
  kubeProxyMode: ['iptables', 'ipvs', 'nftables', 'none'],
  dnsSearch: 'strings',
};
const CLUSTER: Fields = {
  kind: ['Cluster'],
  apiVersion: ['kind.x-k8s.io/v1alpha4'],
  name: 'string',
  nodes: { of: NODE, isList: true },
  networking: { of: NETWORKING, isList: false },
  ...{ kubeadmConfigPatches: 'strings', kubeadmConfigPatchesJSON6902: PATCHES },
  ...{ containerdConfigPatches: 'strings', containerdConfigPatchesJSON6902: 'strings' },
};

type Cluster = {
  readonly nodes: readonly { readonly role: string }[];
  readonly networking: {
    readonly ipFamily: string;
    readonly podSubnet: string;
    readonly disableDefaultCNI: boolean;
    readonly kubeProxyMode?: string;
  };
};

const isStrings = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

function problems(value: unknown, fields: Fields, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [`${path} is no object`];
  return Object.entries(value).flatMap(([key, inner]) => {
    const type = fields[key];
    const place = `${path}.${key}`;
    if (type === undefined) return [`${place} is unknown`];
    if (type === 'strings') return isStrings(inner) ? [] : [`${place} is no list of strings`];
    if (typeof type === 'string') return typeof inner === type ? [] : [`${place} is no ${type}`];
    if ('of' in type) {
      if (Array.isArray(inner) !== type.isList) return [`${place} is a list, or is none`];
      const list: readonly unknown[] = Array.isArray(inner) ? inner : [inner];
      return list.flatMap((each) => problems(each, type.of, place));
    }
    return type.includes(String(inner)) ? [] : [`${place} is ${inner}`];
  });
}

function readCluster(name: string): Cluster {
  const [cluster] = readManifests(`deploy/kind/${name}-stack.yaml`);
  assert.deepEqual(problems(cluster, CLUSTER, 'cluster'), []);
  return cluster as unknown as Cluster;
}

/** Ranges of pods by what is applied to the cluster. */
function networksOf(path: string): string[] {
  const text = one<V1ConfigMap>(readManifests(path), 'ConfigMap').data?.['net-conf.json'] ?? '';
  const { Network, IPv6Network, EnableIPv6 } = JSON.parse(text) as Record<string, unknown>;
  return EnableIPv6 === true ? [String(Network), String(IPv6Network)] : [String(Network)];
}

const APPLIED = {
  single: { ipFamily: 'ipv4', path: 'deploy/poplin.yaml' },
  dual: { ipFamily: 'dual', path: 'deploy/kustomize/overlays/dual-stack/net-conf.yaml' },
} as const;

describe('clusters of kind', () => {
  for (const name of ['single', 'dual'] as const) {
    test(`${name} stack is valid, and has the pods' ranges of what is applied`, () => {
      const { nodes, networking } = readCluster(name);
      const { ipFamily, path } = APPLIED[name];
      assert.equal(networking.ipFamily, ipFamily);
      assert.equal(networking.podSubnet, networksOf(path).join(','));
      assert.equal(networking.disableDefaultCNI, true);
      assert.equal(networking.kubeProxyMode, undefined, "kube-proxy is there, by kind's default");
      const roles = nodes.map(({ role }) => role);
      assert.deepEqual(roles, ['control-plane', 'worker', 'worker']);
    });
  }

  test('the controller-manager takes the range of IPv6, of which it gives each node a /64', () => {
    const [, text = ''] = networksOf(APPLIED.dual.path);
    const cidr = parseCidr(text);
    assert.ok(cidr !== undefined);
    const length = Number(text.split('/')[1]);
    // It keeps a bit for each subnet and refuses more than 65,536 of them.
    assert.ok(length < 64 && length >= 64 - 16, text);
  });

  test('what kind would refuse is found', () => {
    const of = (networking: object): string[] => problems({ networking }, CLUSTER, 'cluster');
    assert.deepEqual(of({ disableDefaultCNI: true, podSubnet: '10.0.0.0/8' }), []);
    assert.deepEqual(of({ disableDefaultCni: true }), [
      'cluster.networking.disableDefaultCni is unknown',
    ]);
    assert.deepEqual(of({ disableDefaultCNI: 'yes' }), [
      'cluster.networking.disableDefaultCNI is no boolean',
    ]);
    assert.deepEqual(of({ ipFamily: 'both' }), ['cluster.networking.ipFamily is both']);
    assert.deepEqual(problems({ nodes: { role: 'worker' } }, CLUSTER, 'cluster').length, 1);
  });
});
