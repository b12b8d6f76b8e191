// The DaemonSet: one agent on each node, without `privileged`. Every capability and every directory
// of the host is here with its reason, and tests run the agent with exactly these, and with one of
// them fewer. Only fields that Kubernetes 1.20 knows.

import { birdContainer } from './bird.ts';
import { environment, etcdMounts, etcdVolumes, PROC_SYS } from './environment.ts';
import { hardened } from './hardened.ts';
import type { Parameters } from './parameters.ts';
import { optional } from './parameters.ts';
import { passwordMounts, passwordVolumes } from './passwords.ts';
import type { Yaml } from './yaml.ts';
import { note, raw } from './yaml.ts';

const LABELS = { 'app.kubernetes.io/name': 'poplin' } as const;

export const CAPABILITIES: readonly { readonly name: string; readonly reason: string }[] = [
  {
    name: 'NET_ADMIN',
    reason: 'links, addresses, routes, neighbours, rules, nftables, sysctls of the network',
  },
  { name: 'NET_RAW', reason: 'ICMP probes of the paths to peers' },
  { name: 'SYS_ADMIN', reason: "setns into a pod's network namespace, to set up its end" },
  { name: 'SYS_NICE', reason: 'repairs and ADDs go first on a busy node; without it they wait' },
];

type Place = {
  readonly name: string;
  readonly host: Yaml;
  readonly type: 'Directory' | 'DirectoryOrCreate' | 'File';
  readonly path: string;
  readonly readOnly: boolean;
  readonly reason: string;
  readonly propagation?: 'HostToContainer';
};

/**
 * Not among them: the host's /proc (no hostPID: the executable hands the agent a descriptor of the
 * pod's namespace), /lib/modules (the kernel loads modules by itself), /var/run/docker.sock and the
 * like, /run/xtables.lock (nftables has none).
 */
const placesOf = ({ cniConfDir, cniCacheDir }: Parameters): readonly Place[] => [
  {
    ...{ name: 'run', host: '/run/poplin', path: '/run/poplin', readOnly: false },
    ...{ type: 'DirectoryOrCreate', reason: 'sockets for CNI calls and status; subnet.env' },
  },
  {
    ...{ name: 'state', host: '/var/lib/poplin', path: '/var/lib/poplin', readOnly: false },
    ...{ type: 'DirectoryOrCreate', reason: 'what must outlive a restart: addresses of pods' },
  },
  {
    ...{ name: 'cni-conf', host: cniConfDir, path: '/etc/cni/net.d', readOnly: false },
    ...{ type: 'DirectoryOrCreate', reason: 'the conflist, written when ADD can be served' },
  },
  {
    ...{ name: 'cni-cache', host: cniCacheDir, path: '/var/lib/cni', readOnly: true },
    ...{ type: 'DirectoryOrCreate', reason: 'what the runtime remembers of its attachments' },
  },
  {
    ...{ name: 'netns', host: '/run/netns', path: '/run/netns', readOnly: true },
    ...{ type: 'DirectoryOrCreate', propagation: 'HostToContainer' },
    reason: 'namespaces of pods, to repair a link; ADD needs none, it brings a descriptor',
  },
  {
    ...{ name: 'proc-sys-net', host: '/proc/sys/net', path: PROC_SYS, readOnly: false },
    ...{ type: 'Directory', reason: "sysctls: a container's own /proc/sys is read-only" },
  },
  {
    ...{ name: 'machine-id', host: '/etc/machine-id', path: '/etc/machine-id', readOnly: true },
    ...{ type: 'File', reason: 'tells this machine from another that gets its name' },
  },
];

export function daemonSet(parameters: Parameters): Yaml {
  const { namespace, maxUnavailable } = parameters;
  return {
    ...{ apiVersion: 'apps/v1', kind: 'DaemonSet' },
    metadata: { name: 'poplin', namespace, labels: LABELS },
    spec: {
      selector: { matchLabels: LABELS },
      updateStrategy: note(
        'One node after another, the next when the one before is ready. Pods keep their ' +
          'network meanwhile: the data plane is the kernel. No surge: two agents of one ' +
          'node would fight over its sockets, and Kubernetes 1.20 has none.',
        { type: 'RollingUpdate', rollingUpdate: { maxUnavailable } },
      ),
      template: {
        metadata: { labels: LABELS },
        spec: podSpec(parameters),
      },
    },
  };
}

