// Creating, replacing and deleting objects: who sets what, what is refused, and with which words.

import type { ApiCase } from './case.ts';
import {
  CONFIG_MAPS,
  configMap,
  event,
  IN_SAME,
  LEASES,
  lease,
  NAMESPACES,
  NODES,
  namespace,
  node,
  OWN_WORDS,
  POLICIES,
  policy,
} from './case.ts';

const NO_UID = '00000000-0000-0000-0000-000000000001';
const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: '{n1.metadata.uid}' };
const preconditions = (members: object): object => ({
  ...{ apiVersion: 'v1', kind: 'DeleteOptions' },
  preconditions: members,
});

const CREATE: readonly ApiCase[] = [
  ['a namespace', `POST ${NAMESPACES}`, namespace('same')],
  ['a namespace with a name that is none', `POST ${NAMESPACES}`, namespace('a.b')],
  ['a node', `POST ${NODES}`, node('n1'), { as: 'n1' }],
  ['a node twice', `POST ${NODES}`, node('n1')],
  ['without kind and apiVersion', `POST ${NODES}`, { metadata: { name: 'n2' } }],
  ['an upper-case name', `POST ${NODES}`, node('N1')],
  ['a name with a colon', `POST ${LEASES}`, lease('fd00::-64')],
  ['a name of 254 characters', `POST ${CONFIG_MAPS}`, configMap('a'.repeat(254))],
  ['a name that ends with a dash', `POST ${CONFIG_MAPS}`, configMap('a-')],
  ['no name', `POST ${CONFIG_MAPS}`, configMap({})],
  ['a generated name', `POST ${CONFIG_MAPS}`, configMap({ generateName: 'generated-' })],
  ['another kind', `POST ${NODES}`, configMap('x'), OWN_WORDS],
  ['another version', `POST ${NODES}`, { ...node('x'), apiVersion: 'v2' }, OWN_WORDS],
  ['an empty body', `POST ${NODES}`, '', OWN_WORDS],
  ['no JSON', `POST ${NODES}`, '{"metadata":', OWN_WORDS],
  ['a list', `POST ${NODES}`, [], OWN_WORDS],
  ['labels that are numbers', `POST ${NODES}`, node({ name: 'x', labels: { a: 1 } }), OWN_WORDS],
  ['data that is a number', `POST ${CONFIG_MAPS}`, configMap('x', { a: 1 }), OWN_WORDS],
  [
    'metadata that is a list',
    `POST ${CONFIG_MAPS}`,
    { ...configMap('x'), metadata: [] },
    OWN_WORDS,
  ],
  ['in a namespace that is missing', `POST ${NAMESPACES}/none/configmaps`, configMap('x')],
  ['of another namespace', `POST ${CONFIG_MAPS}`, configMap({ name: 'x', namespace: 'other' })],
  ['a namespaced one without namespace', 'POST /api/v1/configmaps', configMap('x'), OWN_WORDS],
  ['with a revision', `POST ${CONFIG_MAPS}`, configMap({ name: 'x', resourceVersion: '5' })],
  [
    'with a uid and stamps of its own',
    `POST ${CONFIG_MAPS}`,
    configMap({ name: 'own', uid: NO_UID }),
  ],
  [
    'a long annotation',
    `POST ${NODES}`,
    node({ name: 'x', annotations: { a: 'a'.repeat(262145) } }),
  ],
  ['a wrong annotation', `POST ${NODES}`, node({ name: 'x', annotations: { 'a b': '' } })],
  ['a wrong label', `POST ${NODES}`, node({ name: 'x', labels: { a: 'not a value' } })],
  ['a wrong label key', `POST ${NODES}`, node({ name: 'x', labels: { '-a/b': 'c' } })],
  ['a wrong finalizer', `POST ${NODES}`, node({ name: 'x', finalizers: ['none'] })],
  [
    'an owner without uid',
    `POST ${LEASES}`,
    lease({ name: 'x', ownerReferences: [{ ...owner, uid: '' }] }),
  ],
  ['a wrong key of data', `POST ${CONFIG_MAPS}`, configMap('x', { 'a b': '' })],
  [
    'a lease',
    `POST ${LEASES}`,
    lease({ name: '10.244.1.0-24', ownerReferences: [owner] }),
    { as: 'lease' },
  ],
  ['a lease twice', `POST ${LEASES}`, lease('10.244.1.0-24')],
  ['a lease of no time', `POST ${LEASES}`, lease('x', { leaseDurationSeconds: 0 })],
  ['a network policy', `POST ${POLICIES}`, policy('p'), { as: 'policy' }],
  [
    'one with ports',
    `POST ${POLICIES}`,
    policy('q', { podSelector: {}, egress: [{ ports: [{ port: 53 }] }] }),
  ],
  ['a policy without a selector', `POST ${POLICIES}`, policy('r', {})],
  ['an event', `POST ${IN_SAME}/events`, event('e'), OWN_WORDS],
  ['an event on a cluster-wide object', `POST ${NAMESPACES}/default/events`, event('e')],
  ['a secret', `POST ${IN_SAME}/secrets`, { metadata: { name: 's' }, data: { a: 'Yg==' } }],
  ['a service account', `POST ${IN_SAME}/serviceaccounts`, { metadata: { name: 'sa' } }],
  ['of a kind that is not served', `POST ${IN_SAME}/nothings`, {}],
  ['of a group that is not served', 'POST /apis/poplin.invalid/v1/nothings', {}],
  ['as text', `POST ${CONFIG_MAPS}`, 'text', { type: 'text/plain' }],
  [
    'as YAML',
    `POST ${CONFIG_MAPS}`,
    'metadata: {name: yaml}\ndata: {a: b}\n',
    { type: 'application/yaml' },
  ],
  ['a dry run', `POST ${CONFIG_MAPS}?dryRun=All`, configMap('dry')],
  ['a dry run of what exists', `POST ${NODES}?dryRun=All`, node('n1')],
  ['is not stored', `GET ${CONFIG_MAPS}/dry`],
  ['an unknown dry run', `POST ${CONFIG_MAPS}?dryRun=Some`, configMap('dry')],
  ['with a field manager', `POST ${CONFIG_MAPS}?fieldManager=me`, configMap('managed')],
  [
    'a field manager that is too long',
    `POST ${CONFIG_MAPS}?fieldManager=${'m'.repeat(129)}`,
    configMap('y'),
  ],
  ['at the path of an object', `POST ${NODES}/n1`, node('n1')],
];

