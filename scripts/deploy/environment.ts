// The agent's settings as environment variables of its container; each is a flag of `poplin agent`
// (docs/configuration.md). Only what differs from the flag's default is set.

import type { Parameters } from './parameters.ts';
import { optional } from './parameters.ts';
import type { Yaml } from './yaml.ts';

export const PROC_SYS = '/host/proc/sys/net';
const ETCD_FILES = '/etc/poplin/etcd';
const NET_CONF_FILES = '/etc/poplin/net-conf';

const given = (name: string, value: Yaml): Yaml => ({ name, value });
const field = (name: string, fieldPath: string): Yaml => ({
  name,
  valueFrom: { fieldRef: { fieldPath } },
});

export function environment(parameters: Parameters): readonly Yaml[] {
  const { metricsListen, logLevel, apiServer, extraEnv } = parameters;
  return [
    field('POPLIN_NODE_NAME', 'spec.nodeName'),
    field('POPLIN_NAMESPACE', 'metadata.namespace'),
    given('POPLIN_PROC_SYS', PROC_SYS),
    given('POPLIN_METRICS_LISTEN', metricsListen),
    given('POPLIN_LOG_LEVEL', logLevel),
    ...optional(apiServer.given, given('KUBERNETES_SERVICE_HOST', apiServer.host)),
    ...optional(apiServer.given, given('KUBERNETES_SERVICE_PORT', apiServer.port)),
    ...etcdEnvironment(parameters),
    ...extraEnv,
  ];
}

/** The configuration stays in the ConfigMap; etcd has no Nodes that would say the address. */
export function etcdEnvironment({ etcd }: Pick<Parameters, 'etcd'>): readonly Yaml[] {
  return [
    ...[
      given('POPLIN_DATASTORE', 'etcd'),
      given('POPLIN_ETCD_ENDPOINTS', etcd.endpoints),
      given('POPLIN_ETCD_PREFIX', etcd.prefix),
      given('POPLIN_NET_CONF_FILE', `${NET_CONF_FILES}/net-conf.json`),
      field('POPLIN_NODE_IP', 'status.hostIP'),
    ].flatMap((entry) => optional(etcd.used, entry)),
    ...[
      given('POPLIN_ETCD_CA_FILE', `${ETCD_FILES}/ca.crt`),
      given('POPLIN_ETCD_CERT_FILE', `${ETCD_FILES}/tls.crt`),
      given('POPLIN_ETCD_KEY_FILE', `${ETCD_FILES}/tls.key`),
    ].flatMap((entry) => optional(etcd.hasSecret, entry)),
  ];
}

/** The files that these variables name. */
export const etcdMounts = ({ etcd }: Pick<Parameters, 'etcd'>): readonly Yaml[] => [
  ...optional(etcd.used, { name: 'net-conf', mountPath: NET_CONF_FILES, readOnly: true }),
  ...optional(etcd.hasSecret, { name: 'etcd-tls', mountPath: ETCD_FILES, readOnly: true }),
];

export const etcdVolumes = ({ etcd }: Pick<Parameters, 'etcd'>): readonly Yaml[] => [
  ...optional(etcd.used, { name: 'net-conf', configMap: { name: 'poplin-config' } }),
  ...optional(etcd.hasSecret, {
    name: 'etcd-tls',
    secret: { secretName: etcd.secretName, defaultMode: 0o400 },
  }),
];