function podSpec(parameters: Parameters): Yaml {
  const { nodeSelector, tolerations, usesKubernetes, usesBird } = parameters;
  const automount: Yaml =
    usesKubernetes === true || usesKubernetes === false
      ? usesKubernetes
      : rawCondition(usesKubernetes);
  return {
    serviceAccountName: 'poplin',
    automountServiceAccountToken: automount,
    enableServiceLinks: false,
    hostNetwork: true,
    dnsPolicy: note("The node's: the cluster's own needs this network.", 'Default'),
    priorityClassName: 'system-node-critical',
    nodeSelector,
    tolerations: note('All taints: a node without a network has some, and needs it.', tolerations),
    terminationGracePeriodSeconds: 10,
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    initContainers: [installer(parameters)],
    containers: [agentContainer(parameters), ...optional(usesBird, birdContainer(parameters))],
    volumes: volumes(parameters),
  };
}

/** The agent itself cannot write where the host's executables are. */
function installer({ image, pullPolicy }: Parameters): Yaml {
  return {
    name: 'install-cni',
    image,
    imagePullPolicy: pullPolicy,
    args: ['install-cni'],
    resources: { requests: { cpu: '10m', memory: '50Mi' } },
    securityContext: {
      ...hardened(),
      capabilities: note('Root without any: it writes files of root.', { drop: ['ALL'] }),
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: 'cni-bin', mountPath: '/opt/cni/bin' }],
  };
}

function agentContainer(parameters: Parameters): Yaml {
  const { image, pullPolicy, resources, metricsPort } = parameters;
  const probe = (path: string): Yaml => ({ host: '127.0.0.1', path, port: metricsPort });
  const added = CAPABILITIES.map(({ name, reason }) => note(`${name}: ${reason}.`, name));
  return {
    name: 'agent',
    image,
    imagePullPolicy: pullPolicy,
    args: ['agent'],
    env: environment(parameters),
    ports: [{ name: 'metrics', containerPort: metricsPort, hostPort: metricsPort }],
    livenessProbe: note('Fails only when a restart would help.', {
      httpGet: probe('/healthz'),
      ...{ initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    }),
    readinessProbe: note("Ready when this node's pods reach the others.", {
      httpGet: probe('/readyz'),
      ...{ periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
    }),
    resources: note(
      'Measured with 5,000 nodes. No limits: a node whose agent is throttled or killed ' +
        'for memory has no network for new pods.',
      resources,
    ),
    securityContext: { ...hardened(), capabilities: { drop: ['ALL'], add: added } },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      ...placesOf(parameters).map(({ name, path, readOnly, propagation }) => ({
        name,
        mountPath: path,
        readOnly: readOnly ? true : undefined,
        mountPropagation: propagation,
      })),
      ...etcdMounts(parameters),
      ...passwordMounts(parameters.passwordSecrets),
    ],
  };
}

/** The name of the condition as a value of the manifest. */
const rawCondition = (condition: string): Yaml => raw(`${condition} | toJson`);

function volumes(parameters: Parameters): readonly Yaml[] {
  const { cniBinDir, usesBird } = parameters;
  const hostPath = (name: string, path: Yaml, type: string): Yaml => ({
    name,
    hostPath: { path, type },
  });
  return [
    hostPath('cni-bin', cniBinDir, 'DirectoryOrCreate'),
    ...placesOf(parameters).map(({ name, host, type, reason }) =>
      note(`${reason[0]?.toUpperCase()}${reason.slice(1)}.`, hostPath(name, host, type)),
    ),
    ...optional(usesBird, hostPath('bird', '/run/poplin/bird', 'DirectoryOrCreate')),
    ...etcdVolumes(parameters),
    ...passwordVolumes(parameters.passwordSecrets),
  ];
}
