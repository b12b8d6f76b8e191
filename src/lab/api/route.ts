// Which object or collection a path names: `/api/v1/namespaces/poplin/configmaps/poplin-config`.
// Pure; what is done there is decided by the method, in resource-handler.ts.

import type { Kind } from './kinds.ts';
import { findKind } from './kinds.ts';

export type Route = {
  readonly kind: Kind;
  /** `undefined` for cluster-scoped kinds, and for a list over all namespaces. */
  readonly namespace: string | undefined;
  /** `undefined` for the collection. */
  readonly name: string | undefined;
  readonly subresource: 'status' | undefined;
};

/** `undefined` when there is nothing at this path. */
export function parseRoute(path: string): Route | undefined {
  const segments = decodeSegments(path);
  if (segments === undefined) return undefined;
  const [root, ...rest] = segments;
  if (root === 'api') return routeIn(rest[0] ?? '', rest.slice(1));
  if (root === 'apis') return routeIn(`${rest[0]}/${rest[1]}`, rest.slice(2));
  return undefined;
}

function routeIn(apiVersion: string, segments: readonly string[]): Route | undefined {
  const [first, second, third] = segments;
  // `namespaces/x/status` is of the namespace itself, `namespaces/x/pods` of what is in it.
  const isScope = first === 'namespaces' && third !== undefined && third !== 'status';
  const namespace = isScope ? second : undefined;
  const [resource, name, subresource, ...more] = isScope ? segments.slice(2) : segments;
  if (resource === undefined || more.length > 0) return undefined;
  const kind = findKind(apiVersion, resource);
  if (kind === undefined || (isScope && !kind.namespaced)) return undefined;
  // Without a namespace only the list over all of them exists.
  if (kind.namespaced && !isScope && name !== undefined) return undefined;
  if (subresource === undefined) return { kind, namespace, name, subresource };
  return subresource === 'status' && kind.hasStatus
    ? { kind, namespace, name, subresource }
    : undefined;
}

function decodeSegments(path: string): readonly string[] | undefined {
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
