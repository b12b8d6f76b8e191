// Reading: objects, lists in pages, selectors, watches, what is not there, and what has been
// forgotten. The times of watches are so short that each is one request with one answer.

import type { ApiCase } from './case.ts';
import { ANY_ORDER, configMap, IN_SAME, LEASES, NAMESPACES, NODES, OWN_WORDS } from './case.ts';

const READ = `${NAMESPACES}/read`;
const MAPS = `${READ}/configmaps`;
const put = (name: string, labels: object): ApiCase => [
  `config map ${name}`,
  `POST ${MAPS}`,
  configMap({ name, labels }),
  { as: name },
];
const watch = (query: string): string => `GET ${MAPS}?watch=1&timeoutSeconds=1&${query}`;
const since = (name: string): string => `resourceVersion={${name}.metadata.resourceVersion}`;

const GET: readonly ApiCase[] = [
  ['what is missing', `GET ${NODES}/none`],
  ['in a namespace that is missing', `GET ${NAMESPACES}/none/configmaps/x`],
  ['a kind that is not served', `GET ${IN_SAME}/nothings`],
  ['a group that is not served', 'GET /apis/poplin.invalid/v1/nothings'],
  ['a version that is not served', 'GET /apis/coordination.k8s.io/v9/leases'],
  ['a cluster-wide kind in a namespace', `GET ${IN_SAME}/nodes`],
  ['a namespaced object without namespace', 'GET /api/v1/configmaps/x'],
  ['a subresource that is not served', `GET ${NODES}/n1/nothing`],
  [
    'metadata alone',
    `GET ${NODES}/n1`,
    undefined,
    { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' },
  ],
  ['a form that is not known', `GET ${NODES}/n1`, undefined, { accept: 'text/html', ...OWN_WORDS }],
  ['a revision of the future', `GET ${NODES}/n1?resourceVersion=99999999999`, undefined, OWN_WORDS],
  ['a revision that is none', `GET ${NODES}/n1?resourceVersion=x`, undefined, OWN_WORDS],
  ['readiness', 'GET /readyz'],
];

const LIST: readonly ApiCase[] = [
  ['a namespace', `POST ${NAMESPACES}`, { metadata: { name: 'read' } }],
  ['of nothing', `GET ${MAPS}`],
  ['of a namespace that is missing', `GET ${NAMESPACES}/none/configmaps`],
  put('a', { app: 'x', tier: '1' }),
  put('b', { app: 'y', tier: '1' }),
  put('c', { app: 'x' }),
  put('d', { other: '' }),
  ['all', `GET ${MAPS}`],
  [
    'metadata alone',
    `GET ${MAPS}`,
    undefined,
    { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
  ],
  ['two', `GET ${MAPS}?limit=2`, undefined, { as: 'page' }],
  ['the rest', `GET ${MAPS}?limit=2&continue={page.metadata.continue}`],
  [
    'continued with a revision',
    `GET ${MAPS}?limit=2&resourceVersion=1&continue={page.metadata.continue}`,
    undefined,
    OWN_WORDS,
  ],
  ['over all namespaces', 'GET /api/v1/configmaps?labelSelector=tier'],
  ['exactly all', `GET ${MAPS}?limit=4`],
  [
    'two of those with a label',
    `GET ${MAPS}?limit=1&labelSelector=app%3Dx`,
    undefined,
    { as: 'labelled' },
  ],
  [
    'the rest of those',
    `GET ${MAPS}?limit=1&labelSelector=app%3Dx&continue={labelled.metadata.continue}`,
  ],
  ['a token that is none', `GET ${MAPS}?limit=2&continue=nonsense`, undefined, OWN_WORDS],
  ['a limit that is none', `GET ${MAPS}?limit=some`, undefined, OWN_WORDS],
  ['a limit below zero', `GET ${MAPS}?limit=-1`],
  ['a revision that is none', `GET ${MAPS}?resourceVersion=x`, undefined, OWN_WORDS],
  ['at a revision', `GET ${MAPS}?limit=9&resourceVersionMatch=Exact&${since('c')}`],
  [
    'not older than',
    `GET ${MAPS}?resourceVersionMatch=NotOlderThan&${since('c')}`,
    undefined,
    ANY_ORDER,
  ],
  ['a match without revision', `GET ${MAPS}?resourceVersionMatch=Exact`],
  ['a match that is not known', `GET ${MAPS}?resourceVersionMatch=Perhaps&resourceVersion=1`],
  ['exactly revision 0', `GET ${MAPS}?resourceVersionMatch=Exact&resourceVersion=0`],
  ['app=x', `GET ${MAPS}?labelSelector=app%3Dx`],
  ['app!=x', `GET ${MAPS}?labelSelector=app!%3Dx`],
  ['app in (x,y),tier', `GET ${MAPS}?labelSelector=app%20in%20(x,y),tier`],
  ['app notin (x)', `GET ${MAPS}?labelSelector=app%20notin%20(x)`],
  ['!app', `GET ${MAPS}?labelSelector=!app`],
  ['other=', `GET ${MAPS}?labelSelector=other%3D`],
  ['a selector that is none', `GET ${MAPS}?labelSelector=app%20in%20x`, undefined, OWN_WORDS],
  ['a label value that is none', `GET ${MAPS}?labelSelector=app%3Da%20b`, undefined, OWN_WORDS],
  ['by name', `GET ${MAPS}?fieldSelector=metadata.name%3Db`],
  ['by another name', `GET ${MAPS}?fieldSelector=metadata.name!%3Db`],
  [
    'by two fields',
    `GET /api/v1/configmaps?fieldSelector=metadata.name%3Da,metadata.namespace%3Dread`,
  ],
  ['by a field that is not served', `GET ${MAPS}?fieldSelector=data.a%3D1`],
  [
    'by a field selector that is none',
    `GET ${MAPS}?fieldSelector=metadata.name`,
    undefined,
    OWN_WORDS,
  ],
  [
    'nodes that can be used',
    `GET ${NODES}?fieldSelector=spec.unschedulable%3Dfalse,metadata.name%3Dn1`,
  ],
  ['leases of a name', `GET ${LEASES}?fieldSelector=metadata.name%3Dnone`],
  ['events of an object', `GET /api/v1/events?fieldSelector=involvedObject.name%3Dnone`],
];

const WATCH: readonly ApiCase[] = [
  ['from a revision', watch(since('b'))],
  ['only those with a label', watch(`${since('a')}&labelSelector=app%3Dx`)],
  [
    'a label goes',
    `PATCH ${MAPS}/c`,
    { metadata: { labels: { app: 'z' } } },
    { type: 'application/merge-patch+json', as: 'c2' },
  ],
  ['and is deleted for those who watch the label', watch(`${since('d')}&labelSelector=app%3Dx`)],
  ['and comes for others', watch(`${since('d')}&labelSelector=app%3Dz`)],
  ['a deletion', `DELETE ${MAPS}/d`],
  ['a deletion is told', watch(since('c2'))],
  ['from no revision', watch(''), undefined, ANY_ORDER],
  ['from revision 0', watch('resourceVersion=0'), undefined, ANY_ORDER],
  ['one object', watch(`${since('a')}&fieldSelector=metadata.name%3Dc`)],
  ['at the path of the object', `GET ${MAPS}/c?watch=1&timeoutSeconds=1&${since('c')}`],
  [
    'metadata alone',
    watch(since('c2')),
    undefined,
    { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' },
  ],
  [
    'a bookmark before the end',
    `GET ${MAPS}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&${since('c2')}`,
  ],
  ['a revision that is none', watch('resourceVersion=x'), undefined, OWN_WORDS],
  ['a selector that is none', watch('labelSelector=,,'), undefined, OWN_WORDS],
  ['a field that is not served', watch('fieldSelector=data.a%3D1'), undefined, OWN_WORDS],
  ['a kind that is not served', `GET ${READ}/nothings?watch=1&timeoutSeconds=1`],
];

const FORGOTTEN: readonly ApiCase[] = [
  ['a page', `GET ${MAPS}?limit=1`, undefined, { as: 'page' }],
  ['a change', `PATCH ${MAPS}/a`, { data: { a: '2' } }, { type: 'application/merge-patch+json' }],
  ['one more', `PATCH ${MAPS}/b`, { data: { a: '2' } }, { type: 'application/merge-patch+json' }],
  'compaction',
  [
    'the next page',
    `GET ${MAPS}?limit=1&continue={page.metadata.continue}`,
    undefined,
    { as: 'late' },
  ],
  ['the rest, as it is now', `GET ${MAPS}?limit=5&continue={late.metadata.continue}`],
  [
    'an old revision',
    `GET ${MAPS}?limit=9&resourceVersionMatch=Exact&${since('a')}`,
    undefined,
    OWN_WORDS,
  ],
];

export const READ_CASES = { get: GET, list: LIST, watch: WATCH, forgotten: FORGOTTEN };
