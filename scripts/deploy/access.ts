// Namespace, service account and rights: what the agent may do with the API, as narrow as RBAC can
// say it, each with its reason. test/cluster holds it equal to what agents ask for. What RBAC
// cannot say (only the own Node, only the own Leases) is in admission.ts.

import type { Parameters } from './parameters.ts';
import { optional } from './parameters.ts';
import type { Yaml } from './yaml.ts';
import { note } from './yaml.ts';

/** Another name than in the own namespace: old kustomize tells objects apart by names alone. */
const EVENTS = 'poplin-events';
const LABELS = { 'app.kubernetes.io/name': 'poplin' } as const;

/** hostNetwork and hostPath are refused at the other levels. */
const POD_SECURITY = Object.fromEntries(
  ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'privileged']),
);

export function namespaceDocuments({ namespace, createsNamespace }: Parameters): readonly Yaml[] {
  return optional(createsNamespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { ...LABELS, ...POD_SECURITY } },
  });
}

export function accessDocuments(parameters: Parameters): readonly Yaml[] {
  const { namespace, usesKubernetes } = parameters;
  const account: Yaml = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'poplin', namespace, labels: LABELS },
    automountServiceAccountToken: false,
  };
  const rights = [clusterRole(), eventRole(), ownRole(namespace)].flat();
  const bindings = [
    binding('ClusterRole', namespace, undefined),
    binding('Role', namespace, 'default'),
    binding('Role', namespace, namespace),
  ];
  return [account, ...[...rights, ...bindings].flatMap((right) => optional(usesKubernetes, right))];
}

const clusterRole = (): Yaml => ({
  ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' },
  metadata: { name: 'poplin', labels: LABELS },
  rules: [
    note('Who the peers are, and at which addresses.', {
      ...{ apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
    }),
    note(
      'What this node tells its peers and people (annotations, PoplinReady) and the ' +
        "scheduler (NetworkUnavailable). RBAC cannot say 'only its own Node': " +
        "deploy/poplin-admission.yaml does. A Node's spec (taints, podCIDR) cannot be " +
        'written so.',
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
    ),
  ],
});

const eventRole = (): Yaml => ({
  ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' },
  metadata: { name: EVENTS, namespace: 'default', labels: LABELS },
  rules: [
    note('Events about Nodes are in this namespace, where kubectl describe node looks for them.', {
      ...{ apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
    }),
  ],
});

const ownRole = (namespace: Yaml): Yaml => ({
  ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' },
  metadata: { name: 'poplin', namespace, labels: LABELS },
  rules: [
    note('The configuration, and what the cluster has decided gives nodes their subnets.', {
      ...{ apiGroups: [''], resources: ['configmaps'] },
      resourceNames: ['poplin-config', 'poplin-subnet-source'],
      verbs: ['list', 'watch'],
    }),
    note('The first node writes the decision down; a change of it is written by whoever sees it.', {
      ...{ apiGroups: [''], resources: ['configmaps'] },
      ...{ resourceNames: ['poplin-subnet-source'], verbs: ['get', 'update'] },
    }),
    note('RBAC cannot bind a creation to a name, which is not known when it is asked.', {
      ...{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
    }),
    note('Subnets that nodes claim: one Lease each (SubnetSource lease).', {
      ...{ apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    }),
  ],
});

/** `within`: the role's namespace; none of a ClusterRole. */
function binding(kind: string, namespace: Yaml, within: Yaml | undefined): Yaml {
  const name = within === 'default' ? EVENTS : 'poplin';
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: `${kind}Binding`,
    metadata: { name, namespace: within, labels: LABELS },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
    subjects: [{ kind: 'ServiceAccount', name: 'poplin', namespace }],
  };
}
