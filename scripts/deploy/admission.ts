// What RBAC cannot say: an agent writes only what belongs to its own node, which the API server
// knows from the token (Kubernetes 1.30 and later put the node's name into it). In CEL, which the
// server compiles when the policy is applied. A request of anybody else is not looked at.

import { NAMESPACE } from './parameters.ts';
import type { Yaml } from './yaml.ts';
import { note } from './yaml.ts';

const NODE_NAME_KEY = 'authentication.kubernetes.io/node-name';

/** What of a Node's status the agent leaves as it is, all but conditions; and what absent means. */
const STATUS_FIELDS: Readonly<Record<string, string>> = {
  ...{ addresses: '[]', allocatable: '{}', capacity: '{}', config: '{}', daemonEndpoints: '{}' },
  ...{ features: '{}', images: '[]', nodeInfo: '{}', phase: "''", runtimeHandlers: '[]' },
  ...{ volumesAttached: '[]', volumesInUse: '[]' },
};
const METADATA_FIELDS = { labels: '{}', finalizers: '[]', ownerReferences: '[]' } as const;

const agentOf = (namespace: string): string => `system:serviceaccount:${namespace}:poplin`;

const isOwnAnnotation =
  "(key.startsWith('poplin.dev/') || key.startsWith('flannel.alpha.coreos.com/'))";

/** Only what is asked for a resource; other requests of the agent pass. */
const of = (resource: string, expression: string): string =>
  `variables.resource != '${resource}' || (${expression})`;

const same = (part: string, fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields)
    .map(([name, none]) => {
      const value = `${part}.?${name}.orValue(${none})`;
      return `object.${value} == oldObject.${value}`;
    })
    .join(' && ');

const otherConditions = (object: string): string =>
  `${object}.status.?conditions.orValue([]).filter(c, ` +
  `!(c.type in ['NetworkUnavailable', 'PoplinReady']))`;

const annotations = (object: string): string => `${object}.metadata.?annotations.orValue({})`;

/** Of the Lease before and after, whichever there is. */
const ownLease = (object: string): string =>
  `${object} == null || ` +
  `(${object}.spec.?holderIdentity.orValue('').startsWith(variables.node + '_')` +
  ` && ${object}.metadata.?ownerReferences.orValue([]).all(owner,` +
  " owner.kind == 'Node' && owner.name == variables.node))";

const VALIDATIONS: readonly { readonly expression: string; readonly message: string }[] = [
  { expression: "variables.node != ''", message: 'the token names no node' },
  {
    expression: of('nodes', 'object.metadata.name == variables.node'),
    message: 'an agent writes its own Node only',
  },
  {
    expression: of('nodes', same('metadata', METADATA_FIELDS)),
    message: 'an agent writes no labels, finalizers or owners of its Node',
  },
  {
    expression: of(
      'nodes',
      `variables.annotations.all(key, ${isOwnAnnotation} || ` +
        '(key in variables.oldAnnotations && ' +
        'variables.annotations[key] == variables.oldAnnotations[key])) && ' +
        `variables.oldAnnotations.all(key, ${isOwnAnnotation} || key in variables.annotations)`,
    ),
    message: 'an agent writes annotations of poplin.dev and flannel.alpha.coreos.com only',
  },
  {
    expression: of(
      'nodes',
      `${otherConditions('object')} == ${otherConditions('oldObject')} && ` +
        `${same('status', STATUS_FIELDS)}`,
    ),
    message: 'of the status an agent writes the conditions NetworkUnavailable and PoplinReady only',
  },
  {
    expression: of('leases', `(${ownLease('object')}) && (${ownLease('oldObject')})`),
    message: 'an agent writes Leases of its own Node only',
  },
  {
    expression: of('configmaps', "object.metadata.?name.orValue('') == 'poplin-subnet-source'"),
    message: 'an agent writes the ConfigMap poplin-subnet-source only',
  },
  {
    expression: of(
      'events',
      "object.involvedObject.kind == 'Node' && object.involvedObject.name == variables.node",
    ),
    message: 'an agent tells of its own Node only',
  },
];

const rule = (apiGroup: string, resource: string, operations: readonly string[]): Yaml => ({
  ...{ apiGroups: [apiGroup], apiVersions: ['v1'], operations, resources: [resource] },
});

export function admissionDocuments(namespace: Yaml = NAMESPACE): readonly Yaml[] {
  const api = { apiVersion: 'admissionregistration.k8s.io/v1' };
  const policy: Yaml = {
    ...{ ...api, kind: 'ValidatingAdmissionPolicy', metadata: { name: 'poplin-agents' } },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          note('A patch is an update here.', rule('', 'nodes/status', ['UPDATE'])),
          rule('', 'configmaps', ['CREATE', 'UPDATE']),
          rule('', 'events', ['CREATE', 'UPDATE']),
          rule('coordination.k8s.io', 'leases', ['CREATE', 'UPDATE', 'DELETE']),
        ],
      },
      matchConditions: [
        {
          name: 'agents',
          expression: `request.userInfo.username == '${agentOf(String(namespace))}'`,
        },
      ],
      variables: [
        {
          name: 'node',
          expression: `request.userInfo.?extra[?'${NODE_NAME_KEY}'][?0].orValue('')`,
        },
        { name: 'resource', expression: 'request.resource.resource' },
        note('Only asked for Nodes.', { name: 'annotations', expression: annotations('object') }),
        { name: 'oldAnnotations', expression: annotations('oldObject') },
      ],
      validations: VALIDATIONS.map(({ expression, message }) => ({ expression, message })),
    },
  };
  const binding: Yaml = {
    ...{ ...api, kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: 'poplin-agents' } },
    spec: { policyName: 'poplin-agents', validationActions: ['Deny'] },
  };
  return [policy, binding];
}
