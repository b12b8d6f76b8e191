// One request, one answer: finds what the path names and does there what the method says. It must
// not know sockets; waiting, watching and faults are http.ts's business.

import type { Answer, ApiRequest } from './answer.ts';
import { jsonAnswer, statusAnswer } from './answer.ts';
import { discover } from './discovery.ts';
import { listPage } from './list.ts';
import type { JsonObject, KubeObject } from './object.ts';
import { isJsonObject, textAt } from './object.ts';
import type { Target } from './operations.ts';
import {
  createObject,
  deleteObject,
  deletionStatus,
  patchObject,
  updateObject,
} from './operations.ts';
import { mergePatch } from './patch.ts';
import { decodeProtobuf } from './protobuf.ts';
import type { Representation } from './representation.ts';
import { negotiate, renderEntry, renderList } from './representation.ts';
import type { Route } from './route.ts';
import { parseRoute } from './route.ts';
import { parseSelectors } from './selectors.ts';
import { badRequest, methodNotAllowed, notFound, pathNotFound, StatusError } from './status.ts';
import type { Entry, Store } from './store.ts';
import { keyOf } from './store.ts';
import { strategicMergePatch } from './strategic-patch.ts';

export function handle(store: Store, request: ApiRequest): Answer {
  const route = parseRoute(request.path);
  if (route === undefined) return answerDiscovery(request);
  const form = negotiate(request.accept, request.query, () => store.clock.now());
  const context: Context = { store, request, route, form };
  return route.name === undefined
    ? handleCollection(context)
    : handleItem(context, { ...route, name: route.name });
}

type Context = {
  readonly store: Store;
  readonly request: ApiRequest;
  readonly route: Route;
  readonly form: Representation;
};

function answerDiscovery(request: ApiRequest): Answer {
  const found = request.method === 'GET' ? discover(request.path) : undefined;
  if (found === undefined) throw pathNotFound();
  if (found.kind === 'text') {
    return { kind: 'body', code: 200, contentType: 'text/plain', bytes: Buffer.from(found.text) };
  }
  // An empty protobuf message is an OpenAPI document without definitions (kubectl before 1.27).
  if (request.path === '/openapi/v2' && request.accept?.includes('proto-openapi') === true) {
    // Not the type that was asked for: its `@` is no media type for Go's parser.
    const contentType = 'application/octet-stream';
    return { kind: 'body', code: 200, contentType, bytes: Buffer.alloc(0) };
  }
  return jsonAnswer(Buffer.from(JSON.stringify(found.json)));
}

function handleCollection(context: Context): Answer {
  const { store, request, route } = context;
  switch (request.method) {
    case 'GET':
      return isTrue(request.query, 'watch') ? watch(context) : list(context);
    case 'POST':
      return render(createObject(store, route, parseBody(request)), context, 201);
    case 'DELETE':
      return deleteCollection(context);
    default:
      throw methodNotAllowed();
  }
}

function handleItem(context: Context, target: Target): Answer {
  const { store, request } = context;
  switch (request.method) {
    case 'GET':
      return isTrue(request.query, 'watch') ? watch(context) : get(context, target);
    case 'PUT':
      return render(updateObject(store, target, parseBody(request)).entry, context);
    case 'PATCH':
      return render(patchObject(store, target, patchFunction(request)).entry, context);
    case 'DELETE':
      return remove(context, target);
    default:
      throw methodNotAllowed();
  }
}

const render = (entry: Entry, { form }: Context, code = 200): Answer =>
  jsonAnswer(renderEntry(entry, form), code);

function get(context: Context, target: Target): Answer {
  const entry = context.store.get(target.kind, keyOf(target.namespace, target.name));
  if (entry === undefined) throw notFound(target.kind, target.name);
  return render(entry, context);
}

function remove(context: Context, target: Target): Answer {
  const { store, request } = context;
  const options = request.body.length === 0 ? {} : parseBody(request);
  const { kind, entry } = deleteObject(store, target, {
    uid: textAt(options, 'preconditions.uid') || undefined,
    resourceVersion: textAt(options, 'preconditions.resourceVersion') || undefined,
  });
  return kind === 'removed' ? statusAnswer(deletionStatus(entry)) : render(entry, context);
}

