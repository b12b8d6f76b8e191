// Every file below deploy/ that is made, with its text. A test holds them equal to what is checked
// in.

import { accessDocuments, namespaceDocuments } from './access.ts';
import { admissionDocuments } from './admission.ts';
import { daemonSet } from './agent.ts';
import { ruleFile, ruleObject, ruleTests } from './alert-files.ts';
import { chartFile, valuesFile, valuesSchema } from './chart.ts';
import { checkDocuments } from './check.ts';
import { cleanupDaemonSet } from './cleanup.ts';
import { dashboard } from './dashboard.ts';
import { dualStackCluster, singleStackCluster } from './kind.ts';
import {
  agentKustomization,
  baseKustomization,
  ETCD,
  kustomization,
  netConfPatch,
  OVERLAYS,
} from './overlays.ts';
import type { Parameters } from './parameters.ts';
import { chartParameters, plainParameters } from './parameters.ts';
import type { Yaml } from './yaml.ts';
import { renderDocument, renderDocuments, when } from './yaml.ts';

export type Output = { readonly path: string; readonly text: string };

const MADE = 'Made by "npm run deploy": edit scripts/deploy/, not this file.';

const CLEANUP =
  'Takes Poplin away from all nodes, after "kubectl -n poplin delete daemonset poplin": ' +
  'docs/install.md.';

const CHECK =
  'Pods by which deploy/check.sh tries whether all nodes reach each other; it takes them away ' +
  `again. ${MADE}`;

const IN_ETCD = 'For leases in etcd: set its endpoints as in the overlay.';

const etcdParameters = (): Parameters => ({
  ...plainParameters(),
  ...{ usesKubernetes: false, etcd: ETCD },
});

function documentsOf(parameters: Parameters): readonly Yaml[] {
  const { namespace, netConf } = parameters;
  const config: Yaml = {
    ...{ apiVersion: 'v1', kind: 'ConfigMap' },
    metadata: { name: 'poplin-config', namespace, labels: { 'app.kubernetes.io/name': 'poplin' } },
    data: { 'net-conf.json': netConf },
  };
  return [
    ...namespaceDocuments(parameters),
    ...accessDocuments(parameters),
    config,
    daemonSet(parameters),
  ];
}

export function outputs(): readonly Output[] {
  const plain = renderDocuments(
    `Poplin for Kubernetes 1.20 and later: kubectl apply -f poplin.yaml. ${MADE}`,
    documentsOf(plainParameters()),
  );
  const restriction = "Kubernetes 1.30 and later: an agent writes only what is its own node's.";
  const admission = `${restriction} ${MADE}`;
  return [
    { path: 'deploy/poplin.yaml', text: plain },
    {
      path: 'deploy/poplin-admission.yaml',
      text: renderDocuments(admission, admissionDocuments()),
    },
    {
      path: 'deploy/poplin-cleanup.yaml',
      text: renderDocument(`${CLEANUP} ${MADE}`, cleanupDaemonSet(plainParameters())),
    },
    {
      path: 'deploy/poplin-cleanup-etcd.yaml',
      text: renderDocument(`${CLEANUP} ${IN_ETCD} ${MADE}`, cleanupDaemonSet(etcdParameters())),
    },
    {
      path: 'deploy/poplin-check.yaml',
      text: renderDocuments(CHECK, checkDocuments(plainParameters())),
    },
    ...kindOutputs(),
    ...kustomizeOutputs(),
    ...chartOutputs(admission),
    ...monitoringOutputs(),
  ];
}

function kindOutputs(): readonly Output[] {
  const folder = 'deploy/kind';
  const of = (what: string): string =>
    `A cluster of kind for Poplin, ${what}: docs/kind.md. ${MADE}`;
  return [
    {
      path: `${folder}/single-stack.yaml`,
      text: renderDocument(of('IPv4'), singleStackCluster()),
    },
    {
      path: `${folder}/dual-stack.yaml`,
      text: renderDocument(of('IPv4 and IPv6'), dualStackCluster()),
    },
  ];
}

function kustomizeOutputs(): readonly Output[] {
  const [agent, base] = ['deploy/kustomize/agent', 'deploy/kustomize/base'];
  const documents = documentsOf(plainParameters());
  const isRight = (document: Yaml): boolean =>
    typeof document === 'object' && 'kind' in document && /Role/.test(String(document.kind));
  const others = documents.filter((document) => !isRight(document));
  return [
    { path: `${agent}/poplin.yaml`, text: renderDocuments(MADE, others) },
    { path: `${agent}/kustomization.yaml`, text: renderDocument(MADE, agentKustomization()) },
    { path: `${base}/rights.yaml`, text: renderDocuments(MADE, documents.filter(isRight)) },
    { path: `${base}/kustomization.yaml`, text: renderDocument(MADE, baseKustomization()) },
    ...OVERLAYS.flatMap((overlay) => {
      const folder = `deploy/kustomize/overlays/${overlay.name}`;
      const header = `${overlay.about} ${MADE}`;
      return [
        {
          path: `${folder}/kustomization.yaml`,
          text: renderDocument(header, kustomization(overlay)),
        },
        { path: `${folder}/net-conf.yaml`, text: renderDocument(MADE, netConfPatch(overlay)) },
        ...Object.entries(overlay.patches).map(([name, documents]) => ({
          path: `${folder}/${name}`,
          text: renderDocuments(MADE, documents),
        })),
      ];
    }),
  ];
}

function chartOutputs(admission: string): readonly Output[] {
  const folder = 'deploy/helm/poplin';
  const parameters = chartParameters();
  const policy = admissionDocuments('{{ .Values.namespace.name }}').map((document) =>
    when('.Values.admission.enabled', document),
  );
  return [
    { path: `${folder}/Chart.yaml`, text: renderDocument(MADE, chartFile()) },
    { path: `${folder}/values.yaml`, text: renderDocument(MADE, valuesFile()) },
    { path: `${folder}/values.schema.json`, text: `${JSON.stringify(valuesSchema(), null, 2)}\n` },
    {
      path: `${folder}/templates/poplin.yaml`,
      text: renderDocuments(MADE, documentsOf(parameters)),
    },
    { path: `${folder}/templates/admission.yaml`, text: renderDocuments(admission, policy) },
  ];
}

function monitoringOutputs(): readonly Output[] {
  const folder = 'deploy/monitoring';
  const rules = 'poplin-alerts.yaml';
  const tests = `promtool test rules poplin-alerts-test.yaml. ${MADE}`;
  return [
    { path: `${folder}/${rules}`, text: renderDocument(`Alerts. ${MADE}`, ruleFile()) },
    {
      path: `${folder}/poplin-prometheusrule.yaml`,
      text: renderDocument(`The same alerts for Prometheus' operator. ${MADE}`, ruleObject()),
    },
    { path: `${folder}/poplin-alerts-test.yaml`, text: renderDocument(tests, ruleTests(rules)) },
    { path: `${folder}/poplin-dashboard.json`, text: `${JSON.stringify(dashboard(), null, 2)}\n` },
  ];
}
