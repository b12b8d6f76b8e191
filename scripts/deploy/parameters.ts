// What differs between the plain manifest and the chart: the same places, once with their values
// and once with the chart's expressions for them. The defaults stand here once; the chart's
// values.yaml is made of them.

import { readFileSync } from 'node:fs';
import type { PasswordSecrets } from './passwords.ts';
import { noPasswordSecret, passwordSecretsOf } from './passwords.ts';
import type { Yaml } from './yaml.ts';
import { each, lines, raw, when } from './yaml.ts';

const PACKAGE = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { readonly version: string };

export const VERSION = PACKAGE.version;

export const NAMESPACE = 'poplin';

export type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

/**
 * Values of the chart, and the plain manifest's. Memory and processor time are what the agent takes
 * with 5,000 nodes (docs/benchmarks.md: `memory.5000`, `updates.5000.heartbeat`), and beside BIRD
 * with the sessions of 100 (`memory.bgp.100`): a test compares.
 */
export const DEFAULTS = {
  namespace: { name: NAMESPACE, create: true },
  image: { repository: 'poplin', tag: '', pullPolicy: 'IfNotPresent' },
  netConf: { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } },
  metricsListen: '127.0.0.1:9113',
  metricsPort: 9113,
  logLevel: 'info',
  apiServer: { host: '', port: 6443 },
  extraEnv: [],
  resources: { requests: { cpu: '100m', memory: '100Mi' } },
  cni: { binDir: '/opt/cni/bin', confDir: '/etc/cni/net.d', cacheDir: '/var/lib/cni' },
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ operator: 'Exists' }],
  maxUnavailable: 1,
  bird: {
    enabled: false,
    image: { repository: 'poplin-bird', tag: '' },
    resources: { requests: { cpu: '20m', memory: '30Mi' } },
    agentResources: { requests: { memory: '120Mi' } },
  },
  bgp: { passwordSecrets: [] },
  etcd: {
    enabled: false,
    endpoints: 'https://etcd.example:2379',
    prefix: '/coreos.com/network',
    secretName: '',
  },
  admission: { enabled: false },
} as const satisfies { readonly [key: string]: Json };

/** A place of the manifests that is there or not, or that the chart decides about. */
type Choice = boolean | string;

export type Parameters = {
  readonly namespace: Yaml;
  readonly createsNamespace: Choice;
  readonly image: Yaml;
  readonly birdImage: Yaml;
  readonly pullPolicy: Yaml;
  /** Text of net-conf.json. */
  readonly netConf: Yaml;
  readonly metricsListen: Yaml;
  readonly metricsPort: Yaml;
  readonly logLevel: Yaml;
  readonly apiServer: { readonly given: Choice; readonly host: Yaml; readonly port: Yaml };
  /** Entries for the end of `env`. */
  readonly extraEnv: readonly Yaml[];
  readonly resources: Yaml;
  readonly birdResources: Yaml;
  readonly cniBinDir: Yaml;
  readonly cniConfDir: Yaml;
  readonly cniCacheDir: Yaml;
  readonly nodeSelector: Yaml;
  readonly tolerations: Yaml;
  readonly maxUnavailable: Yaml;
  readonly usesKubernetes: Choice;
  readonly usesBird: Choice;
  readonly passwordSecrets: PasswordSecrets;
  readonly etcd: EtcdParameters;
};

export type EtcdParameters = {
  readonly used: Choice;
  readonly endpoints: Yaml;
  readonly prefix: Yaml;
  readonly hasSecret: Choice;
  readonly secretName: Yaml;
};

/** Nothing, the entry, or the entry under the chart's condition. */
export function optional(choice: Choice, value: Yaml): readonly Yaml[] {
  if (choice === false) return [];
  return [choice === true ? value : when(choice, value)];
}

export const netConfText = (netConf: Json): string => JSON.stringify(netConf, null, 2);

export function plainParameters(): Parameters {
  const { apiServer, etcd } = DEFAULTS;
  return {
    namespace: NAMESPACE,
    createsNamespace: true,
    image: `poplin:${VERSION}`,
    birdImage: `poplin-bird:${VERSION}`,
    pullPolicy: DEFAULTS.image.pullPolicy,
    netConf: lines(netConfText(DEFAULTS.netConf)),
    metricsListen: DEFAULTS.metricsListen,
    metricsPort: DEFAULTS.metricsPort,
    logLevel: DEFAULTS.logLevel,
    apiServer: { given: false, host: apiServer.host, port: String(apiServer.port) },
    extraEnv: [],
    resources: DEFAULTS.resources,
    birdResources: DEFAULTS.bird.resources,
    cniBinDir: DEFAULTS.cni.binDir,
    cniConfDir: DEFAULTS.cni.confDir,
    cniCacheDir: DEFAULTS.cni.cacheDir,
    nodeSelector: DEFAULTS.nodeSelector,
    tolerations: DEFAULTS.tolerations,
    maxUnavailable: DEFAULTS.maxUnavailable,
    usesKubernetes: true,
    usesBird: false,
    passwordSecrets: noPasswordSecret(),
    etcd: { ...etcd, used: false, hasSecret: false },
  };
}

const quoted = (path: string): Yaml => raw(`${path} | quote`);
const json = (path: string): Yaml => raw(`${path} | toJson`);
const image = (path: string): Yaml =>
  raw(`printf "%s:%s" ${path}.repository (${path}.tag | default .Chart.AppVersion) | quote`);

/** By the functions of Go's text/template and sprig alone. */
export function chartParameters(): Parameters {
  return {
    namespace: quoted('.Values.namespace.name'),
    createsNamespace: '.Values.namespace.create',
    image: image('.Values.image'),
    birdImage: image('.Values.bird.image'),
    pullPolicy: quoted('.Values.image.pullPolicy'),
    netConf: raw('.Values.netConf | toPrettyJson | quote'),
    metricsListen: quoted('.Values.metricsListen'),
    metricsPort: json('.Values.metricsPort'),
    logLevel: quoted('.Values.logLevel'),
    apiServer: {
      given: '.Values.apiServer.host',
      host: quoted('.Values.apiServer.host'),
      port: raw('.Values.apiServer.port | toString | quote'),
    },
    extraEnv: [each('.Values.extraEnv', raw('. | toJson'))],
    resources: raw(
      'mergeOverwrite (deepCopy .Values.resources) ' +
        '(ternary .Values.bird.agentResources (dict) .Values.bird.enabled) | toJson',
    ),
    birdResources: json('.Values.bird.resources'),
    cniBinDir: quoted('.Values.cni.binDir'),
    cniConfDir: quoted('.Values.cni.confDir'),
    cniCacheDir: quoted('.Values.cni.cacheDir'),
    nodeSelector: json('.Values.nodeSelector'),
    tolerations: json('.Values.tolerations'),
    maxUnavailable: json('.Values.maxUnavailable'),
    usesKubernetes: 'not .Values.etcd.enabled',
    usesBird: '.Values.bird.enabled',
    passwordSecrets: passwordSecretsOf('.Values.bgp.passwordSecrets'),
    etcd: {
      used: '.Values.etcd.enabled',
      endpoints: quoted('.Values.etcd.endpoints'),
      prefix: quoted('.Values.etcd.prefix'),
      hasSecret: 'and .Values.etcd.enabled .Values.etcd.secretName',
      secretName: quoted('.Values.etcd.secretName'),
    },
  };
}