const NODE_SPECS: readonly ApiCase[] = [
  ['one podCIDR', `POST ${NODES}`, node('s1', { spec: { podCIDR: '10.244.8.0/24' } })],
  [
    'a list of podCIDRs',
    `POST ${NODES}`,
    node('s2', { spec: { podCIDRs: ['10.244.9.0/24', 'fd00:0:0:9::/64'] } }),
  ],
  [
    'two that are not one',
    `POST ${NODES}`,
    node('s3', { spec: { podCIDR: '10.244.8.0/24', podCIDRs: ['10.244.9.0/24'] } }),
    OWN_WORDS,
  ],
  [
    'two of one family',
    `POST ${NODES}`,
    node('s3', { spec: { podCIDRs: ['10.244.10.0/24', '10.244.11.0/24'] } }),
    OWN_WORDS,
  ],
  ['what is no CIDR', `POST ${NODES}`, node('s3', { spec: { podCIDR: '10.244.10' } }), OWN_WORDS],
  [
    'a status from the start',
    `POST ${NODES}`,
    node('s4', { status: { addresses: [{ type: 'InternalIP', address: '192.168.0.4' }] } }),
  ],
  [
    'a generated name that is none',
    `POST ${NODES}`,
    node({ generateName: 'Generated-' }),
    OWN_WORDS,
  ],
  [
    'a label value that is too long',
    `POST ${NODES}`,
    node({ name: 'x', labels: { a: 'a'.repeat(64) } }),
  ],
  [
    'a label key with two slashes',
    `POST ${NODES}`,
    node({ name: 'x', labels: { 'a/b/c': '' } }),
    OWN_WORDS,
  ],
  ['an empty prefix', `POST ${NODES}`, node({ name: 'x', labels: { '/b': '' } })],
  ['an empty name of a label', `POST ${NODES}`, node({ name: 'x', labels: { 'b/': '' } })],
  ['an empty label key', `POST ${NODES}`, node({ name: 'x', labels: { '': '' } })],
  [
    'two wrong labels',
    `POST ${NODES}`,
    node({ name: 'x', labels: { 'a b': '', 'c d': '' } }),
    OWN_WORDS,
  ],
  [
    'an owner without a name',
    `POST ${NODES}`,
    node({ name: 'x', ownerReferences: [{ ...owner, name: '' }] }),
  ],
];

