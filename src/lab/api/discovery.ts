// What a client asks before it uses an API: versions, groups, resources, health, and so much of
// OpenAPI that kubectl leaves validation to the server. All of it is made from the kind table.

import type { Kind } from './kinds.ts';
import { apiVersionOf, KINDS } from './kinds.ts';

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

export type Discovered =
  | { readonly kind: 'json'; readonly json: unknown }
  | { readonly kind: 'text'; readonly text: string };

/** The answer for a path that is not about objects; `undefined` when it is none of these. */
export function discover(path: string): Discovered | undefined {
  if (path === '/healthz' || path === '/readyz' || path === '/livez') {
    return { kind: 'text', text: 'ok' };
  }
  const json = documentAt(path);
  return json === undefined ? undefined : { kind: 'json', json };
}

function documentAt(path: string): unknown {
  if (path === '/version') return VERSION;
  if (path === '/api') {
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  }
  if (path === '/apis') {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupNames().map(groupDocument) };
  }
  if (path === '/openapi/v2') return { swagger: '2.0', info: VERSION_INFO, paths: {} };
  if (path === '/openapi/v3') return openApiIndex();
  if (path.startsWith('/openapi/v3/')) return openApiOf(path.slice('/openapi/v3/'.length));
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

const VERSION_INFO = { title: 'Poplin lab API', version: VERSION.gitVersion };

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

const pathPrefix = (kind: Kind): string =>
  kind.group === '' ? `api/${kind.version}` : `apis/${kind.group}/${kind.version}`;

function openApiIndex(): unknown {
  const prefixes = [...new Set(KINDS.map(pathPrefix))];
  return {
    paths: Object.fromEntries(
      prefixes.map((prefix) => [
        prefix,
        { serverRelativeURL: `/openapi/v3/${prefix}?hash=${VERSION.gitVersion}` },
      ]),
    ),
  };
}

/**
 * kubectl looks for a PATCH operation of the kind with the parameter `fieldValidation`: it then
 * validates nothing by itself (cli-runtime, query_param_verifier_v3.go).
 */
function openApiOf(prefix: string): unknown {
  const kinds = KINDS.filter((kind) => pathPrefix(kind) === prefix);
  if (kinds.length === 0) return undefined;
  const parameters = ['dryRun', 'fieldValidation'].map((name) => ({
    name,
    in: 'query',
    schema: { type: 'string', uniqueItems: true },
  }));
  const paths = kinds.map((kind) => {
    const { group, version } = kind;
    const operation = {
      parameters,
      responses: {},
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': { group, version, kind: kind.kind },
    };
    const scope = kind.namespaced ? 'namespaces/{namespace}/' : '';
    return [`/${prefix}/${scope}${kind.resource}/{name}`, { patch: operation }];
  });
  return { openapi: '3.0.0', info: VERSION_INFO, paths: Object.fromEntries(paths) };
}
