// What deploy/check.sh applies: a pod on each node that answers and asks, and a Service of them
// all. They run Node.js of Poplin's own image, which is on every node already, so that no registry
// is needed; they have no rights and no user of their own.

import { readFileSync } from 'node:fs';
import type { Parameters } from './parameters.ts';
import type { Yaml } from './yaml.ts';
import { lines, note } from './yaml.ts';

const NAME = 'poplin-check';
const LABELS = { 'app.kubernetes.io/name': NAME } as const;
const PORT = 8080;
const NOBODY = 65_534;
const FILES = '/check';

const programText = (name: string): Yaml =>
  lines(readFileSync(new URL(`check/${name}.ts`, import.meta.url), 'utf8'));

export function checkDocuments(parameters: Parameters): readonly Yaml[] {
  const metadata: Yaml = { name: NAME, namespace: NAME, labels: LABELS };
  const namespace: Yaml = {
    ...{ apiVersion: 'v1', kind: 'Namespace' },
    metadata: {
      name: NAME,
      labels: { ...LABELS, 'pod-security.kubernetes.io/enforce': 'restricted' },
    },
  };
  const programs: Yaml = {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata },
    data: { 'answer.mts': programText('answer'), 'ask.mts': programText('ask') },
  };
  const service: Yaml = {
    ...{ apiVersion: 'v1', kind: 'Service', metadata },
    spec: { ipFamilyPolicy: 'PreferDualStack', selector: LABELS, ports: [{ port: PORT }] },
  };
  return [namespace, programs, service, daemonSet(parameters, metadata)];
}

function daemonSet({ image, nodeSelector }: Parameters, metadata: Yaml): Yaml {
  return {
    ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata },
    spec: {
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          ...{ automountServiceAccountToken: false, enableServiceLinks: false },
          nodeSelector,
          tolerations: note('On every node, those of the control plane too.', [
            { operator: 'Exists' },
          ]),
          terminationGracePeriodSeconds: 1,
          securityContext: {
            ...{ runAsNonRoot: true, runAsUser: NOBODY, runAsGroup: NOBODY },
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [answerer(image)],
          volumes: [{ name: 'programs', configMap: { name: NAME } }],
        },
      },
    },
  };
}

const answerer = (image: Yaml): Yaml => ({
  name: 'answer',
  image,
  imagePullPolicy: 'IfNotPresent',
  command: ['/usr/bin/node', `${FILES}/answer.mts`],
  env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
  ports: [{ containerPort: PORT }],
  readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 2 },
  securityContext: {
    ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
    capabilities: { drop: ['ALL'] },
  },
  volumeMounts: [{ name: 'programs', mountPath: FILES, readOnly: true }],
});
