// What a client asks before it uses an API: versions, groups, resources, health, OpenAPI. All of it
// is made from the kind table.

import type { Answer, ApiRequest } from './answer.ts';
import { jsonAnswer } from './answer.ts';
import type { Kind } from './kinds.ts';
import { apiVersionOf, KINDS } from './kinds.ts';
import { openApiV2, openApiV2Protobuf, openApiV3, openApiV3Index } from './openapi.ts';
import { pathNotFound } from './status.ts';

const VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
] as const;

/** The answer for a path that is not about objects. */
export function answerDiscovery({ method, path, accept }: ApiRequest): Answer {
  if (method === 'GET' && ['/healthz', '/readyz', '/livez'].includes(path)) return words(200, 'ok');
  if (method === 'GET' && path === '/openapi/v2' && accept?.includes('proto-openapi') === true) {
    const bytes = openApiV2Protobuf(VERSION.gitVersion);
    // Not the type that was asked for: its `@` is no media type for Go's parser.
    return { kind: 'body', code: 200, contentType: 'application/octet-stream', bytes };
  }
  const json = method === 'GET' ? documentAt(path) : undefined;
  if (json !== undefined) return jsonAnswer(Buffer.from(JSON.stringify(json)));
  const [, root, group = ''] = path.split('/');
  // The group has no handler that could say it in JSON.
  if (root === 'apis' && !groupNames().includes(group)) return words(404, '404 page not found\n');
  throw pathNotFound();
}

const words = (code: number, text: string): Answer => ({
  kind: 'body',
  code,
  contentType: 'text/plain',
  bytes: Buffer.from(text),
});

function documentAt(path: string): unknown {
  if (path === '/version') return VERSION;
  if (path === '/api') {
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  }
  if (path === '/apis') {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupNames().map(groupDocument) };
  }
  if (path === '/openapi/v2') return openApiV2(VERSION.gitVersion);
  if (path === '/openapi/v3') return openApiV3Index(VERSION.gitVersion);
  if (path.startsWith('/openapi/v3/')) {
    return openApiV3(path.slice('/openapi/v3/'.length), VERSION.gitVersion);
  }
  const [, root, group, version, ...rest] = path.split('/');
  if (rest.length > 0) return undefined;
  if (root === 'api' && version === undefined) return resourcesOf(group ?? '');
  if (root !== 'apis' || group === undefined) return undefined;
  if (version !== undefined) return resourcesOf(`${group}/${version}`);
  return groupNames().includes(group)
    ? { ...groupDocument(group), kind: 'APIGroup', apiVersion: 'v1' }
    : undefined;
}

const VERSION = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0+poplin-lab',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'linux/amd64',
};

const groupNames = (): readonly string[] => [
  ...new Set(KINDS.map((kind) => kind.group).filter((group) => group !== '')),
];

function groupDocument(name: string): object {
  const versions = [...new Set(KINDS.filter((kind) => kind.group === name).map(apiVersionOf))].map(
    (groupVersion) => ({ groupVersion, version: groupVersion.slice(name.length + 1) }),
  );
  return { name, versions, preferredVersion: versions[0] };
}

function resourcesOf(groupVersion: string): unknown {
  const kinds = KINDS.filter((kind) => apiVersionOf(kind) === groupVersion);
  if (kinds.length === 0) return undefined;
  const resources = kinds.flatMap((kind) => [
    {
      name: kind.resource,
      singularName: kind.kind.toLowerCase(),
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: VERBS,
      ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    },
    ...(kind.hasStatus ? [statusResource(kind)] : []),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

const statusResource = (kind: Kind): object => ({
  name: `${kind.resource}/status`,
  singularName: '',
  namespaced: kind.namespaced,
  kind: kind.kind,
  verbs: ['get', 'patch', 'update'],
});
