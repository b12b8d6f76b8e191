// JSON patches and merge patches, good and malformed.

import type { ApiCase } from './case.ts';
import { CONFIG_MAPS, configMap, JSON_PATCH, MERGE, NODES, node, OWN_WORDS } from './case.ts';

const NODE = `PATCH ${NODES}/p1`;
const STATUS = `PATCH ${NODES}/p1/status`;
const MAP = `PATCH ${CONFIG_MAPS}/pc`;
const ready = (status: string): object => ({ type: 'Ready', status, reason: 'r', message: 'm' });
const taint = (key: string, effect: string): object => ({ key, effect });

const SETUP: readonly ApiCase[] = [
  ['a node', `POST ${NODES}`, node({ name: 'p1', annotations: { a: '1', b: '2' } }), { as: 'p1' }],
  ['a config map', `POST ${CONFIG_MAPS}`, configMap('pc', { a: '1', b: '2' })],
];

const MERGE_CASES: readonly ApiCase[] = [
  ['sets and removes', NODE, { metadata: { annotations: { a: null, c: '3' } } }, MERGE],
  ['of what is missing', `PATCH ${NODES}/none`, {}, MERGE],
  ['nothing', NODE, {}, MERGE],
  ['replaces a list', NODE, { spec: { taints: [taint('a', 'NoSchedule')] } }, MERGE],
  ['a podCIDR', `PATCH ${NODES}/s1`, { spec: { podCIDRs: ['10.244.77.0/24'] } }, MERGE],
  ['a list, not an object', MAP, [], { ...MERGE, ...OWN_WORDS }],
  ['a text, not an object', MAP, '"x"', { ...MERGE, ...OWN_WORDS }],
  ['no JSON', MAP, '{', { ...MERGE, ...OWN_WORDS }],
  ['a value of a wrong type', MAP, { data: { a: 1 } }, { ...MERGE, ...OWN_WORDS }],
  ['another name', MAP, { metadata: { name: 'other' } }, MERGE],
  ['another kind', MAP, { kind: 'Node' }, { ...MERGE, ...OWN_WORDS }],
  ['another uid', MAP, { metadata: { uid: '00000000-0000-0000-0000-000000000001' } }, MERGE],
  [
    'an old revision',
    NODE,
    { metadata: { resourceVersion: '{p1.metadata.resourceVersion}' } },
    MERGE,
  ],
  ['a wrong label', NODE, { metadata: { labels: { a: 'not a value' } } }, MERGE],
  [
    'the status of the object itself',
    `${NODE}?dryRun=All`,
    { status: { phase: 'Running' } },
    MERGE,
  ],
  ['the status', STATUS, { status: { conditions: [ready('True')] } }, { ...MERGE, as: 'stamped' }],
  ['the spec by the status', `${STATUS}?dryRun=All`, { spec: { unschedulable: true } }, MERGE],
  ['annotations by the status', STATUS, { metadata: { annotations: { d: '4' } } }, MERGE],
  ['a dry run', `${MAP}?dryRun=All`, { data: { a: 'dry' } }, MERGE],
  ['is not stored', `GET ${CONFIG_MAPS}/pc`],
  ['all annotations go', NODE, { metadata: { annotations: null } }, MERGE],
  ['a collection', `PATCH ${NODES}`, {}, MERGE],
  ['as JSON alone', NODE, {}, { type: 'application/json' }],
  ['as no known patch', NODE, {}, { type: 'application/poplin-patch+json' }],
  [
    'with parameters of the type',
    NODE,
    {},
    { type: 'application/merge-patch+json; charset=utf-8' },
  ],
];

const JSON_CASES: readonly ApiCase[] = [
  ['adds', MAP, [{ op: 'add', path: '/data/c', value: '3' }], JSON_PATCH],
  ['replaces', MAP, [{ op: 'replace', path: '/data/c', value: '4' }], JSON_PATCH],
  [
    'copies and moves',
    MAP,
    [
      { op: 'copy', from: '/data/c', path: '/data/d' },
      { op: 'move', from: '/data/c', path: '/data/e' },
    ],
    JSON_PATCH,
  ],
  [
    'tests what is so',
    MAP,
    [
      { op: 'test', path: '/data/d', value: '4' },
      { op: 'remove', path: '/data/d' },
    ],
    JSON_PATCH,
  ],
  [
    'tests what is not so',
    MAP,
    [
      { op: 'test', path: '/data/a', value: 'x' },
      { op: 'remove', path: '/data/a' },
    ],
    { ...JSON_PATCH, ...OWN_WORDS },
  ],
  [
    'tests what is not there',
    MAP,
    [{ op: 'test', path: '/data/none', value: 'x' }],
    { ...JSON_PATCH, ...OWN_WORDS },
  ],
  [
    'tests that nothing is there',
    MAP,
    [{ op: 'test', path: '/data/none', value: null }],
    JSON_PATCH,
  ],
  [
    'removes what is not there',
    MAP,
    [{ op: 'remove', path: '/data/none' }],
    { ...JSON_PATCH, ...OWN_WORDS },
  ],
  [
    'replaces what is not there',
    `${MAP}?dryRun=All`,
    [{ op: 'replace', path: '/data/none', value: 'x' }],
    { ...JSON_PATCH, ...OWN_WORDS },
  ],
  [
    'adds below what is not there',
    MAP,
    [{ op: 'add', path: '/none/a', value: 'x' }],
    { ...JSON_PATCH, ...OWN_WORDS },
  ],
  [
    'an unknown operation',
    MAP,
    [{ op: 'paint', path: '/data/a' }],
    { ...JSON_PATCH, ...OWN_WORDS },
  ],
  ['an object, not a list', MAP, { data: {} }, { ...JSON_PATCH, ...OWN_WORDS }],
  ['no JSON', MAP, '[', { ...JSON_PATCH, ...OWN_WORDS }],
  ['nothing', MAP, [], JSON_PATCH],
  [
    'a wrong type in the end',
    MAP,
    [{ op: 'add', path: '/data/a', value: 1 }],
    { ...JSON_PATCH, ...OWN_WORDS },
  ],
  [
    'an escaped path',
    NODE,
    [
      { op: 'add', path: '/metadata/annotations', value: {} },
      { op: 'add', path: '/metadata/annotations/poplin.dev~1x', value: '~' },
    ],
    JSON_PATCH,
  ],
  [
    'inserts into a list',
    NODE,
    [{ op: 'add', path: '/spec/taints/0', value: taint('b', 'NoExecute') }],
    JSON_PATCH,
  ],
  [
    'appends to a list',
    NODE,
    [{ op: 'add', path: '/spec/taints/-', value: taint('c', 'NoSchedule') }],
    JSON_PATCH,
  ],
  ['removes from a list', NODE, [{ op: 'remove', path: '/spec/taints/1' }], JSON_PATCH],
  [
    'outside of a list',
    NODE,
    [{ op: 'remove', path: '/spec/taints/7' }],
    { ...JSON_PATCH, ...OWN_WORDS },
  ],
  [
    'tests a whole list',
    NODE,
    [{ op: 'test', path: '/spec/taints/0', value: { effect: 'NoExecute', key: 'b' } }],
    JSON_PATCH,
  ],
  [
    'the status',
    STATUS,
    [{ op: 'replace', path: '/status/conditions/0/status', value: 'False' }],
    JSON_PATCH,
  ],
];

export const PATCH_CASES = {
  'patch setup': SETUP,
  'merge patch': MERGE_CASES,
  'JSON patch': JSON_CASES,
};
