// The admission policy, evaluated as an API server does (CEL), on what agents write and on what
// they must not. The requests of agents are those that the sources send, as the server sees them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Environment } from '@marcbachmann/cel-js';
import { one, readManifests } from './manifests.ts';

type Named = { readonly name: string; readonly expression: string };
type Policy = {
  readonly spec: {
    readonly matchConstraints: {
      readonly resourceRules: readonly {
        readonly apiGroups: readonly string[];
        readonly resources: readonly string[];
        readonly operations: readonly string[];
      }[];
    };
    readonly matchConditions: readonly Named[];
    readonly variables: readonly Named[];
    readonly validations: readonly { readonly expression: string; readonly message: string }[];
  };
};

const { spec } = one<Policy>(
  readManifests('deploy/poplin-admission.yaml'),
  'ValidatingAdmissionPolicy',
);
const environment = new Environment({ enableOptionalTypes: true, unlistedVariablesAreDyn: true });

type Json = Readonly<Record<string, unknown>>;
type Request = {
  readonly resource: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly object: Json | null;
  readonly oldObject: Json | null;
  readonly user?: string;
  /** '': the token names none. */
  readonly tokenNode?: string;
};

/** The first reason to refuse; 'allowed'. */
function judge({ resource, operation, object, oldObject, ...who }: Request): string {
  const { tokenNode = 'node-1' } = who;
  const key = 'authentication.kubernetes.io/node-name';
  const request = {
    operation,
    resource: { resource: resource.split('/')[0] },
    userInfo: {
      username: who.user ?? 'system:serviceaccount:poplin:poplin',
      ...(tokenNode === '' ? {} : { extra: { [key]: [tokenNode] } }),
    },
  };
  const isMatched = spec.matchConstraints.resourceRules.some(
    ({ resources, operations }) => resources.includes(resource) && operations.includes(operation),
  );
  const given = { request, object, oldObject };
  const holds = ({ expression }: { readonly expression: string }): boolean =>
    environment.evaluate(expression, { ...given, variables }) === true;
  const variables: Record<string, unknown> = {};
  for (const { name, expression } of spec.variables) {
    // As the server does it: only when one is asked for.
    Object.defineProperty(variables, name, {
      enumerable: true,
      get: () => environment.evaluate(expression, { ...given, variables: {} }),
    });
  }
  if (!isMatched || !spec.matchConditions.every(holds)) return 'not looked at';
  return spec.validations.find((validation) => !holds(validation))?.message ?? 'allowed';
}

const CONDITIONS = [
  { type: 'Ready', status: 'True' },
  { type: 'NetworkUnavailable', status: 'True' },
];
const NODE = {
  metadata: {
    name: 'node-1',
    labels: { zone: 'a' },
    annotations: { 'kubeadm.alpha.kubernetes.io/cri-socket': '/run/x', 'poplin.dev/advert': '{}' },
  },
  status: {
    conditions: CONDITIONS,
    addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
    capacity: { cpu: '4' },
    phase: 'Running',
  },
};

const patched = (metadata: Json, status: Json = {}): Request => ({
  ...{ resource: 'nodes/status', operation: 'UPDATE', oldObject: NODE },
  object: {
    metadata: { ...NODE.metadata, ...metadata },
    status: { ...NODE.status, ...status },
  },
});

const annotated = (annotations: Json): Request =>
  patched({ annotations: { ...NODE.metadata.annotations, ...annotations } });

const lease = (holder: string, owner = 'node-1'): Json => ({
  metadata: { name: '10.244.1.0-24', ownerReferences: [{ kind: 'Node', name: owner }] },
  spec: { holderIdentity: holder },
});

const OWN = lease('node-1_machine');
const OTHER = lease('node-10_machine', 'node-10');
const written = (resource: string, object: Json): Request => ({
  ...{ resource, operation: 'CREATE', object, oldObject: null },
});
const event = (kind: string, name: string): Json => ({ involvedObject: { kind, name } });

