// What a Helm chart has beside its templates: its name and version, the values with their defaults,
// and the schema of the values, by which helm refuses what is misspelled.

import type { Json } from './parameters.ts';
import { DEFAULTS, VERSION } from './parameters.ts';
import type { Yaml } from './yaml.ts';
import { note } from './yaml.ts';

export const chartFile = (): Yaml => ({
  apiVersion: 'v2',
  name: 'poplin',
  description: 'A Kubernetes pod network that changes its backend live and repairs itself',
  type: 'application',
  version: VERSION,
  appVersion: VERSION,
  kubeVersion: '>=1.20.0-0',
});

const ABOUT: Readonly<Record<keyof typeof DEFAULTS, string>> = {
  namespace: 'Where everything is. Without create it has to be there, labelled for Pod Security.',
  image: 'The image of the agent; without a tag that of this version.',
  netConf: 'net-conf.json (docs/configuration.md). Edited later in the ConfigMap, it acts live.',
  metricsListen: 'Where /metrics, /healthz and /readyz are served: HOST:PORT.',
  metricsPort: 'The port of metricsListen.',
  logLevel: 'debug, info, warn or error.',
  apiServer: 'Where the API server is, for clusters without kube-proxy; empty: the Service.',
  extraEnv: 'Further settings of the agent: a list of name and value.',
  resources: 'Of the agent.',
  cni: 'Where the container runtime has its plugins, its configuration and its cache.',
  nodeSelector: 'Nodes that get an agent.',
  tolerations: 'All taints: a node without a network has some.',
  maxUnavailable: 'How many nodes are updated at a time: a number, or a share as 10%.',
  bird: 'BIRD beside the agent, for Backend Type bgp. agentResources: what the agent takes then.',
  bgp:
    'passwordSecrets: names of Secrets, in the namespace, that have passwords of BGP sessions ' +
    '(docs/configuration.md).',
  etcd: 'etcd as the datastore. secretName: a Secret with ca.crt, tls.crt and tls.key.',
  admission: 'Agents write their own Node only: Kubernetes 1.30 and later.',
};

export const valuesFile = (): Yaml =>
  Object.fromEntries(
    Object.entries(DEFAULTS).map(([key, value]) => [
      key,
      note(ABOUT[key as keyof typeof DEFAULTS], value as Yaml),
    ]),
  );

/** Places whose keys are not ours. */
const OPEN: Readonly<Record<string, Json>> = {
  netConf: { type: 'object' },
  resources: { type: 'object' },
  'bird.resources': { type: 'object' },
  'bird.agentResources': { type: 'object' },
  nodeSelector: { type: 'object', additionalProperties: { type: 'string' } },
  tolerations: { type: 'array', items: { type: 'object' } },
  extraEnv: {
    type: 'array',
    items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
  },
  maxUnavailable: { type: ['integer', 'string'] },
  'bgp.passwordSecrets': {
    ...{ type: 'array', uniqueItems: true },
    items: { type: 'string', pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$' },
  },
  logLevel: { enum: ['debug', 'info', 'warn', 'error'] },
  'image.pullPolicy': { enum: ['Always', 'IfNotPresent', 'Never'] },
  metricsListen: { type: 'string', pattern: '^(\\[[0-9a-fA-F:]+\\]|[^:]*):[0-9]{1,5}$' },
  metricsPort: { type: 'integer', minimum: 1, maximum: 65_535 },
  'apiServer.port': { type: 'integer', minimum: 1, maximum: 65_535 },
};

export const valuesSchema = (): Json => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Values of the chart poplin',
  ...(schemaOf(DEFAULTS, '') as Record<string, Json>),
});

function schemaOf(value: Json, path: string): Json {
  const open = OPEN[path];
  if (open !== undefined) return open;
  if (typeof value !== 'object') return { type: typeof value };
  const entries = Object.entries(value).map(([key, inner]): [string, Json] => [
    key,
    schemaOf(inner as Json, path === '' ? key : `${path}.${key}`),
  ]);
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries([...entries, ...(path === '' ? [['global', {}] as const] : [])]),
  };
}
