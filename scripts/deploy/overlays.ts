// The kustomize base, which is the plain manifest, and its overlays. Each overlay says only what is
// different, in the form that kubectl of Kubernetes 1.20 reads too. That one cannot take an object
// away, so the agent's rights are apart, for the overlay that has none.

import { birdContainer } from './bird.ts';
import { etcdEnvironment } from './environment.ts';
import type { Json, Parameters } from './parameters.ts';
import { DEFAULTS, NAMESPACE, netConfText, plainParameters } from './parameters.ts';
import {
  onePasswordSecret,
  PASSWORD_SECRET,
  passwordMounts,
  passwordVolumes,
} from './passwords.ts';
import type { Yaml } from './yaml.ts';
import { lines } from './yaml.ts';

type Overlay = {
  readonly name: string;
  readonly about: string;
  readonly netConf: Json;
  readonly base: 'base' | 'agent';
  /** Strategic merge patches, by the name of their file. */
  readonly patches: Readonly<Record<string, readonly Yaml[]>>;
};

const { Network } = DEFAULTS.netConf;
const DUAL_STACK = { EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' };

export const ETCD: Parameters['etcd'] = {
  ...DEFAULTS.etcd,
  ...{ used: true, hasSecret: true, secretName: 'poplin-etcd' },
};

export const OVERLAYS: readonly Overlay[] = [
  {
    name: 'vxlan',
    about: 'Packets between nodes are wrapped in UDP: works over any network. The default.',
    base: 'base',
    netConf: { Network, Backend: { Type: 'vxlan' } },
    patches: {},
  },
  {
    name: 'host-gw',
    about: 'Plain routes between nodes of one segment, VXLAN to nodes behind a router.',
    base: 'base',
    netConf: { Network, Backend: { Type: 'host-gw' } },
    patches: {},
  },
  {
    name: 'bgp',
    about:
      'Plain routes that BIRD exchanges, in a container beside the agent. Passwords of ' +
      `sessions are keys of the Secret ${PASSWORD_SECRET}, which need not be there.`,
    base: 'base',
    netConf: { Network, Backend: { Type: 'bgp' }, BGP: { AS: 64512 } },
    patches: { 'bird.yaml': [birdPatch()], 'passwords.yaml': [passwordsPatch()] },
  },
  {
    name: 'dual-stack',
    about: 'IPv4 and IPv6. The controller-manager, where it allocates, needs ranges of both.',
    base: 'base',
    netConf: { Network, ...DUAL_STACK, Backend: { Type: 'vxlan' } },
    patches: {},
  },
  {
    name: 'from-flannel',
    about:
      'For a cluster that moves from Flannel, node by node: only nodes with the label ' +
      'poplin.dev/network=poplin (docs/migration.md). Put the net-conf.json of Flannel ' +
      'into net-conf.yaml.',
    base: 'base',
    netConf: { Network, Backend: { Type: 'vxlan' } },
    patches: {
      'nodes.yaml': [daemonSetPatch({ nodeSelector: { 'poplin.dev/network': 'poplin' } })],
    },
  },
  {
    name: 'etcd',
    about:
      'Leases in etcd instead of the Kubernetes API, of which the agent then needs ' +
      'nothing. Set the endpoints in etcd.yaml, and make the Secret poplin-etcd ' +
      '(ca.crt, tls.crt, tls.key).',
    base: 'agent',
    netConf: { Network, Backend: { Type: 'vxlan' } },
    patches: { 'etcd.yaml': [etcdPatch()] },
  },
];

export const netConfPatch = ({ netConf }: Overlay): Yaml => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap' },
  metadata: { name: 'poplin-config', namespace: NAMESPACE },
  data: { 'net-conf.json': lines(netConfText(netConf)) },
});

/** `bases` and `patchesStrategicMerge` are older names, which old and new kubectls know. */
export const kustomization = (overlay: Overlay): Yaml => ({
  ...{ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' },
  bases: [`../../${overlay.base}`],
  patchesStrategicMerge: ['net-conf.yaml', ...Object.keys(overlay.patches)],
});

export const baseKustomization = (): Yaml => ({
  ...{ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' },
  bases: ['../agent'],
  resources: ['rights.yaml'],
});

export const agentKustomization = (): Yaml => ({
  ...{ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' },
  resources: ['poplin.yaml'],
});

function daemonSetPatch(spec: Yaml): Yaml {
  return {
    ...{ apiVersion: 'apps/v1', kind: 'DaemonSet' },
    metadata: { name: 'poplin', namespace: NAMESPACE },
    spec: { template: { spec } },
  };
}

function birdPatch(): Yaml {
  return daemonSetPatch({
    containers: [
      { name: 'agent', resources: DEFAULTS.bird.agentResources },
      birdContainer(plainParameters()),
    ],
    volumes: [{ name: 'bird', hostPath: { path: '/run/poplin/bird', type: 'DirectoryOrCreate' } }],
  });
}

function passwordsPatch(): Yaml {
  const secrets = onePasswordSecret(PASSWORD_SECRET);
  return daemonSetPatch({
    containers: [{ name: 'agent', volumeMounts: passwordMounts(secrets) }],
    volumes: passwordVolumes(secrets),
  });
}

function etcdPatch(): Yaml {
  return daemonSetPatch({
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'agent',
        env: etcdEnvironment({ etcd: ETCD }),
        volumeMounts: [
          { name: 'net-conf', mountPath: '/etc/poplin/net-conf', readOnly: true },
          { name: 'etcd-tls', mountPath: '/etc/poplin/etcd', readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: 'net-conf', configMap: { name: 'poplin-config' } },
      { name: 'etcd-tls', secret: { secretName: 'poplin-etcd', defaultMode: 0o400 } },
    ],
  });
}