describe('what agents write is allowed', () => {
  const cases: readonly [string, Request][] = [
    ['the advert', annotated({ 'poplin.dev/advert': '{"v":1}' })],
    ["Flannel's annotations", annotated({ 'flannel.alpha.coreos.com/public-ip': '192.0.2.1' })],
    [
      'an annotation of its own that goes',
      patched({ annotations: { 'kubeadm.alpha.kubernetes.io/cri-socket': '/run/x' } }),
    ],
    [
      'that the network is there',
      patched({}, { conditions: [CONDITIONS[0], { type: 'NetworkUnavailable', status: 'False' }] }),
    ],
    ['the condition taken back', patched({}, { conditions: [CONDITIONS[0]] })],
    [
      'that pods reach each other',
      patched({}, { conditions: [...CONDITIONS, { type: 'PoplinReady', status: 'False' }] }),
    ],
    ['a claim', written('leases', OWN)],
    [
      'its Lease for a Node made anew',
      { ...written('leases', OWN), operation: 'UPDATE', oldObject: OWN },
    ],
    [
      'its Lease given back',
      { resource: 'leases', operation: 'DELETE', object: null, oldObject: OWN },
    ],
    ['the decision', written('configmaps', { metadata: { name: 'poplin-subnet-source' } })],
    ['an Event about its Node', written('events', event('Node', 'node-1'))],
  ];
  for (const [what, request] of cases) test(what, () => assert.equal(judge(request), 'allowed'));
});

describe('what is not its own is refused', () => {
  const cases: readonly [string, Request, RegExp][] = [
    ['by a token without a node', { ...annotated({}), tokenNode: '' }, /names no node/],
    ["another node's Node", { ...annotated({}), tokenNode: 'node-2' }, /own Node only/],
    ['a label', patched({ labels: { zone: 'b' } }), /no labels/],
    ['no labels any more', patched({ labels: undefined }), /no labels/],
    ['a finalizer', patched({ finalizers: ['x'] }), /no labels, finalizers/],
    ["somebody's annotation", annotated({ 'kubeadm.alpha.kubernetes.io/cri-socket': 'x' }), /anno/],
    ['a new foreign annotation', annotated({ other: 'x' }), /annotations of poplin.dev/],
    ['a foreign annotation removed', patched({ annotations: {} }), /annotations of poplin.dev/],
    ['all annotations removed', patched({ annotations: undefined }), /annotations of poplin.dev/],
    ['that it is not ready', patched({}, { conditions: [CONDITIONS[1]] }), /PoplinReady only/],
    ['an address', patched({}, { addresses: [] }), /PoplinReady only/],
    ['its capacity', patched({}, { capacity: { cpu: '8' } }), /PoplinReady only/],
    ['its phase', patched({}, { phase: 'Terminated' }), /PoplinReady only/],
    ["a claim in another's name", written('leases', OTHER), /Leases of its own/],
    ['a claim owned by another Node', written('leases', lease('node-1_m', 'node-2')), /Leases/],
    [
      "another's Lease deleted",
      { resource: 'leases', operation: 'DELETE', object: null, oldObject: OTHER },
      /Leases/,
    ],
    [
      "another's Lease taken over",
      { resource: 'leases', operation: 'UPDATE', object: OWN, oldObject: OTHER },
      /Leases/,
    ],
    [
      'the configuration',
      written('configmaps', { metadata: { name: 'poplin-config' } }),
      /ConfigMap/,
    ],
    ['an Event about a Pod', written('events', event('Pod', 'node-1')), /tells of its own/],
    ['an Event about another Node', written('events', event('Node', 'node-2')), /tells of its own/],
  ];
  for (const [what, request, expected] of cases) {
    test(what, () => assert.match(judge(JSON.parse(JSON.stringify(request))), expected));
  }
});

test('nobody else is looked at', () => {
  const request = { ...patched({ labels: {} }), user: 'system:node:node-1' };
  assert.equal(judge(request), 'not looked at');
});
