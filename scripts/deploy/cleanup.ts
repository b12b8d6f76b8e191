// Taking Poplin away from every node, once its DaemonSet is gone: `poplin cleanup` as an init
// container, which Kubernetes starts again until it has succeeded on the node, and beside it a
// container that only waits, so that the rollout's status says when all nodes are done. It sees
// more of the host's directories than the agent does, since it removes those of the agent.

import { environment, etcdMounts, etcdVolumes, PROC_SYS } from './environment.ts';
import { hardened } from './hardened.ts';
import type { Parameters } from './parameters.ts';
import type { Yaml } from './yaml.ts';
import { note } from './yaml.ts';

const LABELS = { 'app.kubernetes.io/name': 'poplin-cleanup' } as const;
const RUN = '/host/run';
const VAR_LIB = '/host/var/lib';

/** Ends at once when it is told to, and takes no time of a processor. */
const WAIT = "process.once('SIGTERM', () => process.exit()); setInterval(() => {}, 1e9)";

export function cleanupDaemonSet(parameters: Parameters): Yaml {
  const { namespace, nodeSelector, tolerations, usesKubernetes } = parameters;
  return {
    ...{ apiVersion: 'apps/v1', kind: 'DaemonSet' },
    metadata: { name: 'poplin-cleanup', namespace, labels: LABELS },
    spec: {
      selector: { matchLabels: LABELS },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } },
      template: {
        metadata: { labels: LABELS },
        spec: {
          serviceAccountName: 'poplin',
          automountServiceAccountToken: usesKubernetes,
          enableServiceLinks: false,
          hostNetwork: true,
          dnsPolicy: 'Default',
          priorityClassName: 'system-node-critical',
          nodeSelector,
          tolerations: note('All taints: without its network a node has some.', tolerations),
          terminationGracePeriodSeconds: 10,
          securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
          initContainers: [cleaner(parameters)],
          containers: [waiter(parameters)],
          volumes: volumes(parameters),
        },
      },
    },
  };
}

function cleaner(parameters: Parameters): Yaml {
  const { image, pullPolicy } = parameters;
  const place = (name: string, value: string): Yaml => ({ name, value });
  return {
    name: 'cleanup',
    image,
    imagePullPolicy: pullPolicy,
    args: note(
      'Refuses while pods are attached, and is tried again. With --force they lose their network.',
      ['cleanup'],
    ),
    env: [
      ...environment(parameters),
      place('POPLIN_RUN_DIR', `${RUN}/poplin`),
      place('POPLIN_BIRD_DIR', `${RUN}/poplin/bird`),
      place('POPLIN_STATE_DIR', `${VAR_LIB}/poplin`),
    ],
    resources: { requests: { cpu: '10m', memory: '60Mi' } },
    securityContext: {
      ...hardened(),
      capabilities: {
        drop: ['ALL'],
        add: [
          note('NET_ADMIN: links, routes, rules, nftables, sysctls of the network.', 'NET_ADMIN'),
        ],
      },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: 'run', mountPath: RUN },
      { name: 'var-lib', mountPath: VAR_LIB },
      { name: 'cni-conf', mountPath: '/etc/cni/net.d' },
      { name: 'cni-bin', mountPath: '/opt/cni/bin' },
      { name: 'proc-sys-net', mountPath: PROC_SYS },
      { name: 'machine-id', mountPath: '/etc/machine-id', readOnly: true },
      ...etcdMounts(parameters),
    ],
  };
}

const waiter = ({ image, pullPolicy }: Parameters): Yaml => ({
  name: 'done',
  image,
  imagePullPolicy: pullPolicy,
  command: ['/usr/bin/node', '-e', WAIT],
  resources: { requests: { cpu: '1m', memory: '30Mi' } },
  securityContext: { ...hardened(), capabilities: { drop: ['ALL'] } },
});

const volumes = ({ cniBinDir, cniConfDir, etcd }: Parameters): readonly Yaml[] => [
  note('The directory poplin in it goes: a directory cannot remove itself.', {
    ...{ name: 'run', hostPath: { path: '/run', type: 'Directory' } },
  }),
  note('Likewise.', { name: 'var-lib', hostPath: { path: '/var/lib', type: 'Directory' } }),
  { name: 'cni-conf', hostPath: { path: cniConfDir, type: 'DirectoryOrCreate' } },
  { name: 'cni-bin', hostPath: { path: cniBinDir, type: 'DirectoryOrCreate' } },
  { name: 'proc-sys-net', hostPath: { path: '/proc/sys/net', type: 'Directory' } },
  { name: 'machine-id', hostPath: { path: '/etc/machine-id', type: 'File' } },
  ...etcdVolumes({ etcd }),
];
