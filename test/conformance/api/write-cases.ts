// Replacing and deleting objects: who sets what, what is refused, and with which words.

import type { ApiCase } from './case.ts';
import {
  CONFIG_MAPS,
  configMap,
  LEASES,
  lease,
  NAMESPACES,
  NO_UID,
  NODES,
  namespace,
  node,
  OWN_WORDS,
  owner,
  POLICIES,
  policy,
} from './case.ts';

const preconditions = (members: object): object => ({
  ...{ apiVersion: 'v1', kind: 'DeleteOptions' },
  preconditions: members,
});

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
  replace: REPLACE,
  delete: DELETE,
  dependents: DEPENDENTS,
  apply: APPLY,
};