const REPLACE: readonly ApiCase[] = [
  ['a config map', `POST ${CONFIG_MAPS}`, configMap('c'), { as: 'c' }],
  ['without a revision', `PUT ${CONFIG_MAPS}/c`, configMap('c', { a: '2' }), { as: 'c2' }],
  ['the same again', `PUT ${CONFIG_MAPS}/c`, configMap('c', { a: '2' })],
  [
    'with an old revision',
    `PUT ${CONFIG_MAPS}/c`,
    configMap({ name: 'c', resourceVersion: '{c.metadata.resourceVersion}' }),
  ],
  [
    'with the revision',
    `PUT ${CONFIG_MAPS}/c`,
    configMap({ name: 'c', resourceVersion: '{c2.metadata.resourceVersion}' }, { a: '3' }),
  ],
  [
    'with a revision that is none',
    `PUT ${CONFIG_MAPS}/c`,
    configMap({ name: 'c', resourceVersion: 'x' }),
    OWN_WORDS,
  ],
  ['with another uid', `PUT ${CONFIG_MAPS}/c`, configMap({ name: 'c', uid: NO_UID }), OWN_WORDS],
  ['with another name', `PUT ${CONFIG_MAPS}/c`, configMap('d')],
  ['with another namespace', `PUT ${CONFIG_MAPS}/c`, configMap({ name: 'c', namespace: 'other' })],
  ['without a name', `PUT ${CONFIG_MAPS}/c`, configMap({})],
  ['what is missing', `PUT ${CONFIG_MAPS}/none`, configMap('none')],
  ['with another kind', `PUT ${CONFIG_MAPS}/c`, node('c'), OWN_WORDS],
  ['of a collection', `PUT ${CONFIG_MAPS}`, configMap('c')],
  ['as text', `PUT ${CONFIG_MAPS}/c`, 'text', { type: 'text/plain' }],
  ['a dry run', `PUT ${CONFIG_MAPS}/c?dryRun=All`, configMap('c', { a: 'dry' })],
  ['is not stored', `GET ${CONFIG_MAPS}/c`],
  ['labels are replaced', `PUT ${CONFIG_MAPS}/c`, configMap({ name: 'c', labels: { app: 'x' } })],
  ['and removed', `PUT ${CONFIG_MAPS}/c`, configMap({ name: 'c', labels: {} })],
  [
    'the time of creation stays',
    `PUT ${CONFIG_MAPS}/c`,
    configMap({ name: 'c', creationTimestamp: '2020-01-01T00:00:00Z' }),
  ],
  ['a lease without revision', `PUT ${LEASES}/10.244.1.0-24`, lease('10.244.1.0-24'), OWN_WORDS],
  [
    'a lease with it',
    `PUT ${LEASES}/10.244.1.0-24`,
    lease(
      { name: '10.244.1.0-24', resourceVersion: '{lease.metadata.resourceVersion}' },
      { holderIdentity: 'm' },
    ),
  ],
  ['a lease that is missing', `PUT ${LEASES}/new`, lease('new')],
  [
    'the podCIDR of a node',
    `PUT ${NODES}/n1`,
    node('n1', { spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] } }),
  ],
  [
    'another podCIDR',
    `PUT ${NODES}/n1`,
    node('n1', { spec: { podCIDR: '10.244.2.0/24', podCIDRs: ['10.244.2.0/24'] } }),
    OWN_WORDS,
  ],
  [
    'a status by the object itself',
    `PUT ${NODES}/n1`,
    node('n1', {
      spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] },
      status: { phase: 'Running' },
    }),
  ],
  [
    'the status',
    `PUT ${NODES}/n1/status`,
    node('n1', {
      spec: { unschedulable: true },
      status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] },
    }),
  ],
  ['a status of what has none', `PUT ${CONFIG_MAPS}/c/status`, configMap('c')],
  ['the status alone', `GET ${NODES}/n1/status`],
  [
    'a policy',
    `PUT ${POLICIES}/p`,
    policy('p', { podSelector: { matchLabels: { a: 'b' } }, policyTypes: ['Ingress'] }),
  ],
];

