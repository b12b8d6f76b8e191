// Strategic merge patches, good and malformed, on what patch-cases.ts has made.

import type { ApiCase } from './case.ts';
import { CONFIG_MAPS, NODES, OWN_WORDS, POLICIES, STRATEGIC } from './case.ts';

const NODE = `PATCH ${NODES}/p1`;
const STATUS = `PATCH ${NODES}/p1/status`;
const MAP = `PATCH ${CONFIG_MAPS}/pc`;
const ready = (status: string): object => ({ type: 'Ready', status, reason: 'r', message: 'm' });
const taint = (key: string, effect: string): object => ({ key, effect });

export const STRATEGIC_CASES: readonly ApiCase[] = [
  [
    'sets and removes',
    NODE,
    { metadata: { annotations: { 'poplin.dev/x': null, e: '5' } } },
    STRATEGIC,
  ],
  [
    'conditions by type',
    STATUS,
    { status: { conditions: [ready('True'), { ...ready('False'), type: 'NetworkUnavailable' }] } },
    STRATEGIC,
  ],
  [
    'one condition of two',
    STATUS,
    { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
    STRATEGIC,
  ],
  [
    'a condition is deleted',
    STATUS,
    { status: { conditions: [{ $patch: 'delete', type: 'Ready' }] } },
    STRATEGIC,
  ],
  [
    'the order of conditions',
    STATUS,
    {
      status: {
        '$setElementOrder/conditions': [{ type: 'Ready' }, { type: 'NetworkUnavailable' }],
        conditions: [ready('True')],
      },
    },
    STRATEGIC,
  ],
  [
    'addresses by type',
    STATUS,
    {
      status: {
        addresses: [
          { type: 'InternalIP', address: '192.168.0.1' },
          { type: 'Hostname', address: 'p1' },
        ],
      },
    },
    STRATEGIC,
  ],
  [
    'another address of the type',
    STATUS,
    { status: { addresses: [{ type: 'InternalIP', address: '192.168.0.2' }] } },
    STRATEGIC,
  ],
  ['taints are replaced', NODE, { spec: { taints: [taint('d', 'NoSchedule')] } }, STRATEGIC],
  [
    'finalizers are joined',
    NODE,
    { metadata: { finalizers: ['poplin.dev/a', 'poplin.dev/b'] } },
    STRATEGIC,
  ],
  [
    'and joined once',
    NODE,
    { metadata: { finalizers: ['poplin.dev/b', 'poplin.dev/c'] } },
    STRATEGIC,
  ],
  [
    'and taken out',
    NODE,
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['poplin.dev/a', 'poplin.dev/b'] } },
    STRATEGIC,
  ],
  [
    'their order',
    NODE,
    {
      metadata: {
        '$setElementOrder/finalizers': ['poplin.dev/d', 'poplin.dev/c'],
        finalizers: ['poplin.dev/d'],
      },
    },
    STRATEGIC,
  ],
  ['and all of them', NODE, { metadata: { finalizers: null } }, STRATEGIC],
  [
    'owners by uid',
    MAP,
    {
      metadata: {
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'p1', uid: '{p1.metadata.uid}' }],
      },
    },
    STRATEGIC,
  ],
  [
    'a member of an owner',
    MAP,
    { metadata: { ownerReferences: [{ controller: true, uid: '{p1.metadata.uid}' }] } },
    STRATEGIC,
  ],
  [
    'an owner goes',
    MAP,
    { metadata: { ownerReferences: [{ $patch: 'delete', uid: '{p1.metadata.uid}' }] } },
    STRATEGIC,
  ],
  ['replaces a map', MAP, { data: { $patch: 'replace', z: '26' } }, STRATEGIC],
  ['keeps some members', MAP, { data: { $retainKeys: ['y'], y: '25' } }, STRATEGIC],
  ['deletes a map', MAP, { data: { $patch: 'delete' } }, STRATEGIC],
  ['an unknown directive', MAP, { data: { $patch: 'paint' } }, { ...STRATEGIC, ...OWN_WORDS }],
  [
    'an element without its key',
    STATUS,
    { status: { conditions: [{ status: 'True' }] } },
    { ...STRATEGIC, ...OWN_WORDS },
  ],
  ['a list where an object was', NODE, { metadata: [] }, { ...STRATEGIC, ...OWN_WORDS }],
  ['no JSON', MAP, '{', { ...STRATEGIC, ...OWN_WORDS }],
  ['a list, not an object', MAP, [], { ...STRATEGIC, ...OWN_WORDS }],
  [
    'a policy',
    `PATCH ${POLICIES}/p`,
    { spec: { ingress: [{ ports: [{ port: 80 }] }] } },
    STRATEGIC,
  ],
  [
    'the last condition goes',
    STATUS,
    { status: { conditions: [{ $patch: 'replace' }] } },
    STRATEGIC,
  ],
];
