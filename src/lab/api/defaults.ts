// What the real server adds to an object that is written, as far as clients of a pod network see
// it. Pods get almost none of their many defaults: nothing here runs them.

import type { Kind } from './kinds.ts';
import { NAMESPACES, NODES, PODS } from './kinds.ts';
import type { JsonObject, KubeObject } from './object.ts';
import { isJsonObject, listAt, textAt } from './object.ts';

/** At each write. */
export function withDefaults(kind: Kind, object: KubeObject): KubeObject {
  if (kind === NODES) return withPodCidrs(object);
  if (kind.resource === 'networkpolicies') return withPolicyTypes(object);
  if (kind.resource === 'secrets') return { type: 'Opaque', ...object };
  return object;
}

/** Only at the first. */
export function withFirstStatus(kind: Kind, object: KubeObject): KubeObject {
  if (kind === NAMESPACES) {
    const { metadata } = object;
    const labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name ?? '' };
    const spec = { finalizers: ['kubernetes'] };
    return { ...object, metadata: { ...metadata, labels }, spec, status: { phase: 'Active' } };
  }
  if (kind === PODS && object.status === undefined) {
    return { ...object, status: { phase: 'Pending' } };
  }
  return object;
}

/** `podCIDR` and the first of `podCIDRs` are one; where both are given, the former counts. */
function withPodCidrs(node: KubeObject): KubeObject {
  const single = textAt(node, 'spec.podCIDR');
  const listed = listAt(node, 'spec.podCIDRs');
  if (!isJsonObject(node.spec) || single === (listed[0] ?? '')) return node;
  const podCIDRs = single === '' ? listed : [single];
  return { ...node, spec: { ...node.spec, podCIDR: podCIDRs[0], podCIDRs } };
}

function withPolicyTypes(policy: KubeObject): KubeObject {
  const spec = isJsonObject(policy.spec) ? policy.spec : {};
  const [ingress, egress] = [listAt(spec, 'ingress'), listAt(spec, 'egress')];
  const asked = listAt(spec, 'policyTypes');
  const policyTypes =
    asked.length > 0 ? asked : ['Ingress', ...(egress.length > 0 ? ['Egress'] : [])];
  return {
    ...policy,
    spec: {
      podSelector: {},
      ...spec,
      ...(ingress.length > 0 ? { ingress: ingress.map(withProtocols) } : {}),
      ...(egress.length > 0 ? { egress: egress.map(withProtocols) } : {}),
      policyTypes,
    },
  };
}

const withProtocols = (rule: unknown): unknown =>
  isJsonObject(rule) && Array.isArray(rule.ports)
    ? { ...rule, ports: rule.ports.map(withProtocol) }
    : rule;

const withProtocol = (port: unknown): unknown =>
  isJsonObject(port) ? ({ protocol: 'TCP', ...port } satisfies JsonObject) : port;