const DELETE: readonly ApiCase[] = [
  ['with another uid', `DELETE ${CONFIG_MAPS}/c`, preconditions({ uid: NO_UID })],
  [
    'with an old revision',
    `DELETE ${CONFIG_MAPS}/c`,
    preconditions({ resourceVersion: '{c.metadata.resourceVersion}' }),
  ],
  ['a dry run', `DELETE ${CONFIG_MAPS}/c?dryRun=All`],
  ['with its uid', `DELETE ${CONFIG_MAPS}/c`, preconditions({ uid: '{c.metadata.uid}' })],
  ['again', `DELETE ${CONFIG_MAPS}/c`],
  [
    'with two words for the dependents',
    `DELETE ${CONFIG_MAPS}/own`,
    { orphanDependents: true, propagationPolicy: 'Orphan' },
  ],
  ['with an unknown policy', `DELETE ${CONFIG_MAPS}/own`, { propagationPolicy: 'Perhaps' }],
  ['with no JSON', `DELETE ${CONFIG_MAPS}/own`, '{', OWN_WORDS],
  ['in the background', `DELETE ${CONFIG_MAPS}/own?propagationPolicy=Background`],
  [
    'one with a finalizer',
    `POST ${CONFIG_MAPS}`,
    configMap({ name: 'held', finalizers: ['poplin.dev/hold'] }),
  ],
  ['marks it', `DELETE ${CONFIG_MAPS}/held`],
  ['twice', `DELETE ${CONFIG_MAPS}/held`],
  [
    'which cannot be taken back',
    `PUT ${CONFIG_MAPS}/held`,
    configMap({ name: 'held', finalizers: ['poplin.dev/hold'] }),
  ],
  [
    'nor held by another',
    `PUT ${CONFIG_MAPS}/held`,
    configMap({ name: 'held', finalizers: ['poplin.dev/hold', 'poplin.dev/more'] }),
  ],
  ['the finalizer goes', `PUT ${CONFIG_MAPS}/held`, configMap('held')],
  ['and so does the object', `GET ${CONFIG_MAPS}/held`],
  ['many, by label', `POST ${CONFIG_MAPS}`, configMap({ name: 'many', labels: { many: 'yes' } })],
  ['all of the label', `DELETE ${CONFIG_MAPS}?labelSelector=many%3Dyes`],
  ['they are gone', `GET ${CONFIG_MAPS}/many`],
  ['a policy', `DELETE ${POLICIES}/q`],
  ['a lease that is missing', `DELETE ${LEASES}/none`],
];

const DEPENDENTS: readonly ApiCase[] = [
  [
    'a lease with a revision that is old',
    `DELETE ${LEASES}/new`,
    preconditions({ resourceVersion: '1' }),
  ],
  ['an owner in the foreground', `POST ${NODES}`, node('fore'), { as: 'fore' }],
  [
    'has a lease',
    `POST ${LEASES}`,
    lease({
      name: 'forel',
      ownerReferences: [
        { ...owner, name: 'fore', uid: '{fore.metadata.uid}', blockOwnerDeletion: true },
      ],
    }),
  ],
  ['is deleted after it', `DELETE ${NODES}/fore`, { propagationPolicy: 'Foreground' }],
  ['and both', `GET ${NODES}/fore`, undefined, { until: 404 }],
  ['are gone', `GET ${LEASES}/forel`],
  ['an owner', `POST ${NODES}`, node('owner'), { as: 'owner' }],
  [
    'its lease',
    `POST ${LEASES}`,
    lease({
      name: 'owned',
      ownerReferences: [{ ...owner, name: 'owner', uid: '{owner.metadata.uid}' }],
    }),
  ],
  ['the owner is deleted', `DELETE ${NODES}/owner`],
  ['and with it the lease', `GET ${LEASES}/owned`, undefined, { until: 404 }],
  [
    'a lease of an owner that never was',
    `POST ${LEASES}`,
    lease({ name: 'lost', ownerReferences: [{ ...owner, uid: NO_UID }] }),
  ],
  ['is deleted too', `GET ${LEASES}/lost`, undefined, { until: 404 }],
  ['another owner', `POST ${NODES}`, node('other'), { as: 'other' }],
  [
    'with a lease',
    `POST ${LEASES}`,
    lease({
      name: 'kept',
      ownerReferences: [{ ...owner, name: 'other', uid: '{other.metadata.uid}' }],
    }),
  ],
  ['is deleted without its dependents', `DELETE ${NODES}/other?propagationPolicy=Orphan`],
  ['is gone', `GET ${NODES}/other`, undefined, { until: 404 }],
  ['the lease stays, without owner', `GET ${LEASES}/kept`],
  ['a namespace of its own', `POST ${NAMESPACES}`, namespace('gone')],
  ['with something in it', `POST ${NAMESPACES}/gone/configmaps`, configMap('x')],
  ['is deleted', `DELETE ${NAMESPACES}/gone`],
  ['with all', `GET ${NAMESPACES}/gone`, undefined, { until: 404 }],
  ['that is in it', `GET ${NAMESPACES}/gone/configmaps/x`],
];

const APPLY: readonly ApiCase[] = [
  [
    'server-side',
    `PATCH ${CONFIG_MAPS}/applied?fieldManager=me&dryRun=All`,
    configMap('applied'),
    { type: 'application/apply-patch+yaml' },
  ],
];

export const WRITE_CASES = {
  'node specs': NODE_SPECS,
  apply: APPLY,

  create: CREATE,
  replace: REPLACE,
  delete: DELETE,
  dependents: DEPENDENTS,
};