/** `undefined` when everything matches; a watch or list at an object selects it by name. */
function selectorOf({ request, route }: Context): ((object: KubeObject) => boolean) | undefined {
  const fields = request.query.get('fieldSelector') ?? '';
  const byName = route.name === undefined ? '' : `metadata.name=${route.name}`;
  return parseSelectors(route.kind, {
    labelSelector: request.query.get('labelSelector') ?? '',
    fieldSelector: [fields, byName].filter((text) => text !== '').join(','),
  });
}

function list(context: Context): Answer {
  const { store, request, route, form } = context;
  const { query } = request;
  const page = listPage(store, {
    kind: route.kind,
    namespace: route.namespace,
    selector: selectorOf(context),
    limit: integer(query, 'limit') ?? 0,
    continueToken: query.get('continue') ?? undefined,
    revision: integer(query, 'resourceVersion'),
    revisionMatch: query.get('resourceVersionMatch') ?? undefined,
  });
  return jsonAnswer(renderList(route.kind, page.entries, { meta: page.meta, form }));
}

/** Without timeoutSeconds a watch ends after half an hour to an hour, as with the real server. */
const DEFAULT_WATCH_MS = 45 * 60_000;

function watch(context: Context): Answer {
  const { request, route, form } = context;
  const { query } = request;
  const timeoutSeconds = integer(query, 'timeoutSeconds') ?? 0;
  return {
    kind: 'watch',
    request: {
      kind: route.kind,
      namespace: route.namespace,
      selector: selectorOf(context),
      revision: integer(query, 'resourceVersion'),
      sendInitialEvents: isTrue(query, 'sendInitialEvents'),
      allowBookmarks: isTrue(query, 'allowWatchBookmarks'),
      timeoutMs: timeoutSeconds > 0 ? timeoutSeconds * 1000 : DEFAULT_WATCH_MS,
      representation: form,
    },
  };
}

function deleteCollection(context: Context): Answer {
  const { store, route, form } = context;
  const page = listPage(store, {
    kind: route.kind,
    namespace: route.namespace,
    selector: selectorOf(context),
    limit: 0,
    continueToken: undefined,
    revision: undefined,
    revisionMatch: undefined,
  });
  const entries = page.entries.map(({ object: { metadata } }) => {
    const { name = '', namespace } = metadata;
    return deleteObject(store, { kind: route.kind, namespace, name }).entry;
  });
  return jsonAnswer(renderList(route.kind, entries, { meta: page.meta, form }));
}

/** The patch as a function from the current object to the new one. */
function patchFunction(request: ApiRequest): (current: KubeObject) => unknown {
  const type = (request.contentType ?? '').split(';')[0]?.trim();
  const patch = (): JsonObject => parseBody(request);
  switch (type) {
    case 'application/merge-patch+json':
      return (current) => mergePatch(current, patch());
    case 'application/strategic-merge-patch+json':
      return (current) => strategicMergePatch(current, patch());
    default:
      throw new StatusError({
        code: 415,
        reason: 'UnsupportedMediaType',
        message:
          `the body of the request was in an unknown format (${type}) - accepted media types` +
          ' include: application/merge-patch+json, application/strategic-merge-patch+json',
      });
  }
}

function parseBody({ body, contentType }: ApiRequest): JsonObject {
  if (contentType === 'application/vnd.kubernetes.protobuf') return decodeProtobuf(body);
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch (error) {
    throw badRequest(`the body of the request is not JSON: ${String(error)}`);
  }
  if (!isJsonObject(json)) throw badRequest('the body of the request is not a JSON object');
  return json;
}

const isTrue = (query: URLSearchParams, name: string): boolean =>
  ['true', '1'].includes(query.get(name) ?? '');

/** `undefined` when absent or empty. */
function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  if (!/^\d{1,16}$/.test(text)) throw badRequest(`${name}: Invalid value: "${text}"`);
  return Number(text);
}
